//! Gradient descent-ascent: Algorithm F1-GDA of the book.

use tch::{Device, Kind, Tensor};

use super::{Rates, Renewal, Settings, batched};
use crate::native::gda::{self as native, Noise};
use crate::parallel::{Alone, Collective};
use crate::random::Stream;
use crate::shallow::Shallow;
use crate::{Error, Result, shape};

/// Particles and neurons of one run, where they are now.
///
/// On the CPU an iteration is one native pass over blocks of particles for rectifiers (powers 1 to 3) and softplus
/// on the sphere and $R^d$; otherwise it is a fixed number of tensor operations, and nothing is read back. Both do the
/// same with the same noise, up to rounding. A run goes on exactly from its particles, its network and
/// [`Gda::iteration`].
///
/// ```
/// use efy_core::flow::{Gda, Restart, Settings};
/// use efy_core::shallow::{Activation, Shallow, Space};
/// use tch::{Device, Kind};
/// let place = (Kind::Float, Device::Cpu);
/// let data = Shallow::random(Space::Sphere, Activation::RELU, 3, &[1.0; 200], 1, place)?.neurons().copy();
/// let student = Shallow::random(Space::Sphere, Activation::RELU, 3, &[-1.0; 64], 0, place)?;
/// let settings = Settings { restart: Restart::Every(60), ..Settings::default() };
/// let mut flow = Gda::new(&student, &data, None, settings)?;
/// flow.run(10)?;
/// assert_eq!(flow.particles()?.size(), [400, 3]);
/// let trained = flow.network()?;
/// # Ok::<(), efy_core::Error>(())
/// ```
pub struct Gda {
    settings: Settings,
    iteration: u64,
    network: Shallow,
    data: Tensor,
    particles: i64,
    state: State,
}

/// Where particles and neurons are kept.
enum State {
    Single(Box<native::State<f32, { native::SINGLE }>>),
    Double(Box<native::State<f64, { native::DOUBLE }>>),
    Tensors(Box<batched::State>),
}

impl Gda {
    /// From a network, data `[n, d]` and particles `[N, d]`, by default two copies of the data.
    ///
    /// # Errors
    /// Wrong shapes, kinds or devices; settings out of range; antithetic noise for an odd number of particles.
    pub fn new(
        network: &Shallow,
        data: &Tensor,
        particles: Option<&Tensor>,
        settings: Settings,
    ) -> Result<Self> {
        Gda::make(network, data, particles, settings, true)
    }

    /// As [`Gda::new`], in tensor operations on every device.
    ///
    /// # Errors
    /// As [`Gda::new`].
    pub fn in_tensors(
        network: &Shallow,
        data: &Tensor,
        particles: Option<&Tensor>,
        settings: Settings,
    ) -> Result<Self> {
        Gda::make(network, data, particles, settings, false)
    }

    fn make(
        network: &Shallow,
        data: &Tensor,
        particles: Option<&Tensor>,
        settings: Settings,
        natively: bool,
    ) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        settings.validate()?;
        let (kind, device) = network.place();
        let (space, d) = (network.space(), network.dimension());
        space.check("data", data, d, (kind, device))?;
        let data = data.detach();
        let particles = match particles {
            Some(particles) => particles.detach(),
            None => Tensor::f_cat(&[&data, &data], 0)?,
        };
        space.check("particles", &particles, d, (kind, device))?;
        let ((n, _), (count, _)) = (shape::size2(&data), shape::size2(&particles));
        let wrong = |what, expected: &str, found: &Tensor| Error::Shape {
            what,
            expected: expected.to_owned(),
            found: found.size(),
        };
        if n == 0 || n > i64::from(i32::MAX) {
            return Err(wrong("data", "[n, d] with at least one row", &data));
        }
        if count == 0 || settings.antithetic && count % 2 == 1 {
            return Err(wrong(
                "particles",
                "[N, d] with an even number of rows",
                &particles,
            ));
        }
        let network = network.with(network.neurons().detach(), network.weights().detach());
        let native = natively && device == Device::Cpu && native::serves(&network);
        let state = match kind {
            Kind::Double if native => State::Double(Box::new(native::State::new(
                &network,
                &data,
                &particles,
                settings.antithetic,
            )?)),
            _ if native => State::Single(Box::new(native::State::new(
                &network,
                &data,
                &particles,
                settings.antithetic,
            )?)),
            _ => State::Tensors(Box::new(batched::State::new(
                &network,
                &data,
                &particles,
                settings.antithetic,
            ))),
        };
        Ok(Gda {
            settings,
            iteration: 0,
            network,
            data,
            particles: count,
            state,
        })
    }

    /// As if so many iterations had been made: the noise of the next is that of iteration + 1.
    pub fn continuing(mut self, iteration: u64) -> Self {
        self.iteration = iteration;
        self
    }

    /// The number of iterations so far.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes iterations.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch fails.
    pub fn run(&mut self, iterations: u64) -> Result<()> {
        self.run_with(iterations, &mut Alone)
    }

    /// [`run`](Self::run) together with other processes: each moves its own particles, and one sum an iteration over all of
    /// them moves the neurons. [`gather`](Self::gather) brings the particles together.
    ///
    /// # Errors
    /// As [`run`](Self::run), and those of the sum.
    pub fn run_with(&mut self, iterations: u64, collective: &mut dyn Collective) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for _ in 0..iterations {
            self.iteration += 1;
            let moves = self.settings.langevin_steps;
            for step in 0..moves {
                let key = (
                    self.settings.seed,
                    Stream::Particles,
                    (self.iteration - 1) * moves + step,
                );
                let renewal = match step {
                    0 => self.settings.renewal(self.iteration, key),
                    _ => Renewal::None,
                };
                let rates = (step + 1 == moves).then(|| self.settings.rates());
                let noise = Noise::Drawn(key);
                self.advance(renewal, &noise, rates.as_ref(), collective)?;
            }
        }
        Ok(())
    }

    /// Brings the particles together that processes have moved, each its own.
    ///
    /// # Errors
    /// Those of the sum.
    pub fn gather(&mut self, collective: &mut dyn Collective) -> Result<()> {
        let _guard = tch::no_grad_guard();
        match &mut self.state {
            State::Single(state) => state.gather(collective),
            State::Double(state) => state.gather(collective),
            State::Tensors(state) => state.gather(collective),
        }
    }

    /// One iteration with one move of the particles whose noise `[N, d]` is given, signs and all.
    ///
    /// # Errors
    /// Noise that is not like the particles; [`Error::Torch`].
    pub fn step_with(&mut self, noise: &Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let size = [self.particles, self.network.dimension()];
        shape::tensor_of("noise", noise, &size, self.network.place())?;
        self.iteration += 1;
        let key = (self.settings.seed, Stream::Particles, self.iteration - 1);
        let renewal = self.settings.renewal(self.iteration, key);
        let rates = self.settings.rates();
        self.advance(renewal, &Noise::Given(noise), Some(&rates), &mut Alone)
    }

    fn advance(
        &mut self,
        renewal: Renewal,
        noise: &Noise<'_>,
        rates: Option<&Rates>,
        collective: &mut dyn Collective,
    ) -> Result<()> {
        let rate = (self.settings.particle_step, self.settings.beta);
        match &mut self.state {
            State::Single(state) => state.advance(rate, renewal, noise, rates, collective),
            State::Double(state) => state.advance(rate, renewal, noise, rates, collective),
            State::Tensors(state) => state.advance(rate, renewal, noise, rates, collective),
        }
    }

    /// The network as it is now, a copy.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch fails.
    pub fn network(&self) -> Result<Shallow> {
        let (neurons, weights) = match &self.state {
            State::Single(state) => state.neurons()?,
            State::Double(state) => state.neurons()?,
            State::Tensors(state) => return Ok(state.network().copy()),
        };
        Ok(self.network.with(neurons, weights))
    }

    /// The particles as they are now `[N, d]`, a copy.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch fails.
    pub fn particles(&self) -> Result<Tensor> {
        match &self.state {
            State::Single(state) => state.particles(),
            State::Double(state) => state.particles(),
            State::Tensors(state) => Ok(state.particles().copy()),
        }
    }

    /// The data, `[n, d]`.
    pub fn data(&self) -> &Tensor {
        &self.data
    }

    /// V of (47) in the last iteration, `[m]`; zeros before the first.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch fails.
    pub fn discrepancy(&self) -> Result<Tensor> {
        match &self.state {
            State::Single(state) => state.discrepancy(),
            State::Double(state) => state.discrepancy(),
            State::Tensors(state) => Ok(state.discrepancy().copy()),
        }
    }

    /// The duality gap as particles and neurons see it, a scalar on the device:
    /// $R \max_j |V_j| + \frac1m \sum_j w_j c_j V_j$, not negative while the total variation is at most R.
    ///
    /// It is the gap of the pair (f, Gibbs measure of f) where the particles are a sample of that measure; the
    /// maximum over all of $\theta$ is replaced by that over the neurons, which makes it smaller.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch fails.
    pub fn gap(&self, radius: f64) -> Result<Tensor> {
        let v = self.discrepancy()?;
        let amplitudes = self.network()?.amplitudes();
        Ok(v.abs().max() * radius + (v * amplitudes).mean(None))
    }
}
