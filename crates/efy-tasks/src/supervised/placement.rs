//! Where the examples of a run live: on the device, or in host memory where they do not fit there.

use efy_core::device::DeviceMemory;
use efy_train::{Batch, HostBatches};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::splits::Examples;

/// The share of a device's free memory that examples may take; the rest is for weights, the solver and
/// the loss.
const SHARE: f64 = 0.5;

/// Where the examples live during training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resident {
    /// On the device, unless they take more than half of its free memory.
    Auto,
    /// On the device.
    Device,
    /// In host memory; batches are gathered ahead and copied. The same results, to the last bit.
    Host,
}

/// What was decided for a run, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Whether the examples stay in host memory.
    pub host: bool,
    /// Bytes of all examples in the model's element type, with their warm starts.
    pub bytes: u64,
    /// Bytes of the device that were free, where the driver tells.
    pub free: Option<u64>,
}

impl Placement {
    /// Decides for `cells` numbers of a kind.
    pub(super) fn new(resident: Resident, cells: usize, (kind, device): (Kind, Device)) -> Self {
        let bytes = cells as u64 * kind.elt_size_in_bytes() as u64;
        let free = DeviceMemory::of(device).map(|memory| memory.free);
        Placement {
            host: stays(resident, bytes, free),
            bytes,
            free,
        }
    }
}

/// Whether the examples stay in host memory. Without knowledge of free memory they do not.
fn stays(resident: Resident, bytes: u64, free: Option<u64>) -> bool {
    match resident {
        Resident::Auto => free.is_some_and(|free| bytes as f64 > SHARE * free as f64),
        Resident::Device => false,
        Resident::Host => true,
    }
}

/// The examples of a split on their way to the model.
pub(super) enum Source {
    /// Inputs and labels are on the device: a batch is one selection of rows each.
    Device(Tensor, Tensor),
    /// They are in host memory.
    Host(Box<HostBatches>),
}

impl Source {
    /// The examples for a device.
    pub(super) fn new(examples: &Examples, placement: Placement, device: Device) -> Self {
        let (x, y) = (examples.x.shallow_clone(), examples.y.shallow_clone());
        match placement.host {
            true => Source::Host(Box::new(HostBatches::new(vec![x, y], device))),
            false => Source::Device(x, y),
        }
    }

    /// How many examples there are.
    fn rows(&self) -> i64 {
        match self {
            Source::Device(x, _) => x.size()[0],
            Source::Host(host) => host.rows(),
        }
    }

    /// Says what will be asked for, in order.
    pub(super) fn announce(&mut self, batches: &[Tensor]) -> efy_train::Result<()> {
        match self {
            Source::Device(..) => Ok(()),
            Source::Host(host) => host.announce(batches),
        }
    }

    /// Indices, inputs and labels of a batch, on the device; the rows of replicas `[R, B]` follow each other.
    pub(super) fn batch(&mut self, rows: &Tensor) -> efy_train::Result<(Tensor, Tensor, Tensor)> {
        match self {
            Source::Device(x, y) => {
                let rows = rows.reshape([-1]);
                let (x, y) = (x.index_select(0, &rows), y.index_select(0, &rows));
                Ok((rows, x, y))
            }
            Source::Host(host) => {
                let Batch { rows, columns } = host.batch(rows)?;
                let [x, y] = <[Tensor; 2]>::try_from(columns)
                    .map_err(|_| efy_train::Error::State("a batch without labels".to_owned()))?;
                let flat = |t: &Tensor| t.flatten(0, rows.dim() as i64 - 1);
                Ok((flat(&rows), flat(&x), flat(&y)))
            }
        }
    }

    /// Calls `visit` with inputs and labels of `ranges` (first row, rows), one after the other. Of
    /// `replicas` whose rows follow each other, each has its own range in every visit.
    pub(super) fn each(
        &mut self,
        (replicas, ranges): (i64, &[(i64, i64)]),
        visit: &mut dyn FnMut(&Tensor, &Tensor) -> efy_train::Result<()>,
    ) -> efy_train::Result<()> {
        let each = self.rows() / replicas.max(1);
        if let Source::Device(x, y) = &*self {
            let part = |all: &Tensor, (from, count): (i64, i64)| {
                let width = all.size()[1];
                let own = all.view([replicas, each, width]).narrow(1, from, count);
                own.reshape([replicas * count, width])
            };
            let mut ranges = ranges.iter();
            return ranges.try_for_each(|&range| visit(&part(x, range), &part(y, range)));
        }
        let rows: Vec<Tensor> = ranges
            .iter()
            .map(|&(from, count)| {
                let options = (Kind::Int64, Device::Cpu);
                let first = Tensor::f_arange(replicas, options)?.f_mul_scalar(each)?;
                let own = Tensor::f_arange_start(from, from + count, options)?;
                first.f_unsqueeze(1)?.f_add(&own)?.f_reshape([-1])
            })
            .collect::<Result<_, _>>()
            .map_err(efy_core::Error::from)?;
        self.announce(&rows)?;
        rows.iter().try_for_each(|rows| {
            let (_, x, y) = self.batch(rows)?;
            visit(&x, &y)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_leaves_half_of_the_free_memory_to_the_rest() {
        let free = Some(8_000);
        assert!(!stays(Resident::Auto, 4_000, free));
        assert!(stays(Resident::Auto, 4_001, free));
        assert!(!stays(Resident::Auto, u64::MAX, None), "nothing is known");
        for (resident, host) in [(Resident::Device, false), (Resident::Host, true)] {
            assert_eq!(stays(resident, 1, free), host);
            assert_eq!(stays(resident, 8_000, free), host);
        }
    }

    #[test]
    fn the_size_counts_the_element_type() {
        let cpu = |kind| Placement::new(Resident::Auto, 100, (kind, Device::Cpu));
        assert_eq!(cpu(Kind::Float).bytes, 400);
        assert_eq!(cpu(Kind::Double).bytes, 800);
        assert_eq!(
            (cpu(Kind::Float).host, cpu(Kind::Float).free),
            (false, None)
        );
    }
}
