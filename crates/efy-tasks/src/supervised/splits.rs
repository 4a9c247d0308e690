//! Training, validation and test examples, on the device or in host memory.

use efy_core::device::Phase;
use efy_train::Split;
use tch::{Device, Kind, Tensor};

use super::partition::{Partition, partition};
use super::placement::{Placement, Resident};
use crate::Result;
use crate::config::DataConfig;
use crate::data::Dataset;

/// Inputs `[n, d]` and labels `[n, k]`, and where they came from.
#[derive(Debug)]
pub struct Examples {
    /// Scaled features.
    pub x: Tensor,
    /// Labels: 0 or 1, or ranks.
    pub y: Tensor,
    /// Rows of the data set, counted from 0.
    pub rows: Vec<usize>,
}

/// Mean and standard deviation of every feature on the training split, `[d]`.
#[derive(Debug)]
pub struct Scaling {
    /// What is subtracted.
    pub mean: Tensor,
    /// What is divided by: 1 for a constant feature.
    pub deviation: Tensor,
}

/// The three splits.
#[derive(Debug)]
pub struct Splits {
    train: Examples,
    validation: Examples,
    test: Examples,
    scaling: Scaling,
    device: Device,
    placement: Placement,
}

impl Scaling {
    /// The scaling that changes nothing.
    fn identity(features: i64, kind: Kind) -> Result<Self> {
        let options = (kind, Device::Cpu);
        let mean = Tensor::f_zeros([features], options).map_err(efy_core::Error::from)?;
        Ok(Scaling {
            deviation: mean.ones_like(),
            mean,
        })
    }

    /// Statistics of `x` `[n, d]`, with the population variance.
    fn of(x: &Tensor) -> Self {
        let mean = x.mean_dim([0].as_slice(), false, None::<Kind>);
        let variance = (x - &mean)
            .square()
            .mean_dim([0].as_slice(), false, None::<Kind>);
        let constant = variance.le(1e-24);
        Scaling {
            deviation: variance.sqrt().masked_fill(&constant, 1.0),
            mean,
        }
    }

    /// $(x - \text{mean}) / \text{deviation}$.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        (x - &self.mean) / &self.deviation
    }
}

impl Splits {
    /// Splits a data set as the configuration says and puts it on the device, unless it stays in host
    /// memory ([`Placement`]).
    ///
    /// # Errors
    /// [`crate::Error::Dataset`] when a split would be empty.
    pub fn new(
        data: &Dataset,
        config: &DataConfig,
        seed: u64,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        Splits::of(data, config, partition(data, config, seed)?, (kind, device))
    }

    /// The splits of a training that is repeated with the validation examples (`train.refit`): they are
    /// training examples, too, and scaling knows them.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn refit(
        data: &Dataset,
        config: &DataConfig,
        seed: u64,
        options: (Kind, Device),
    ) -> Result<Self> {
        let partition = partition(data, config, seed)?.with_validation_rows();
        Splits::of(data, config, partition, options)
    }

    fn of(
        data: &Dataset,
        config: &DataConfig,
        partition: Partition,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let _phase = Phase::Data.enter();
        let (d, k) = (data.features() as i64, data.labels() as i64);
        // Every row has inputs and labels, and those of training may have warm starts.
        let cells =
            data.rows() * (data.features() + data.labels()) + partition.train.len() * data.labels();
        let features = |rows: &[usize]| -> Result<Tensor> {
            let width = data.features();
            let flat: Vec<f32> = rows
                .iter()
                .flat_map(|&row| &data.x()[row * width..(row + 1) * width])
                .copied()
                .collect();
            matrix(Tensor::f_from_slice(&flat), d, Kind::Double)
        };
        let labels = |rows: &[usize]| -> Result<Tensor> {
            let width = data.labels();
            let flat: Vec<u8> = rows
                .iter()
                .flat_map(|&row| &data.y()[row * width..(row + 1) * width])
                .copied()
                .collect();
            matrix(Tensor::f_from_slice(&flat), k, kind)
        };
        let Partition {
            train,
            validation,
            test,
        } = partition;
        let rows = [train, validation, test];
        Splits::assemble(rows, (features, labels), config, (cells, kind, device))
    }

    /// Inputs `x` `[n, d]` and targets `y` `[n, k]`, both in f64 on the CPU, in training, validation and test rows; the first must
    /// not be empty.
    ///
    /// # Errors
    /// What the device reports.
    pub(crate) fn of_pairs(
        (x, y): (&Tensor, &Tensor),
        rows: [Vec<usize>; 3],
        config: &DataConfig,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let _phase = Phase::Data.enter();
        let cells = x.numel() + y.numel() + rows[0].len() * y.size()[1] as usize;
        let of = |all: &Tensor, rows: &[usize]| -> Result<Tensor> {
            let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
            let rows = Tensor::f_from_slice(&rows).map_err(efy_core::Error::from)?;
            Ok(all
                .f_index_select(0, &rows)
                .map_err(efy_core::Error::from)?)
        };
        let read = (|rows: &[usize]| of(x, rows), |rows: &[usize]| of(y, rows));
        Splits::assemble(rows, read, config, (cells, kind, device))
    }

    /// Training, validation and test rows, read as inputs in f64 and as targets, of `cells` numbers in all.
    fn assemble(
        [train, validation, test]: [Vec<usize>; 3],
        (inputs, targets): (
            impl Fn(&[usize]) -> Result<Tensor>,
            impl Fn(&[usize]) -> Result<Tensor>,
        ),
        config: &DataConfig,
        (cells, kind, device): (usize, Kind, Device),
    ) -> Result<Self> {
        let placement = Placement::new(config.resident, cells, (kind, device));
        let home = if placement.host { Device::Cpu } else { device };
        // Statistics in f64 whatever the model computes in.
        let raw = inputs(&train)?;
        let scaling = match config.standardize {
            true => Scaling::of(&raw),
            false => Scaling::identity(raw.size()[1], Kind::Double)?,
        };
        let examples = |rows: Vec<usize>| -> Result<Examples> {
            let place = |t: Tensor| t.to_kind(kind).to_device(home);
            Ok(Examples {
                x: place(scaling.apply(&inputs(&rows)?)),
                y: place(targets(&rows)?),
                rows,
            })
        };
        Ok(Splits {
            train: examples(train)?,
            validation: examples(validation)?,
            test: examples(test)?,
            scaling,
            device,
            placement,
        })
    }

    /// No examples at all, of so many features and targets: for models that only predict.
    ///
    /// # Errors
    /// What the device reports.
    pub(crate) fn none((d, k): (i64, i64), options: (Kind, Device)) -> Result<Self> {
        let empty = |width| Tensor::f_zeros([0, width], (Kind::Double, Device::Cpu));
        let (x, y) = (empty(d), empty(k));
        let config = DataConfig {
            standardize: false,
            resident: Resident::Device,
            ..DataConfig::default()
        };
        let pairs = (
            &x.map_err(efy_core::Error::from)?,
            &y.map_err(efy_core::Error::from)?,
        );
        Splits::of_pairs(pairs, Default::default(), &config, options)
    }

    /// The same examples with labels that a function `[n, k]` to `[n, m]` makes of theirs.
    ///
    /// # Errors
    /// Those of the function.
    pub(super) fn try_map_labels(
        mut self,
        encode: impl Fn(&Tensor) -> efy_core::Result<Tensor>,
    ) -> efy_core::Result<Self> {
        for examples in [&mut self.train, &mut self.validation, &mut self.test] {
            examples.y = encode(&examples.y)?;
        }
        Ok(self)
    }

    /// Those of several replicas in one: each has as many rows in each split as the others, and they
    /// follow each other. They come on the CPU, and where they live is decided for all of them.
    ///
    /// # Errors
    /// [`efy_core::Error::Shape`] when they have not, or there are none.
    pub(super) fn side_by_side(
        mut all: Vec<Splits>,
        (resident, device): (Resident, Device),
    ) -> efy_core::Result<Self> {
        let sizes = |splits: &Splits| Split::ALL.map(|split| splits.get(split).rows.len());
        let fits = |first: &Splits| all.iter().all(|other| sizes(other) == sizes(first));
        if !all.first().is_some_and(fits) {
            return Err(efy_core::Error::Shape {
                what: "replicas",
                expected: "at least one, with as many rows in each split".to_owned(),
                found: all.iter().flat_map(sizes).map(|rows| rows as i64).collect(),
            });
        }
        if all.len() == 1 {
            return Ok(all.swap_remove(0));
        }
        let joined = |split: Split| -> efy_core::Result<Examples> {
            let parts = || all.iter().map(|splits| splits.get(split));
            let [x, y] = [
                parts().map(|part| &part.x).collect::<Vec<_>>(),
                parts().map(|part| &part.y).collect(),
            ];
            Ok(Examples {
                x: Tensor::f_cat(&x, 0)?,
                y: Tensor::f_cat(&y, 0)?,
                rows: parts().flat_map(|part| part.rows.clone()).collect(),
            })
        };
        let [train, validation, test] = [
            joined(Split::Train)?,
            joined(Split::Validation)?,
            joined(Split::Test)?,
        ];
        let mut joined = Splits {
            train,
            validation,
            test,
            device,
            ..all.swap_remove(0)
        };
        let parts = [&joined.train, &joined.validation, &joined.test];
        let cells: usize = parts
            .iter()
            .map(|part| part.x.numel() + part.y.numel())
            .sum();
        let cells = cells + joined.train.y.numel();
        joined.placement = Placement::new(resident, cells, (joined.train.x.kind(), device));
        if !joined.placement.host {
            for part in [&mut joined.train, &mut joined.validation, &mut joined.test] {
                part.x = part.x.f_to_device(device)?;
                part.y = part.y.f_to_device(device)?;
            }
        }
        Ok(joined)
    }

    /// The examples of a split.
    pub fn get(&self, split: Split) -> &Examples {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// The device that the examples are for.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Where they live.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// How features were scaled, in f64 on the CPU.
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }
}

fn matrix(
    flat: std::result::Result<Tensor, tch::TchError>,
    width: i64,
    kind: Kind,
) -> Result<Tensor> {
    let shaped = flat.and_then(|flat| flat.f_reshape([-1, width])?.f_to_kind(kind));
    Ok(shaped.map_err(efy_core::Error::from)?)
}

#[cfg(test)]
mod tests {
    use efy_test::{everywhere, place, tolerance, values};

    use super::*;
    use crate::data::{Feature, Schema};

    fn dataset(train: usize) -> Dataset {
        let schema = Schema {
            features: vec![
                Feature::Numeric { name: "x".into() },
                Feature::Numeric { name: "c".into() },
            ],
            labels: vec!["a".into()],
        };
        let x = (0..20).flat_map(|i| [i as f32, 5.0]).collect();
        let y = (0..20).map(|i| u8::from(i % 2 == 0)).collect();
        Dataset::new("t", schema, x, y, train).unwrap()
    }

    #[everywhere]
    fn splits_are_disjoint_complete_and_seeded() {
        let config = DataConfig::default();
        let options = place();
        for (train, sizes) in [(12, [9, 3, 8]), (20, [12, 4, 4])] {
            let rows = |seed| {
                let splits = Splits::new(&dataset(train), &config, seed, options).unwrap();
                [Split::Train, Split::Validation, Split::Test].map(|s| splits.get(s).rows.clone())
            };
            assert_eq!(rows(1).each_ref().map(Vec::len), sizes);
            let mut all = rows(1).concat();
            all.sort_unstable();
            assert_eq!(all, (0..20).collect::<Vec<_>>());
            assert_eq!(rows(1), rows(1));
            assert_ne!(rows(1)[1], rows(2)[1]);
        }
    }

    #[everywhere]
    fn a_refit_adds_the_validation_rows_to_the_training_rows_and_leaves_the_test_rows() {
        let (config, options) = (DataConfig::default(), place());
        let data = dataset(12);
        let once = Splits::new(&data, &config, 1, options).unwrap();
        let again = Splits::refit(&data, &config, 1, options).unwrap();
        assert_eq!(again.get(Split::Train).rows, (0..12).collect::<Vec<_>>());
        for split in [Split::Validation, Split::Test] {
            assert_eq!(again.get(split).rows, once.get(split).rows);
        }
    }

    #[everywhere]
    fn scaling_comes_from_the_training_split_and_spares_constant_features() {
        let config = DataConfig::default();
        let splits = Splits::new(&dataset(12), &config, 0, place()).unwrap();
        let x = &splits.get(Split::Train).x;
        let mean = values(&x.mean_dim([0].as_slice(), false, None::<Kind>));
        let square = values(&x.square().mean_dim([0].as_slice(), false, None::<Kind>));
        assert!(mean.iter().all(|mean| mean.abs() < tolerance(1e-12)));
        assert!((square[0] - 1.0).abs() < tolerance(1e-12) && square[1] == 0.0);
    }
}
