//! Numbers that are on a device already.

use std::cell::RefCell;

use tch::kind::Element;
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
pub(crate) fn constants(values: &[f64], options: (Kind, Device)) -> Tensor {
    thread_local! {
        static KNOWN: RefCell<Known<f64>> = const { RefCell::new(Vec::new()) };
    }
    let same = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
    KNOWN.with_borrow_mut(|known| kept(known, values, same, options))
}

/// The same for integers, Int64.
pub(crate) fn constant_integers(values: &[i64], device: Device) -> Tensor {
    thread_local! {
        static KNOWN: RefCell<Known<i64>> = const { RefCell::new(Vec::new()) };
    }
    KNOWN.with_borrow_mut(|known| kept(known, values, i64::eq, (Kind::Int64, device)))
}

/// Numbers beside the tensors of them.
type Known<T> = Vec<(Vec<T>, Tensor)>;

fn kept<T: Element + Copy>(
    known: &mut Known<T>,
    values: &[T],
    equal: impl Fn(&T, &T) -> bool,
    (kind, device): (Kind, Device),
) -> Tensor {
    let same = |(others, t): &&(Vec<T>, Tensor)| {
        others.len() == values.len()
            && t.kind() == kind
            && t.device() == device
            && others.iter().zip(values).all(|(a, b)| equal(a, b))
    };
    if let Some((_, t)) = known.iter().find(same) {
        return t.shallow_clone();
    }
    let t = Tensor::from_slice(values).to_kind(kind).to_device(device);
    if known.len() < MOST {
        known.push((values.to_vec(), t.shallow_clone()));
    }
    t
}
