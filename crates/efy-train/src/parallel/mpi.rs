//! Processes that MPI connects.

use std::mem::ManuallyDrop;
use std::os::raw::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use efy_core::parallel::{Collective, lost};
use efy_core::{Error, Result};
use mpi::environment::Universe;
use mpi::ffi;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{AsRaw, Communicator};
use mpi::{Threading, initialize_with_threading};
use tch::{Device, Kind, Tensor};

use crate::host_batches::can_pin;

/// Seconds that a process waits for the others before it gives up; 0: forever.
pub const TIMEOUT_VARIABLE: &str = "EFY_MPI_TIMEOUT";
/// The slowest of them may write a checkpoint meanwhile.
const TIMEOUT: u64 = 300;
/// Elements of one message: MPI counts in `int`.
const MOST: usize = 1 << 30;

#[allow(unsafe_code)]
unsafe extern "C" {
    /// Of Open MPI and MPICH: whether buffers may lie in the memory of a GPU.
    fn MPIX_Query_cuda_support() -> c_int;
    /// Ends the process where it is: not `exit`, which would run what other threads are using.
    fn _exit(code: c_int) -> !;
}

/// The processes that `mpirun` or `srun` has started, connected for as long as this lives.
///
/// Nothing is closed when it is dropped: MPI closes on all processes together, and whoever failed must not wait for the
/// others. See [`leave`](Self::leave) and [`abort`](Self::abort).
pub struct Job {
    universe: ManuallyDrop<Universe>,
    watch: Arc<Watch>,
}

impl Job {
    /// Connects to the others.
    ///
    /// # Errors
    /// [`Error::Peer`] when MPI has been started before, or when [`TIMEOUT_VARIABLE`] is not a number.
    pub fn join() -> Result<Self> {
        let seconds = match std::env::var(TIMEOUT_VARIABLE) {
            Ok(text) => text.trim().parse().map_err(|_| {
                lost(format!(
                    "{TIMEOUT_VARIABLE}: expected whole seconds, found {text}"
                ))
            })?,
            Err(_) => TIMEOUT,
        };
        // The thread that trains is the only one that calls MPI.
        let (universe, _) = initialize_with_threading(Threading::Funneled)
            .ok_or_else(|| lost("MPI has been started already"))?;
        let watch = Arc::new(Watch::new(universe.world().rank()));
        if seconds > 0 {
            watch.start(Duration::from_secs(seconds))?;
        }
        Ok(Job {
            universe: ManuallyDrop::new(universe),
            watch,
        })
    }

    /// What a trainer sums with.
    pub fn collective(&self) -> Box<dyn Collective> {
        let world = self.universe.world();
        Box::new(Mpi {
            rank: world.rank() as usize,
            size: world.size() as usize,
            world,
            watch: Arc::clone(&self.watch),
            staging: None,
        })
    }

    /// Closes MPI, when all processes do: waits for them.
    pub fn leave(mut self) {
        // SAFETY: `self` is not used again.
        #[allow(unsafe_code)]
        unsafe {
            ManuallyDrop::drop(&mut self.universe);
        }
    }

    /// Ends all processes, this one with the exit code `code`.
    pub fn abort(self, code: i32) -> ! {
        self.universe.world().abort(code)
    }
}

/// The library and its version, in one line.
pub fn library() -> String {
    let version = mpi::environment::library_version();
    let version = version.unwrap_or_else(|_| "unknown".to_owned());
    // Open MPI adds its packager and its home page.
    version
        .split([',', '\n'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Whether MPI takes buffers in the memory of a GPU.
fn is_cuda_aware() -> bool {
    // SAFETY: it takes nothing and may be called at any time.
    #[allow(unsafe_code)]
    let answer = unsafe { MPIX_Query_cuda_support() };
    answer == 1
}

struct Mpi {
    rank: usize,
    size: usize,
    world: SimpleCommunicator,
    watch: Arc<Watch>,
    /// Pinned memory that tensors of a GPU pass through, as long and of the same kind as the last one.
    staging: Option<Tensor>,
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world(&self) -> usize {
        self.size
    }

    fn sum(&mut self, tensor: Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let tensor = tensor.detach().f_contiguous()?;
        let device = tensor.device();
        match device {
            Device::Cpu => self.reduce(&tensor),
            Device::Cuda(index) if is_cuda_aware() => {
                // MPI knows nothing of the stream that the tensor is computed on.
                tch::Cuda::synchronize(index as i64);
                self.reduce(&tensor)
            }
            _ => {
                let host = self.staged(&tensor)?;
                let sum = self.reduce(&host)?;
                self.staging = Some(host);
                Ok(sum.f_to_device(device)?)
            }
        }
    }
}

impl Mpi {
    /// A copy in pinned memory, where there is such memory: one copy by the device itself.
    fn staged(&mut self, tensor: &Tensor) -> Result<Tensor> {
        let (size, kind) = (tensor.size(), tensor.kind());
        let fits = |host: &Tensor| host.size() == size && host.kind() == kind;
        let mut host = match self.staging.take().filter(fits) {
            Some(host) => host,
            None => {
                let host = Tensor::f_zeros(&size, (kind, Device::Cpu))?;
                match can_pin(tensor.device()) {
                    true => host.f_internal_pin_memory(tensor.device())?,
                    false => host,
                }
            }
        };
        host.f_copy_(tensor)?;
        Ok(host)
    }

    /// The sum over all processes, in memory of its own: rsmpi has no `MPI_IN_PLACE`, and a second buffer is all
    /// that it would save.
    fn reduce(&self, tensor: &Tensor) -> Result<Tensor> {
        let sum = Tensor::f_empty(tensor.size(), (tensor.kind(), tensor.device()))?;
        let (length, bytes) = (tensor.numel(), tensor.kind().elt_size_in_bytes());
        let _waiting = self.watch.waiting();
        for from in (0..length).step_by(MOST) {
            let count = MOST.min(length - from) as c_int;
            // SAFETY: both are contiguous, have `length` elements of that kind each, and are alive until the call returns.
            #[allow(unsafe_code)]
            let status = unsafe {
                let kind = match tensor.kind() {
                    Kind::Float => ffi::RSMPI_FLOAT,
                    Kind::Double => ffi::RSMPI_DOUBLE,
                    found => {
                        return Err(Error::Kind {
                            what: "sum over processes",
                            expected: "Float or Double".to_owned(),
                            found,
                        });
                    }
                };
                let at = |tensor: &Tensor| tensor.data_ptr().cast::<u8>().add(from * bytes);
                ffi::MPI_Allreduce(
                    at(tensor).cast::<c_void>(),
                    at(&sum).cast::<c_void>(),
                    count,
                    kind,
                    ffi::RSMPI_SUM,
                    self.world.as_raw(),
                )
            };
            if status != ffi::MPI_SUCCESS as c_int {
                return Err(lost(format!("MPI_Allreduce failed with {status}")));
            }
        }
        Ok(sum)
    }
}

/// Sees to it that nobody waits forever: where a cable is cut, no message says so.
struct Watch {
    rank: i32,
    begin: Instant,
    /// Milliseconds from `begin` to when this process began to wait, and one more; 0: it does not wait.
    since: AtomicU64,
}

/// A process that waits, until this is dropped.
struct Waiting<'a>(&'a Watch);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.since.store(0, Ordering::Relaxed);
    }
}

impl Watch {
    fn new(rank: i32) -> Self {
        Watch {
            rank,
            begin: Instant::now(),
            since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_millis() as u64 + 1
    }

    fn waiting(&self) -> Waiting<'_> {
        self.since.store(self.now(), Ordering::Relaxed);
        Waiting(self)
    }

    /// A thread that ends the process when it has waited for so long: nothing else can, as it is inside of MPI.
    fn start(self: &Arc<Self>, most: Duration) -> Result<()> {
        let watch = Arc::clone(self);
        let look = move || loop {
            std::thread::sleep(Duration::from_millis(200).min(most / 4));
            let since = watch.since.load(Ordering::Relaxed);
            if since > 0 && watch.now().saturating_sub(since) > most.as_millis() as u64 {
                eprintln!(
                    "efy: rank {}: no answer from the other processes for {} s; the last checkpoint is as it was",
                    watch.rank,
                    most.as_secs()
                );
                // SAFETY: it does not return, and runs nothing of this process.
                #[allow(unsafe_code)]
                unsafe {
                    _exit(1)
                }
            }
        };
        let thread = std::thread::Builder::new().name("mpi-watch".to_owned());
        let started = thread.spawn(look);
        started.map_err(|error| lost(format!("cannot start the thread that watches: {error}")))?;
        Ok(())
    }
}
