//! Loading `libtorch_cuda` on demand, and saying plainly why CUDA can or cannot be used.
//!
//! A program linked with tch ends up without `libtorch_cuda.so` among its needed libraries (nothing
//! refers to its symbols), so that `Cuda::is_available()` is false on a machine full of GPUs. Linking
//! it by force would cost every CPU start 0.1 s and 400 MB. It is therefore loaded when asked for.

mod state;

use std::ffi::c_char;
use std::path::Path;
use std::sync::OnceLock;

use nvml_wrapper::Nvml;
use tch::Cuda;

use self::state::{Found, Library};
use super::{memory, runtime};

pub use self::state::CudaState;

/// The environment variable that names the library to load instead of `libtorch_cuda.so`; `none`
/// keeps it from being loaded.
const LIBRARY_VARIABLE: &str = "EFY_CUDA_LIB";

/// The variable with which a user chooses among the driver's GPUs.
const VISIBLE_VARIABLE: &str = "CUDA_VISIBLE_DEVICES";

/// One CUDA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaDevice {
    /// The N of `cuda:N`.
    pub index: usize,
    /// The product name, where the driver tells it.
    pub name: Option<String>,
    /// Memory in bytes, where the driver tells it.
    pub memory: Option<u64>,
    /// The compute capability, major and minor, where the driver tells it.
    pub capability: Option<(i32, i32)>,
}

/// What is known of CUDA on this machine.
#[derive(Debug, Clone)]
pub struct CudaReport {
    /// Usable, or the reason why not.
    pub state: CudaState,
    /// The NVIDIA driver's version, where there is a driver.
    pub driver: Option<String>,
    /// The newest CUDA version that the driver knows: major, minor.
    pub driver_cuda: Option<(i32, i32)>,
    /// The CUDA version that libtorch was built for: major, minor.
    pub libtorch_cuda: Option<(i32, i32)>,
    /// What to do next; none where CUDA is usable.
    pub next: Option<String>,
    /// The devices that libtorch sees.
    pub devices: Vec<CudaDevice>,
    what: String,
}

impl CudaReport {
    /// Loads `libtorch_cuda` if that has not been done and looks at what it finds.
    pub fn probe() -> Self {
        let nvml = Nvml::init().ok();
        let driver = nvml
            .as_ref()
            .and_then(|nvml| nvml.sys_driver_version().ok())
            .or_else(|| driver_present().then(|| "unknown version".to_owned()));
        let library = load().clone();
        let devices = match already_available() {
            true => devices(nvml.as_ref()),
            false => Vec::new(),
        };
        let found = Found {
            library,
            named: std::env::var(LIBRARY_VARIABLE).ok(),
            devices: devices.len(),
            built_for: runtime::built_for(),
            known_to_driver: driver.as_ref().and_then(|_| runtime::known_to_driver()),
            driver,
            visible: std::env::var(VISIBLE_VARIABLE).ok(),
        };
        CudaReport {
            state: found.state(),
            what: found.explain(),
            next: found.next(),
            driver_cuda: found.known_to_driver,
            libtorch_cuda: found.built_for,
            driver: found.driver,
            devices,
        }
    }

    /// Whether tensors can be put on a CUDA device.
    pub fn usable(&self) -> bool {
        self.state == CudaState::Usable
    }

    /// One line: what is there, or what is in the way and what to do.
    pub fn explain(&self) -> String {
        match &self.next {
            None => self.what.clone(),
            Some(next) => format!("{}; {next}", self.what),
        }
    }
}

/// Whether a CUDA backend is already registered with a device behind it.
pub(super) fn already_available() -> bool {
    Cuda::is_available()
}

/// Whether this machine has an NVIDIA driver, found without loading anything of libtorch.
pub(super) fn driver_present() -> bool {
    Path::new("/proc/driver/nvidia/version").exists() || open("libcuda.so.1").is_ok()
}

/// Loads the library once a process.
fn load() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let name = std::env::var(LIBRARY_VARIABLE).unwrap_or_else(|_| "libtorch_cuda.so".into());
        if name == "none" {
            return Library::Disabled;
        }
        if already_available() {
            return Library::Loaded;
        }
        match open(&name) {
            Ok(library) => {
                // The backend stays registered until the process ends, so must the library.
                std::mem::forget(library);
                Library::Loaded
            }
            Err(reason) => Library::Failed(reason),
        }
    })
}

#[cfg(unix)]
fn open(name: &str) -> Result<libloading::os::unix::Library, String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: libtorch_cuda's and the driver's initializers only register themselves.
    #[allow(unsafe_code)]
    let opened = unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) };
    opened.map_err(|error| first_cause(&error))
}

#[cfg(not(unix))]
fn open(name: &str) -> Result<libloading::Library, String> {
    // SAFETY: as above.
    #[allow(unsafe_code)]
    let opened = unsafe { libloading::Library::new(name) };
    opened.map_err(|error| first_cause(&error))
}

/// What the CUDA stand-in of the tests has for [`Phase`](super::Phase).
pub(super) struct Marks {
    /// Begins the phase of this name on the calling thread.
    pub(super) enter: extern "C" fn(*const c_char),
    /// Ends the phase that was begun last.
    pub(super) leave: extern "C" fn(),
}

/// The functions of the stand-in, where it is loaded.
#[cfg(unix)]
pub(super) fn marks() -> Option<Marks> {
    let program = libloading::os::unix::Library::this();
    // SAFETY: nothing else has symbols of these names, and the stand-in gives them these types.
    #[allow(unsafe_code)]
    let (enter, leave) = unsafe {
        (
            program
                .get::<extern "C" fn(*const c_char)>(c"efy_stand_in_enter")
                .ok()?,
            program.get::<extern "C" fn()>(c"efy_stand_in_leave").ok()?,
        )
    };
    Some(Marks {
        enter: *enter,
        leave: *leave,
    })
}

#[cfg(not(unix))]
pub(super) fn marks() -> Option<Marks> {
    None
}

/// The loader's own sentence, which names the file that is missing.
fn first_cause(error: &libloading::Error) -> String {
    let text = match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

fn devices(nvml: Option<&Nvml>) -> Vec<CudaDevice> {
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    (0..count)
        .map(|index| {
            let device = nvml.and_then(|nvml| memory::find(nvml, index));
            let device = device.as_ref();
            CudaDevice {
                index,
                name: device.and_then(|device| device.name().ok()),
                memory: device
                    .and_then(|device| device.memory_info().ok())
                    .map(|info| info.total),
                capability: device
                    .and_then(|device| device.cuda_compute_capability().ok())
                    .map(|capability| (capability.major, capability.minor)),
            }
        })
        .collect()
}
