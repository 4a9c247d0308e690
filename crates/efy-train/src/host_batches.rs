//! Examples that stay in host memory: a thread gathers the batches that come next while the device works
//! on those before, and their copies to the device are queued without waiting.
//!
//! tch has no streams: copies and kernels of a process run one after the other on the device. What
//! overlaps is the work of the host, gathering, with that of the device. A batch is gathered into memory
//! of its own that is page-locked ("pinned"). libtorch's allocator gives such memory out again only when
//! the copies from it are done, so nothing here has to wait for the device.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use efy_core::device::read;
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Batches that lie ready beside the one in use. The thread has one more in its hands.
const AHEAD: usize = 2;

/// Columns of examples in host memory, and the batches of them on a device.
pub struct HostBatches {
    columns: Vec<Tensor>,
    target: Target,
    queue: Option<Queue>,
    /// The batch that was announced next, and has come from the thread.
    next: Option<Gathered>,
    /// The batch in use: what is computed in parts asks for it more than once.
    current: Option<Gathered>,
}

/// Some examples on the device.
#[derive(Debug)]
pub struct Batch {
    /// Their indices `[B]`, or of replicas `[R, B]`, Int64.
    pub rows: Tensor,
    /// Their part of every column, `[B, ...]` or `[R, B, ...]`.
    pub columns: Vec<Tensor>,
}

/// Where batches go, and from what memory.
#[derive(Debug, Clone, Copy)]
struct Target {
    device: Device,
    pinned: bool,
}

/// A batch in host memory.
struct Gathered {
    /// Row-major; those of each replica are `length` in number.
    indices: Vec<i64>,
    length: usize,
    /// The dimension of the batch in all tensors.
    dimension: i64,
    /// The indices and the columns, contiguous.
    tensors: Vec<Tensor>,
    /// Whether all of that is pinned.
    pinned: bool,
}

impl HostBatches {
    /// Batches of `columns` `[n, ...]`, which lie in host memory, for a device. Where memory cannot be
    /// pinned the host waits for each copy; see [`is_pinned`](Self::is_pinned).
    pub fn new(columns: Vec<Tensor>, device: Device) -> Self {
        let target = Target {
            device,
            pinned: device != Device::Cpu && can_pin(device),
        };
        HostBatches {
            columns,
            target,
            queue: None,
            next: None,
            current: None,
        }
    }

    /// How many examples there are.
    pub fn rows(&self) -> i64 {
        let first = self.columns.first().map(Tensor::size);
        first.and_then(|size| size.first().copied()).unwrap_or(0)
    }

    /// Whether copies are made from pinned memory, without waiting. Never on the CPU, where there is
    /// nothing to copy.
    pub fn is_pinned(&self) -> bool {
        self.target.pinned
    }

    /// Begins to gather `batches`: the indices, `[B]` or `[R, B]` each on the CPU, that [`batch`](Self::batch) will be
    /// called with, in this order. What was announced before is forgotten.
    ///
    /// # Errors
    /// [`Error::Task`] when there can be no thread.
    pub fn announce(&mut self, batches: &[Tensor]) -> Result<()> {
        (self.next, self.current) = (None, None);
        // The old thread ends before a new one begins.
        self.queue = None;
        if !batches.is_empty() {
            let share = |tensors: &[Tensor]| tensors.iter().map(Tensor::shallow_clone).collect();
            self.queue = Some(Queue::start(
                share(&self.columns),
                share(batches),
                self.target,
            )?);
        }
        Ok(())
    }

    /// The examples with the indices `rows` `[B]` or `[R, B]` (on the CPU): a batch that was announced, or
    /// a contiguous part of it along B. Others are gathered on the spot. Reads nothing from the device.
    ///
    /// # Errors
    /// [`Error::Core`] when gathering or copying fails; what the thread met with.
    pub fn batch(&mut self, rows: &Tensor) -> Result<Batch> {
        let wanted: Vec<i64> = read::to_vec(rows)?;
        let count = length(rows);
        let part = |batch: &Option<Gathered>| batch.as_ref().and_then(|b| b.find(&wanted, count));
        if let Some(from) = part(&self.current) {
            return self.copy(from, count);
        }
        if self.next.is_none()
            && let Some(queue) = &mut self.queue
        {
            self.next = queue.take()?;
        }
        if let Some(from) = part(&self.next) {
            self.current = self.next.take();
            return self.copy(from, count);
        }
        self.current = Some(Gathered::new(&self.columns, rows, self.target)?);
        self.copy(0, count)
    }

    /// Queues the copy of a part of the batch in use.
    fn copy(&self, from: usize, count: usize) -> Result<Batch> {
        let batch = self.current.as_ref();
        let batch = batch.ok_or_else(|| failed("there is no batch in use"))?;
        let tensors = batch.tensors.iter();
        let mut copied = tensors
            .map(|tensor| {
                let part = tensor.f_narrow(batch.dimension, from as i64, count as i64)?;
                // A part of several replicas is made contiguous on the way, in memory that is not pinned.
                let pinned = batch.pinned && part.is_contiguous();
                part.f_to_device_(self.target.device, part.kind(), pinned, false)
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(efy_core::Error::from)?
            .into_iter();
        let rows = copied
            .next()
            .ok_or_else(|| failed("a batch without indices"))?;
        Ok(Batch {
            rows,
            columns: copied.collect(),
        })
    }
}

impl Gathered {
    fn new(columns: &[Tensor], rows: &Tensor, target: Target) -> efy_core::Result<Self> {
        let indices = read::to_vec(rows)?;
        let flat = rows.f_reshape([-1])?;
        let mut tensors = Vec::with_capacity(columns.len() + 1);
        tensors.push(rows.f_contiguous()?);
        for column in columns {
            let shape = [rows.size(), column.size().split_off(1)].concat();
            tensors.push(column.f_index_select(0, &flat)?.f_view(shape.as_slice())?);
        }
        // What cannot be pinned now, with the host's memory full of it, is copied as it is.
        let pinned = target.pinned.then(|| target.pin(&tensors));
        let (tensors, pinned) = match pinned {
            Some(Ok(pinned)) => (pinned, true),
            _ => (tensors, false),
        };
        Ok(Gathered {
            indices,
            length: length(rows),
            dimension: rows.dim() as i64 - 1,
            tensors,
            pinned,
        })
    }

    /// Where these indices, `count` a replica, begin among those of this batch, if they are a part of it.
    fn find(&self, wanted: &[i64], count: usize) -> Option<usize> {
        let first = self.indices.get(..self.length)?;
        let from = match wanted.first() {
            Some(row) => first.iter().position(|index| index == row)?,
            None => 0,
        };
        let replicas = |all: usize, each: usize| all.checked_div(each).unwrap_or(0);
        let alike = replicas(self.indices.len(), self.length) == replicas(wanted.len(), count);
        let whole = self.indices.chunks(self.length.max(1));
        let parts = wanted.chunks(count.max(1));
        let same = whole
            .zip(parts)
            .all(|(whole, part)| whole[from..].starts_with(part));
        (alike && same).then_some(from)
    }
}

impl Target {
    /// The same in pinned memory.
    fn pin(self, tensors: &[Tensor]) -> std::result::Result<Vec<Tensor>, tch::TchError> {
        // Not `pin_memory`, which first asks whether they are pinned already, in a way that is deprecated.
        let pin = |tensor: &Tensor| tensor.f_internal_pin_memory(self.device);
        tensors.iter().map(pin).collect()
    }
}

/// Examples of a batch, or of each replica's.
fn length(rows: &Tensor) -> usize {
    rows.size().last().map_or(1, |&length| length as usize)
}

/// Whether there is pinned memory for copies to this device: containers and virtual machines may have none.
pub(crate) fn can_pin(device: Device) -> bool {
    Tensor::f_zeros([1], (Kind::Float, Device::Cpu))
        .and_then(|probe| probe.f_internal_pin_memory(device))
        .is_ok()
}

/// The thread that gathers, and what it has ready.
struct Queue {
    ready: Option<Receiver<efy_core::Result<Gathered>>>,
    /// Batches that have not been taken.
    left: usize,
    worker: Option<JoinHandle<()>>,
}

impl Queue {
    fn start(columns: Vec<Tensor>, batches: Vec<Tensor>, target: Target) -> Result<Self> {
        let (sender, ready) = sync_channel(AHEAD);
        let left = batches.len();
        let worker = std::thread::Builder::new()
            .name("batches".to_owned())
            .spawn(move || gather(&columns, &batches, target, &sender))
            .map_err(|error| failed(format!("cannot start the thread that gathers: {error}")))?;
        Ok(Queue {
            ready: Some(ready),
            left,
            worker: Some(worker),
        })
    }

    /// The next batch; none after the last one.
    fn take(&mut self) -> Result<Option<Gathered>> {
        let Some(ready) = self.ready.as_ref().filter(|_| self.left > 0) else {
            return Ok(None);
        };
        self.left -= 1;
        match ready.recv() {
            Ok(gathered) => Ok(Some(gathered?)),
            Err(_) => Err(failed("the thread that gathers batches has ended")),
        }
    }
}

impl Drop for Queue {
    /// Nothing of libtorch may run in a thread when the process ends.
    fn drop(&mut self) {
        self.ready = None;
        if let Some(worker) = self.worker.take() {
            // Whoever waited for it has been told that it ended.
            let _ = worker.join();
        }
    }
}

/// Gathers until nobody takes any more, or until it fails.
fn gather(
    columns: &[Tensor],
    batches: &[Tensor],
    target: Target,
    ready: &SyncSender<efy_core::Result<Gathered>>,
) {
    for rows in batches {
        let gathered = Gathered::new(columns, rows, target);
        let ends = gathered.is_err();
        if ready.send(gathered).is_err() || ends {
            return;
        }
    }
}

fn failed(message: impl Into<String>) -> Error {
    Error::Task(message.into().into())
}
