//! A small problem to train, and an observer that remembers.

use std::cell::RefCell;
use std::rc::Rc;

use efy_core::device::read;
use efy_core::parameters::{Builder, Parameters};
use efy_test::{device, kind, place};
use tch::{Device, Kind, TchError, Tensor};

use super::super::*;
use crate::{Measure, StepLoss};

/// Least squares; the targets move with a state of the objective that every step changes.
pub(super) struct Squares {
    pub(super) parameters: Parameters,
    pub(super) x: Tensor,
    pub(super) y: Tensor,
    pub(super) memory: Tensor,
    pub(super) before: Vec<(Tensor, Tensor)>,
    /// Batches larger than this do not fit into memory.
    pub(super) room: i64,
    /// Whether it panics then.
    pub(super) panics: bool,
    /// How much the memory says.
    pub(super) pull: f64,
    /// The step whose loss is not a number, counted from 1.
    pub(super) broken: Option<i64>,
    /// It is a number when that step is made again.
    pub(super) heals: bool,
    pub(super) steps: i64,
}

pub(super) const EXAMPLES: i64 = 20;

impl Squares {
    pub(super) fn new() -> Self {
        let mut builder = Builder::default();
        builder
            .add("weight", &[3], vec![0.1, -0.2, 0.3], true)
            .unwrap();
        let grid = Tensor::arange(EXAMPLES * 3, place()).reshape([-1, 3]);
        let x = (grid * 0.7).sin();
        Squares {
            y: x.square()
                .sum_dim_intlist([1].as_slice(), false, None::<Kind>),
            memory: Tensor::zeros([EXAMPLES], place()),
            before: Vec::new(),
            parameters: builder.build(kind(), device()).unwrap(),
            room: EXAMPLES,
            panics: false,
            pull: 0.1,
            broken: None,
            heals: false,
            steps: 0,
            x,
        }
    }
}

impl Objective for Squares {
    fn examples(&self) -> usize {
        EXAMPLES as usize
    }

    fn device(&self) -> Device {
        self.x.device()
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn step(&mut self, rows: &Tensor) -> Result<StepLoss> {
        if rows.size()[0] > self.room {
            // As tch's operators do.
            assert!(
                !self.panics,
                "Torch(\"CUDA out of memory. Tried to allocate\")"
            );
            let error = TchError::Torch("CUDA out of memory. Tried to allocate".to_owned());
            return Err(efy_core::Error::from(error).into());
        }
        let memory = self.memory.index_select(0, rows);
        let found = self
            .x
            .index_select(0, rows)
            .matmul(&self.parameters.tensor(0));
        let mut loss = (&found - self.y.index_select(0, rows) - &memory * self.pull)
            .square()
            .mean(None::<Kind>);
        self.steps += 1;
        if self.broken == Some(self.steps) {
            loss *= f64::NAN;
            self.broken = self.broken.filter(|_| !self.heals);
        }
        let _ = self.memory.index_copy_(0, rows, &found.detach());
        self.before.push((rows.shallow_clone(), memory));
        let last = found.detach().sum(None::<Kind>);
        let measure: Measure = Box::new(move || last);
        Ok(StepLoss {
            loss,
            gradient: None,
            metrics: vec![("last", measure)],
        })
    }

    fn constrain(&mut self) -> Result<()> {
        self.before.clear();
        Ok(())
    }

    fn rewind(&mut self) -> Result<()> {
        for (rows, memory) in self.before.drain(..).rev() {
            self.steps -= 1;
            let _ = self.memory.index_copy_(0, &rows, &memory);
        }
        Ok(())
    }

    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.put_tensor("memory", &self.memory);
        state.put("steps", &self.steps)?;
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.memory = state.tensor("memory", &self.memory)?;
        self.steps = state.get("steps")?;
        Ok(())
    }

    fn evaluate(&mut self, _split: Split) -> Result<Metrics> {
        let loss = self.x.matmul(&self.parameters.tensor(0)) - &self.y;
        let loss = read::scalar(&loss.square().mean(None::<Kind>))?;
        Ok([("loss", loss)].into_iter().collect())
    }
}

/// Writes down all that it is told.
#[derive(Clone, Default)]
pub(super) struct Diary(pub(super) Rc<RefCell<Vec<String>>>);

impl Observer for Diary {
    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        let line = match event {
            Event::Metrics {
                step,
                split,
                metrics,
                ..
            } => {
                format!("{step} {} {metrics:?}", split.name())
            }
            Event::Warning { message } => format!("warning: {message}"),
            _ => return Ok(()),
        };
        self.0.borrow_mut().push(line);
        Ok(())
    }

    fn name(&self) -> &'static str {
        "diary"
    }

    fn state(&mut self) -> Result<State> {
        let mut state = State::default();
        state.put("lines", &*self.0.borrow())?;
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        *self.0.borrow_mut() = state.get("lines")?;
        Ok(())
    }
}

pub(super) fn config() -> TrainConfig {
    TrainConfig {
        epochs: 6,
        batch_size: 6,
        lr: 0.05,
        log_every: 3,
        eval_every: 2,
        patience: 50,
        ..TrainConfig::default()
    }
}
