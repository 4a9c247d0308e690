//! A truth on the device that the host hears of without draining the device.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use super::read;
use crate::Result;

/// How long an answer is awaited.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the device has said that something is so.
///
/// [`post`](Self::post) queues a copy to page-locked memory of the host, and [`is_set`](Self::is_set) looks
/// at that memory. It may hear of it late, by as much as the host is ahead of the device, but it never waits;
/// what depends on it must come out the same however late it is. On the CPU it is never late.
pub(crate) struct Flag {
    host: Tensor,
    yes: i64,
    no: i64,
}

impl Flag {
    /// Asks the device for `truth`, a Bool scalar.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] for an error of an earlier kernel, or when there is no memory.
    pub(crate) fn post(truth: &Tensor) -> Result<Self> {
        static POSTED: AtomicU64 = AtomicU64::new(1);
        // What the host's memory holds before the copy arrives is anything, but neither of two numbers that
        // have not been used before. The factor is odd: no two products are equal.
        let number = POSTED.fetch_add(2, Ordering::Relaxed);
        let [no, yes] =
            [number, number + 1].map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64);
        let answer = truth.f_mul_scalar(yes.wrapping_sub(no))?.f_add_scalar(no)?;
        // Memory for a copy that need not wait is page-locked. A machine may have none of it.
        let host = answer
            .f_to_device_(Device::Cpu, Kind::Int64, true, false)
            .or_else(|_| answer.f_to_device(Device::Cpu))?;
        Ok(Flag { host, yes, no })
    }

    /// Whether it is true as far as the host has heard.
    ///
    /// # Errors
    /// None that is known: the memory is the host's.
    pub(crate) fn is_set(&self) -> Result<bool> {
        Ok(self.heard()? == self.yes)
    }

    /// Returns when there is an answer. What was launched after the question is not waited for: a host that
    /// is far ahead lets the device catch up. It gives up after some seconds: a device that has failed says so
    /// when it is read.
    ///
    /// # Errors
    /// None that is known: the memory is the host's.
    pub(crate) fn await_answer(&self) -> Result<()> {
        let begin = Instant::now();
        while ![self.yes, self.no].contains(&self.heard()?) {
            if begin.elapsed() > PATIENCE {
                return Ok(());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn heard(&self) -> Result<i64> {
        let mut heard = [0_i64];
        read::fill(&self.host, &mut heard)?;
        let [heard] = heard;
        Ok(heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_hears_at_once() {
        for truth in [true, false, true] {
            let flag = Flag::post(&Tensor::from(truth)).unwrap();
            flag.await_answer().unwrap();
            assert_eq!(flag.is_set().unwrap(), truth);
        }
    }

    #[test]
    fn what_another_flag_left_in_memory_is_no_answer() {
        let before = Flag::post(&Tensor::from(true)).unwrap();
        let next = Flag::post(&Tensor::from(false)).unwrap();
        let late = Flag {
            host: before.host,
            ..next
        };
        assert!(!late.is_set().unwrap());
    }
}
