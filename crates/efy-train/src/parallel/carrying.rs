//! What processes ask of all of them, on the way with what they sum.

use efy_core::device::read;
use efy_core::parallel::{Collective, lost};
use efy_core::{Error, Result};
use tch::{Kind, Tensor};

use crate::Control;

/// The number of TERM, and of INT.
const TERMINATE: usize = 15;
const INTERRUPT: usize = 2;

/// What was asked of any process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    interrupt: bool,
    terminate: bool,
    /// A checkpoint.
    pub(crate) save: bool,
}

impl Asked {
    /// What was asked of this one since the last call.
    pub(crate) fn of(control: &Control) -> Self {
        let signal = control.asked_to_stop();
        Asked {
            interrupt: signal == Some(INTERRUPT),
            terminate: signal.is_some_and(|signal| signal != INTERRUPT),
            save: control.wants_checkpoint(),
        }
    }

    /// The signal that asks to stop.
    pub(crate) fn signal(self) -> Option<usize> {
        match (self.terminate, self.interrupt) {
            (true, _) => Some(TERMINATE),
            (false, true) => Some(INTERRUPT),
            _ => None,
        }
    }

    fn numbers(self) -> [f64; 3] {
        [self.interrupt, self.terminate, self.save].map(|flag| f64::from(u8::from(flag)))
    }

    /// From the sums of all processes' numbers.
    fn from_sums(sums: &[f64]) -> Self {
        let flag = |place: usize| sums.get(place).is_some_and(|&sum| sum > 0.0);
        Asked {
            interrupt: flag(0),
            terminate: flag(1),
            save: flag(2),
        }
    }
}

/// Processes whose first sum has three more numbers at its end, so that a request to one of them reaches all at the same
/// step, without a message of its own.
pub(crate) struct Carrying<'a> {
    collective: &'a mut dyn Collective,
    asked: Asked,
    sent: bool,
}

impl<'a> Carrying<'a> {
    pub(crate) fn new(collective: &'a mut dyn Collective, control: &Control) -> Self {
        let alone = collective.world() == 1;
        Carrying {
            asked: match alone {
                true => Asked::default(),
                false => Asked::of(control),
            },
            sent: alone,
            collective,
        }
    }

    /// What was asked of any process; sent by itself if nothing was summed.
    pub(crate) fn arrived(mut self) -> Result<Asked> {
        if !self.sent {
            let _ = self.sum(Tensor::f_zeros([0], (Kind::Double, tch::Device::Cpu))?)?;
        }
        Ok(self.asked)
    }
}

impl Collective for Carrying<'_> {
    fn rank(&self) -> usize {
        self.collective.rank()
    }

    fn world(&self) -> usize {
        self.collective.world()
    }

    fn sum(&mut self, tensor: Tensor) -> Result<Tensor> {
        if self.sent {
            return self.collective.sum(tensor);
        }
        self.sent = true;
        let length = tensor.numel() as i64;
        let flags = Tensor::f_from_slice(&self.asked.numbers())?
            .f_to_kind(tensor.kind())?
            .f_to_device(tensor.device())?;
        let count = flags.numel() as i64;
        let all = self.collective.sum(Tensor::f_cat(&[tensor, flags], 0)?)?;
        self.asked = Asked::from_sums(&read::to_vec(&all.f_narrow(0, length, count)?)?);
        Ok(all.f_narrow(0, 0, length)?)
    }
}

/// Refuses to train together with a process that has other numbers here: small integers of what is trained.
///
/// # Errors
/// [`Error::Peer`] on all processes whose numbers are not the mean of all.
pub(crate) fn agree(numbers: &[u32], collective: &mut dyn Collective) -> Result<()> {
    let world = collective.world();
    if world == 1 {
        return Ok(());
    }
    let own: Vec<f64> = numbers.iter().copied().map(f64::from).collect();
    let sums: Vec<f64> = read::to_vec(&collective.sum(Tensor::f_from_slice(&own)?)?)?;
    let differs = |(own, sum): (&f64, &f64)| own * world as f64 != *sum;
    let differ: Result<(), Error> = match own.iter().zip(&sums).any(differs) {
        true => Err(lost(format!(
            "rank {} has another configuration, other data or another checkpoint than the rest; all need the same files",
            collective.rank()
        ))),
        false => Ok(()),
    };
    differ
}
