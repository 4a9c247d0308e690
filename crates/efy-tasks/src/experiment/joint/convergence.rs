//! Training by few and by many samples of the prior, beside exact likelihood, from the same start.

use std::fmt;

use efy_core::device::read;
use efy_core::divergence::Divergence;
use efy_core::energy::{Energy, Form};
use efy_core::joint::{BaseMeasure, ExactLikelihood, Joint, LikelihoodLoss, log_partition};
use efy_models::Model;
use efy_models::joint::{
    AuxiliaryKind, CouplingKind, JointModel, LogPartitionInput, LogPartitionKind,
};
use efy_train::optimizer::Optimizer;
use efy_train::{Objective, Split, TrainConfig, training_step};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use crate::config::DataConfig;
use crate::data::{self, Dataset};
use crate::experiment::catalogue::Experiment;
use crate::experiment::trials::{Record, Trials};
use crate::experiment::{Findings, Picture, Plot, Request, Scale, Series, Table, protocol};
use crate::joint::Examples;
use crate::supervised::Splits;
use crate::{Error, Result};

/// What the protocol says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protocol {
    /// The heading of the report.
    title: String,
    /// What is done, in Markdown.
    about: String,
    /// The data set.
    data: String,
    /// Numbers of samples; 0 is exact likelihood.
    samples: Vec<u32>,
    /// The rest of a training.
    #[serde(flatten)]
    settings: Settings,
    /// What the paper's curves end at, by the number of samples: loss, gradient norm, F1.
    paper: Vec<Ends>,
    /// The changes of a quick run; read before this type is made.
    #[serde(default, rename = "quick")]
    _quick: Vec<String>,
    /// Where this is not the paper's experiment, or is not known to be.
    deviations: Vec<String>,
}

/// A training but for its samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Settings {
    /// Fraction of test rows.
    test: f64,
    /// Seed of splits, weights and samples.
    seed: u64,
    /// Steps, each on all training rows.
    steps: u64,
    /// Steps from one point of a curve to the next.
    every: u64,
    /// Learning rate of Adam.
    lr: f64,
    /// Hidden widths of the scores' network.
    hidden: Vec<i64>,
    /// Hidden widths of the log-partition's.
    log_partition: Vec<i64>,
}

/// Where a curve of the paper ends, as read off its figure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    samples: u32,
    loss: f64,
    gradient_norm: f64,
    f1: f64,
}

/// A training.
#[derive(Debug, Serialize)]
struct Trial<'a> {
    samples: u32,
    data_name: &'a str,
    #[serde(flatten)]
    settings: &'a Settings,
    #[serde(skip)]
    data: &'a Dataset,
}

/// What is seen of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Curve {
    points: Vec<Point>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Point {
    step: u64,
    /// Exact negative log-likelihood of the training rows, log q included.
    loss: f64,
    /// Norm of its gradient in the weights of the scores.
    gradient_norm: f64,
    /// Micro-F1 on the test rows.
    f1: f64,
}

impl fmt::Display for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self.samples))
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.points.last() {
            Some(last) => write!(f, "loss {:.3}, micro-F1 {:.4}", last.loss, last.f1),
            None => f.write_str("no steps"),
        }
    }
}

fn name(samples: u32) -> String {
    match samples {
        0 => "exact likelihood".to_owned(),
        m => format!("m = {m}"),
    }
}

/// Runs the experiment.
///
/// # Errors
/// What the protocol's overrides, the data and the trainings report.
pub(in crate::experiment) fn run(
    experiment: &Experiment,
    request: &Request<'_>,
) -> Result<Findings> {
    let protocol: Protocol = protocol::read(experiment, request)?;
    let Settings { test, seed, .. } = protocol.settings;
    let loaded = data::load(&protocol.data, request.cache)?;
    let loaded = loaded.pooled().with_test_split(test, seed)?;
    let trial = |&samples: &u32| Trial {
        samples,
        data_name: &protocol.data,
        settings: &protocol.settings,
        data: &loaded,
    };
    let trials: Vec<Trial<'_>> = protocol.samples.iter().map(trial).collect();
    let records = Trials::open(request, request.jobs)?.run(&trials, &Trial::run)?;
    Ok(findings(&protocol, &records))
}

impl Trial<'_> {
    fn run(&self) -> Result<Curve> {
        let Settings {
            seed,
            steps,
            every,
            lr,
            ..
        } = *self.settings;
        let options = (Kind::Float, Device::Cpu);
        let config = DataConfig::default();
        let splits = Splits::refit(self.data, &config, seed, options)?;
        let (train, test) = (splits.get(Split::Train), splits.get(Split::Test));
        let base = BaseMeasure::uniform_sets(train.y.size()[1])?;
        let log_partition = LogPartitionKind::Mlp {
            hidden: self.settings.log_partition.clone(),
        };
        let coupling = CouplingKind::Linear {
            hidden: self.settings.hidden.clone(),
        };
        let (auxiliary, loss): (_, Box<dyn LikelihoodLoss>) = match self.samples {
            0 => (
                AuxiliaryKind::Nothing,
                Box::new(ExactLikelihood::new(base.clone())),
            ),
            m => (
                AuxiliaryKind::LogPartition(log_partition, LogPartitionInput::Inputs),
                Box::new(Joint::new(
                    base.clone(),
                    Divergence::KullbackLeibler,
                    m.into(),
                    seed,
                )?),
            ),
        };
        let kinds = (&coupling, &auxiliary);
        let model = JointModel::new(train.x.size()[1], &base, kinds, seed, options)?;
        let examples = (train.x.shallow_clone(), train.y.shallow_clone());
        let mut objective = Examples::new(model, loss, examples);
        let settings = TrainConfig {
            seed,
            lr,
            ..TrainConfig::default()
        };
        let mut optimizer = Optimizer::new(&settings, objective.parameters(), 0)?;
        let rows = Tensor::arange(train.x.size()[0], (Kind::Int64, Device::Cpu));
        let mut points = Vec::new();
        for step in 0..=steps {
            if step % every == 0 {
                let examples = [(&train.x, &train.y), (&test.x, &test.y)];
                points.push(look(&objective.model, &base, step, examples)?);
            }
            if step < steps {
                training_step(&mut objective, &mut optimizer, &rows)?;
            }
        }
        Ok(Curve { points })
    }
}

/// A point of a curve, from training and test examples.
fn look(
    model: &JointModel,
    base: &BaseMeasure,
    step: u64,
    [(x, y), (test_x, test_y)]: [(&Tensor, &Tensor); 2],
) -> Result<Point> {
    let energy = model.energy(x)?;
    let each = log_partition(base, energy.as_ref())? - energy.value(y);
    let loss = each.mean(None::<Kind>) + base.log_count();
    let weights = model.parameters().named().iter();
    let weights = weights.filter(|(name, _)| name.starts_with("coupling"));
    let weights: Vec<&Tensor> = weights.map(|(_, tensor)| tensor).collect();
    let gradients =
        Tensor::f_run_backward(&[&loss], &weights, false, false).map_err(efy_core::Error::from)?;
    let squares = gradients.iter().map(|g| g.square().sum(Kind::Double));
    let norm = squares.fold(Tensor::from(0.0_f64), |sum, square| sum + square);
    Ok(Point {
        step,
        loss: read::scalar(&loss)?,
        gradient_norm: read::scalar(&norm.sqrt())?,
        f1: micro_f1(model.energy(test_x)?.as_ref(), test_y)?,
    })
}

/// Of the most probable sets of a linear energy.
fn micro_f1(energy: &dyn Energy, y: &Tensor) -> Result<f64> {
    let Form::Linear { u } = energy.form() else {
        return Err(Error::Usage(
            "micro-F1: expected scores of labels".to_owned(),
        ));
    };
    let decided = u.ge(0.0).to_kind(Kind::Double);
    let y = y.to_kind(Kind::Double);
    let hits = (&decided * &y).sum(Kind::Double);
    let all = (decided + y).sum(Kind::Double);
    Ok(read::scalar(&(hits * 2.0 / all))?)
}

fn findings(protocol: &Protocol, records: &[Record<Curve>]) -> Findings {
    let curves: Vec<(u32, &Curve)> = protocol
        .samples
        .iter()
        .copied()
        .zip(records.iter().map(|record| &record.result))
        .collect();
    let picture = |stem: &str, title: &str, value: fn(&Point) -> f64| Picture {
        name: stem.to_owned(),
        title: title.to_owned(),
        caption: format!(
            "{title} on {}, unary model, Adam on all training rows at once; m samples of the uniform prior for each \
             row and step.",
            protocol.data
        ),
        plot: Plot::Lines {
            x: ("step".to_owned(), Scale::Linear),
            y: (title.to_owned(), Scale::Linear),
            series: curves
                .iter()
                .enumerate()
                .map(|(style, (samples, curve))| Series {
                    label: name(*samples),
                    style,
                    points: curve
                        .points
                        .iter()
                        .map(|p| (p.step as f64, value(p)))
                        .collect(),
                })
                .collect(),
        },
    };
    /// Name, title and value of a curve.
    type Drawn = (&'static str, &'static str, fn(&Point) -> f64);
    let values: [Drawn; 3] = [
        (
            "loss",
            "Exact negative log-likelihood of the training rows",
            |p| p.loss,
        ),
        ("gradient-norm", "Norm of its gradient", |p| p.gradient_norm),
        ("f1", "Test micro-F1", |p| p.f1),
    ];
    let last = |curve: &Curve| curve.points.last().cloned();
    let row = |(samples, curve): &(u32, &Curve)| -> Vec<String> {
        let paper = protocol.paper.iter().find(|ends| ends.samples == *samples);
        let paper = |value: fn(&Ends) -> f64, decimals: usize| {
            paper.map_or("–".to_owned(), |ends| {
                format!("{:.decimals$}", value(ends))
            })
        };
        let own = |value: fn(&Point) -> f64, decimals: usize| {
            last(curve).map_or("–".to_owned(), |point| {
                format!("{:.decimals$}", value(&point))
            })
        };
        let best = curve
            .points
            .iter()
            .map(|point| point.f1)
            .fold(0.0, f64::max);
        vec![
            name(*samples),
            own(|p| p.loss, 2),
            paper(|e| e.loss, 1),
            own(|p| p.gradient_norm, 2),
            paper(|e| e.gradient_norm, 2),
            own(|p| p.f1, 3),
            paper(|e| e.f1, 3),
            format!("{best:.3}"),
        ]
    };
    let header = [
        "",
        "loss",
        "paper",
        "gradient norm",
        "paper",
        "micro-F1",
        "paper",
        "best F1",
    ];
    Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes: Vec::new(),
        tables: vec![Table {
            title: "Where the curves end".to_owned(),
            caption: format!(
                "After {} steps, beside where the paper's curves end after about 5000, as read by eye off its \
                 figure; and the highest test micro-F1 on the way, which nobody would know to stop at.",
                protocol.settings.steps
            ),
            header: header.map(str::to_owned).to_vec(),
            rows: curves.iter().map(row).collect(),
        }],
        pictures: values
            .iter()
            .map(|(stem, title, value)| picture(stem, title, *value))
            .collect(),
        comparison: orderings(&curves),
        deviations: protocol.deviations.clone(),
        numbers: json!({
            "settings": protocol.settings,
            "curves": curves.iter().map(|(samples, curve)| {
                json!({"samples": samples, "points": curve.points})
            }).collect::<Vec<_>>(),
        }),
        seconds: records.iter().map(|record| record.seconds).sum(),
    }
}

/// Whether losses and gradient norms end in the order of m, and F1 in that of the paper.
fn orderings(curves: &[(u32, &Curve)]) -> Vec<String> {
    // Exact likelihood is as many samples as there are.
    let mut ends: Vec<(u32, &Point)> = curves
        .iter()
        .filter_map(|(samples, curve)| Some((samples.wrapping_sub(1), curve.points.last()?)))
        .collect();
    ends.sort_by_key(|(samples, _)| *samples);
    let falls = |value: fn(&Point) -> f64| {
        let pairs = ends.windows(2);
        let broken = pairs
            .filter(|pair| value(pair[0].1) <= value(pair[1].1))
            .count();
        match broken {
            0 => "yes, at each step of m".to_owned(),
            broken => format!(
                "no: {broken} of {} neighbours are the other way round",
                ends.len() - 1
            ),
        }
    };
    let exact = ends.last().map_or(f64::NAN, |(_, point)| point.f1);
    let sampled = &ends[..ends.len().saturating_sub(1)];
    let above = sampled.iter().filter(|(_, point)| point.f1 > exact).count();
    vec![
        format!(
            "The more samples, the smaller the training loss at the end: {}.",
            falls(|p| p.loss)
        ),
        format!(
            "The more samples, the smaller the norm of the gradient at the end: {}.",
            falls(|p| p.gradient_norm)
        ),
        format!(
            "Fewer samples generalize better than exact likelihood after the same number of steps: {above} of {} end \
             with a higher test micro-F1.",
            sampled.len()
        ),
    ]
}
