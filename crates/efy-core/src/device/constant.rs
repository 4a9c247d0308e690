//! Numbers that are on a device already.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use crate::Result;

/// Most numbers that are kept; more are made anew each time.
const MOST: usize = 64;

/// A number as a tensor `[]`, which is made once a thread: filling one is a launch. Not to be written to.
pub(crate) fn constant(value: f64, (kind, device): (Kind, Device)) -> Result<Tensor> {
    thread_local! {
        static KNOWN: RefCell<Vec<(u64, Tensor)>> = const { RefCell::new(Vec::new()) };
    }
    KNOWN.with_borrow_mut(|known| {
        let bits = value.to_bits();
        let same = |(other, t): &&(u64, Tensor)| {
            *other == bits && t.kind() == kind && t.device() == device
        };
        if let Some((_, t)) = known.iter().find(same) {
            return Ok(t.shallow_clone());
        }
        let t = Tensor::f_full([] as [i64; 0], value, (kind, device))?;
        if known.len() < MOST {
            known.push((bits, t.shallow_clone()));
        }
        Ok(t)
    })
}

/// The same for each of `rows` rows, `[B]`: one number seen B times.
pub(crate) fn constant_rows(value: f64, rows: i64, options: (Kind, Device)) -> Result<Tensor> {
    Ok(constant(value, options)?.f_expand([rows], false)?)
}

/// Numbers as a tensor `[n]`, as [`constant`]: to bring them to a device is a copy that the host waits for.
pub(crate) fn constants(values: &[f64], (kind, device): (Kind, Device)) -> Tensor {
    thread_local! {
        static KNOWN: RefCell<Vec<(Vec<f64>, Tensor)>> = const { RefCell::new(Vec::new()) };
    }
    KNOWN.with_borrow_mut(|known| {
        let same = |(others, t): &&(Vec<f64>, Tensor)| {
            others.len() == values.len()
                && t.kind() == kind
                && t.device() == device
                && (others.iter().zip(values)).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        if let Some((_, t)) = known.iter().find(same) {
            return t.shallow_clone();
        }
        let t = Tensor::from_slice(values).to_kind(kind).to_device(device);
        if known.len() < MOST {
            known.push((values.to_vec(), t.shallow_clone()));
        }
        t
    })
}
