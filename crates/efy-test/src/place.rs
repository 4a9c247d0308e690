//! Where and in which type the body of a test computes.

use std::cell::Cell;
use std::sync::OnceLock;

use efy_core::device::DeviceChoice;
use tch::{Device, Kind};

/// The environment variable that names the one device to run on.
const VARIABLE: &str = "EFY_TEST_DEVICE";

thread_local! {
    /// Where this thread's test is, and whether it asked.
    static PLACE: Cell<Option<(Kind, Device)>> = const { Cell::new(None) };
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a body in `kind` on every device; what [`crate::everywhere`] calls.
///
/// # Panics
/// As the body does; when the body never asked where it is; when `EFY_TEST_DEVICE` names a device that
/// cannot be used.
pub fn run(kind: Kind, body: fn()) {
    for &device in devices() {
        run_at(kind, device, body);
    }
}

/// Runs a body in `kind` on the CPU; what [`crate::everywhere`] calls for what exists there only.
///
/// # Panics
/// As the body does; when the body never asked where it is.
pub fn run_on_cpu(kind: Kind, body: fn()) {
    run_at(kind, Device::Cpu, body);
}

fn run_at(kind: Kind, device: Device, body: fn()) {
    let _entered = Entered::new(kind, device);
    body();
    assert!(ASKED.get(), "the test never asked for its place");
}

/// Kind and device of the running test, as tch's constructors take them.
///
/// # Panics
/// Outside of a test that says [`crate::everywhere`]; other threads than its own are outside.
pub fn place() -> (Kind, Device) {
    ASKED.set(true);
    PLACE
        .get()
        .unwrap_or_else(|| panic!("only a test that says #[everywhere] has a place"))
}

/// The floating-point type of the running test.
///
/// # Panics
/// As [`place`].
pub fn kind() -> Kind {
    place().0
}

/// The device of the running test.
///
/// # Panics
/// As [`place`].
pub fn device() -> Device {
    place().1
}

/// Whether the running test computes on the CPU, where native loops do what tensor operators do elsewhere.
///
/// # Panics
/// As [`place`].
pub fn on_cpu() -> bool {
    device() == Device::Cpu
}

/// Of two values the one for the type of the running test.
///
/// # Panics
/// As [`place`].
pub fn by_kind<T>(double: T, single: T) -> T {
    match kind() {
        Kind::Double => double,
        _ => single,
    }
}

/// Of two values the one for the device of the running test: sizes and counts are smaller where each
/// operator of each iteration is a launch.
///
/// # Panics
/// As [`place`].
pub fn by_device<T>(cpu: T, elsewhere: T) -> T {
    if on_cpu() { cpu } else { elsewhere }
}

/// The devices to run on, never none.
fn devices() -> &'static [Device] {
    static DEVICES: OnceLock<Vec<Device>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        // Tests run side by side, on matrices that are too small for threads of their own.
        tch::set_num_threads(1);
        if let Ok(name) = std::env::var(VARIABLE) {
            let device = name.parse().and_then(DeviceChoice::select);
            return vec![device.unwrap_or_else(|error| panic!("{VARIABLE}={name}: {error}"))];
        }
        match DeviceChoice::Auto.select() {
            Ok(cuda @ Device::Cuda(_)) => vec![Device::Cpu, cuda],
            _ => vec![Device::Cpu],
        }
    })
}

/// While it lives, this thread's test has a place, which it names if it panics.
struct Entered(Kind, Device);

impl Entered {
    fn new(kind: Kind, device: Device) -> Self {
        PLACE.set(Some((kind, device)));
        ASKED.set(false);
        Entered(kind, device)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        PLACE.set(None);
        if std::thread::panicking() {
            eprintln!("failed in {:?} on {:?}", self.0, self.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;
    use crate::everywhere;

    #[everywhere]
    fn a_body_runs_where_it_is_told() {
        let t = Tensor::zeros([1], place());
        assert_eq!((t.kind(), t.device()), (kind(), device()));
        assert!(devices().contains(&device()));
    }

    #[test]
    #[should_panic(expected = "never asked")]
    fn a_body_that_does_not_ask_fails() {
        run(Kind::Float, || ());
    }

    #[test]
    #[should_panic(expected = "has a place")]
    fn there_is_no_place_after_a_test() {
        run(Kind::Float, || {
            place();
        });
        place();
    }
}
