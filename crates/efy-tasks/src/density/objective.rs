//! A flow as something that a trainer trains.

use std::rc::Rc;

use efy_core::device::read;
use efy_core::estimate::Estimate;
use efy_core::parallel::{Alone, Collective};
use efy_core::parameters::{Builder, Parameters};
use efy_core::shallow::Shallow;
use efy_train::{Measure, Metrics, Objective, Split, State, StepLoss};
use tch::{Device, Kind, Tensor};

use super::examples::{self, Examples};
use super::flow::Flow;
use super::frames::Frames;
use super::judge::Judge;
use crate::Result;
use crate::config::{Config, FlowKind, SpaceKind};

/// The network's tensors, by name, in their order.
const NEURONS: usize = 0;
const WEIGHTS: usize = 1;
const CHARGES: usize = 2;

/// A network, its particles and the data.
///
/// A step is one iteration over all examples, which count as one: an epoch is a step. The loss of a step is the duality
/// gap as particles and neurons see it (of flow `kernel`, MMD).
pub struct Density {
    config: Config,
    parameters: Parameters,
    /// Space and function of the units; its weights are those of the beginning.
    template: Shallow,
    splits: [Tensor; 3],
    scaling: Scaling,
    flow: Flow,
    frames: Frames,
    judge: Rc<Judge>,
}

/// What is subtracted from the entries of points, and what they are divided by: `[d]`, f64 on the CPU.
#[derive(Debug)]
pub struct Scaling {
    /// 0 but in R^d with `data.standardize`.
    pub mean: Tensor,
    /// 1 but there.
    pub deviation: Tensor,
}

impl Scaling {
    /// That of the training points, if points are standardized.
    fn of(config: &Config, train: &Tensor) -> Self {
        let first = train.get(0);
        if config.model.space != SpaceKind::Euclidean || !config.data.standardize {
            return Scaling {
                mean: first.zeros_like(),
                deviation: first.ones_like(),
            };
        }
        let deviation = train.std_dim([0].as_slice(), false, false);
        let constant = deviation.le(1e-12);
        Scaling {
            mean: train.mean_dim([0].as_slice(), false, None::<Kind>),
            deviation: deviation.masked_fill(&constant, 1.0),
        }
    }

    /// As the network sees points.
    pub fn apply(&self, points: &Tensor, (kind, device): (Kind, Device)) -> Tensor {
        ((points - &self.mean) / &self.deviation)
            .to_kind(kind)
            .to_device(device)
    }

    /// Back to the units of the data, f64 on the CPU.
    pub fn undo(&self, points: &Tensor) -> Tensor {
        points.to_device(Device::Cpu).to_kind(Kind::Double) * &self.deviation + &self.mean
    }

    /// The sum of the logarithms of the deviations.
    pub(super) fn log_volume(&self) -> Result<f64> {
        Ok(read::scalar(&self.deviation.log().sum(None::<Kind>))?)
    }
}

/// The network that a configuration describes, for points of d numbers, as it begins.
pub(super) fn network(config: &Config, d: i64, device: Device) -> Result<Shallow> {
    let model = &config.model;
    let place = (model.dtype.kind(), device);
    Ok(Shallow::random(
        model.points(),
        model.unit(),
        d,
        &model.signs(),
        config.train.seed,
        place,
    )?)
}

/// Its tensors as parameters.
pub(super) fn parameters(network: &Shallow) -> Result<Parameters> {
    let (kind, device) = network.place();
    let mut builder = Builder::default();
    for (name, tensor) in [
        ("neurons", network.neurons()),
        ("weights", network.weights()),
        ("charges", network.charges()),
    ] {
        builder.add(name, &tensor.size(), read::to_vec(tensor)?, false)?;
    }
    Ok(builder.build(kind, device)?)
}

/// The network of these parameters, which shares nothing with them.
pub(super) fn network_of(template: &Shallow, parameters: &Parameters) -> Result<Shallow> {
    let _guard = tch::no_grad_guard();
    let tensor = |place| parameters.tensor(place).detach().copy();
    Ok(Shallow::new(
        template.space(),
        template.activation(),
        tensor(NEURONS),
        tensor(WEIGHTS),
        tensor(CHARGES),
    )?)
}

impl Density {
    /// At the beginning of a training.
    ///
    /// # Errors
    /// What the flow reports of its settings, and libtorch of its device.
    pub fn new(config: &Config, examples: &Examples, device: Device) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let place = (config.model.dtype.kind(), device);
        let d = examples.names().len() as i64;
        let template = network(config, d, device)?;
        let scaling = Scaling::of(config, examples.split(Split::Train));
        let splits = Split::ALL.map(|split| scaling.apply(examples.split(split), place));
        let particles = Flow::start(config, &template, &splits[0])?;
        let flow = Flow::new(config, &template, &splits[0], (&particles, 0))?;
        let teacher = examples::teacher(config, place)?;
        let judge = Judge::new(config, &template, teacher, scaling.log_volume()?)?;
        let begin = match config.flow.kind {
            FlowKind::Gda => flow.network()?,
            FlowKind::Kernel => template.copy(),
        };
        let mut frames = Frames::default();
        frames.look(0, || flow.particles(), &begin)?;
        Ok(Density {
            config: config.clone(),
            parameters: parameters(&begin)?,
            template,
            splits,
            scaling,
            flow,
            frames,
            judge: Rc::new(judge),
        })
    }

    /// The network with the parameters as they are now.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when libtorch fails.
    pub fn network(&self) -> Result<Shallow> {
        network_of(&self.template, &self.parameters)
    }

    /// The particles as they are now, `[N, d]`.
    ///
    /// # Errors
    /// [`crate::Error::Core`] when libtorch fails.
    pub fn particles(&self) -> Result<Tensor> {
        self.flow.particles()
    }

    /// What judges it.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// How points were scaled.
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// The points of a split as the network sees them, `[n, d]`.
    pub fn points(&self, split: Split) -> &Tensor {
        match split {
            Split::Train => &self.splits[0],
            Split::Validation => &self.splits[1],
            Split::Test => &self.splits[2],
        }
    }

    pub(super) fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Goes on from these particles.
    pub(super) fn set_particles(&mut self, particles: &Tensor, iteration: u64) -> Result<()> {
        let network = self.network()?;
        self.flow = Flow::new(
            &self.config,
            &network,
            &self.splits[0],
            (particles, iteration),
        )?;
        Ok(())
    }

    fn made(&mut self, collective: &mut dyn Collective) -> Result<StepLoss> {
        let _guard = tch::no_grad_guard();
        self.flow.advance(collective)?;
        let network = self.flow.network()?;
        let tensors = [network.neurons(), network.weights(), network.charges()];
        let tensors = tensors.map(Tensor::shallow_clone);
        self.parameters.assign(&self.parameters.gather(&tensors)?)?;
        let flow = &mut self.flow;
        let iteration = flow.iteration();
        let particles = || {
            flow.gather(collective)?;
            flow.particles()
        };
        self.frames.look(iteration, particles, &network)?;
        Ok(StepLoss {
            loss: self.flow.loss(&network)?,
            gradient: None,
            metrics: self.measures(network),
        })
    }

    /// What is worth knowing at a log point.
    fn measures(&self, network: Shallow) -> Vec<(&'static str, Measure)> {
        let total_variation = network.total_variation();
        let mut measures: Vec<(&'static str, Measure)> =
            vec![("tv", Box::new(move || total_variation))];
        if self.judge.teacher().is_some() {
            let network = Rc::new(network);
            let divergences: [(&'static str, Divergence); 2] =
                [("kl", Judge::kullback_leibler), ("fisher", Judge::fisher)];
            for (name, divergence) in divergences {
                let (judge, network) = (Rc::clone(&self.judge), Rc::clone(&network));
                let points = self.points(Split::Validation).shallow_clone();
                let measure = move || {
                    let _guard = tch::no_grad_guard();
                    match divergence(&judge, &network, &points) {
                        Ok(Some(estimate)) => estimate.value,
                        _ => Tensor::from(f64::NAN).to_device(points.device()),
                    }
                };
                measures.push((name, Box::new(measure)));
            }
        }
        measures
    }
}

/// A divergence from the teacher.
type Divergence = fn(&Judge, &Shallow, &Tensor) -> Result<Option<Estimate>>;

/// What this crate reports, as the trainer has it.
fn told(error: crate::Error) -> efy_train::Error {
    match error {
        crate::Error::Core(error) => error.into(),
        crate::Error::Train(error) => error,
        other => efy_train::Error::State(other.to_string()),
    }
}

impl Objective for Density {
    /// All of them are one.
    fn examples(&self) -> usize {
        1
    }

    fn device(&self) -> Device {
        self.parameters.flat().device()
    }

    /// Nobody looks at the indices.
    fn rows_device(&self) -> Device {
        Device::Cpu
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn moves_weights(&self) -> bool {
        true
    }

    fn step(&mut self, rows: &Tensor) -> efy_train::Result<StepLoss> {
        self.step_with(rows, &mut Alone)
    }

    fn step_with(
        &mut self,
        _rows: &Tensor,
        collective: &mut dyn Collective,
    ) -> efy_train::Result<StepLoss> {
        self.made(collective).map_err(told)
    }

    fn gather(&mut self, collective: &mut dyn Collective) -> efy_train::Result<()> {
        self.flow.gather(collective).map_err(told)
    }

    fn state(&self) -> efy_train::Result<State> {
        let mut state = State::default();
        state.put("iteration", &self.flow.iteration())?;
        state.put_tensor("particles", &self.flow.particles().map_err(told)?);
        state.nest("frames", self.frames.state().map_err(told)?);
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> efy_train::Result<()> {
        let particles = state.tensor("particles", &self.flow.particles().map_err(told)?)?;
        let iteration = state.get("iteration")?;
        self.frames.restore(&state.inner("frames"))?;
        self.set_particles(&particles, iteration).map_err(told)
    }

    /// Each process looks at the whole split, once it knows all particles.
    fn evaluate_with(
        &mut self,
        split: Split,
        collective: &mut dyn Collective,
    ) -> efy_train::Result<Vec<Metrics>> {
        self.gather(collective)?;
        self.evaluate_replicas(split)
    }

    fn evaluate(&mut self, split: Split) -> efy_train::Result<Metrics> {
        let found = (|| {
            let network = self.network()?;
            self.judge
                .metrics(&network, self.points(split), &self.particles()?)
        })();
        found.map_err(told)
    }
}
