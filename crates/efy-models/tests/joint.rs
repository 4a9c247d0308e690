//! Models that are trained by likelihood: golden networks, where they start, gradients, and convexity.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

use std::sync::Mutex;

use efy_core::divergence::Divergence;
use efy_core::joint::{
    BaseMeasure, Batch, ExactLikelihood, Joint, LikelihoodLoss, MinMax, log_partition,
};
use efy_models::Model;
use efy_models::joint::{
    AuxiliaryKind, CouplingKind, Icnn, JointModel, LogPartitionInput, LogPartitionKind,
    PairwiseMatrix,
};
use efy_test::{device, everywhere, place, values as vector};
use tch::{Device, Kind, Tensor};

fn normal(seed: i64, shape: &[i64]) -> Tensor {
    // The generator is the process's, and tests run side by side.
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _guard = GENERATOR.lock();
    tch::manual_seed(seed);
    Tensor::randn(shape, (Kind::Double, Device::Cpu)).to_device(device())
}

fn couplings() -> Vec<CouplingKind> {
    let pairwise = |matrix| CouplingKind::Pairwise {
        hidden: vec![7],
        matrix,
    };
    vec![
        CouplingKind::Linear { hidden: vec![] },
        CouplingKind::Linear { hidden: vec![8] },
        pairwise(PairwiseMatrix::Predicted),
        pairwise(PairwiseMatrix::Shared),
        pairwise(PairwiseMatrix::PredictedLowRank(2)),
        pairwise(PairwiseMatrix::SharedLowRank(2)),
        CouplingKind::Network { hidden: vec![8, 6] },
        CouplingKind::FeatureNetwork {
            features: vec![5],
            hidden: vec![8],
        },
    ]
}

fn log_partitions() -> Vec<LogPartitionKind> {
    vec![
        LogPartitionKind::Free { examples: 9 },
        LogPartitionKind::Constant,
        LogPartitionKind::Linear,
        LogPartitionKind::Mlp { hidden: vec![6] },
        LogPartitionKind::Icnn { hidden: vec![6, 5] },
    ]
}

#[everywhere(f64)]
fn t25_golden_input_convex_network() {
    let numbers = |values: &[f64]| Tensor::from_slice(values).to_device(device());
    let matrix = |values: &[f64], columns: i64| numbers(values).reshape([-1, columns]);
    let layers = vec![
        (
            matrix(&[0.5, -0.2, 0.3, 0.8, -0.6, 0.1], 2),
            None,
            numbers(&[0.1, -0.1, 0.2]),
        ),
        (
            matrix(&[0.1, -0.3, 0.2, 0.25], 2),
            Some(matrix(&[0.2, 0.5, 0.1, 0.4, 0.0, 0.3], 3)),
            numbers(&[0.0, 0.1]),
        ),
    ];
    let last = (
        numbers(&[0.6, 0.2]),
        numbers(&[-0.15, 0.4]),
        numbers(&[-0.2]),
    );
    let found = Icnn::from_weights(layers, last)
        .forward(&matrix(&[0.4, -1.1], 2))
        .unwrap();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../assets/golden/joint/golden.json"
    );
    let file = std::fs::read_to_string(path).unwrap();
    // The only number called tau in the case's second half.
    let case = &file[file.find("T25_tau_nets").unwrap()..];
    let case = &case[case.find("icnn").unwrap()..];
    let text = case[case.find("\"tau\":").unwrap() + 6..]
        .split(['}', '\n'])
        .next()
        .unwrap();
    let expected: f64 = text.trim().parse().unwrap();
    assert!(
        (vector(&found)[0] - expected).abs() < 1e-12,
        "{found:?} {expected}"
    );
}

#[everywhere(f64)]
fn every_model_starts_normalized_and_has_gradients_in_all_weights() {
    let x = normal(1, &[4, 3]);
    let target = normal(2, &[4, 5]).gt(0.0).to_kind(Kind::Double);
    let rows = Tensor::from_slice(&[8_i64, 0, 3, 2]).to_device(device());
    let base = BaseMeasure::uniform_sets(5).unwrap();
    let loss = Joint::new(base.clone(), Divergence::KullbackLeibler, 40, 1).unwrap();
    for coupling in couplings() {
        for kind in log_partitions() {
            for input in [LogPartitionInput::Inputs, LogPartitionInput::Logits] {
                let auxiliary = AuxiliaryKind::LogPartition(kind.clone(), input);
                let context = format!("{coupling:?} {auxiliary:?}");
                let model = JointModel::new(3, &base, (&coupling, &auxiliary), 1, place());
                let model = match (&coupling, input) {
                    (CouplingKind::Network { .. }, LogPartitionInput::Logits) => {
                        assert!(model.unwrap_err().to_string().contains("no logits"));
                        continue;
                    }
                    _ => model.unwrap(),
                };
                assert_eq!(model.auxiliary(), loss.auxiliary());
                // Away from zero, where ReLUs and products would hide mistakes.
                let noise = normal(3, &model.parameters().flat().size()) * 0.3;
                let start = model.forward(&x, Some(&rows)).unwrap();
                let partition = log_partition(&base, start.energy.as_ref()).unwrap();
                let tau = start.auxiliary.unwrap();
                assert_eq!(tau.size(), [4]);
                let pairwise = matches!(coupling, CouplingKind::Pairwise { .. });
                if !pairwise {
                    assert!(vector(&partition.abs().max())[0] < 1e-12, "{context}");
                }
                if !matches!(kind, LogPartitionKind::Icnn { .. }) {
                    assert_eq!(vector(&tau.abs().max()), [0.0], "{context}");
                }
                model
                    .parameters()
                    .assign(&(model.parameters().flat() + noise))
                    .unwrap();
                model.constrain().unwrap();
                let value = |flat: &Tensor| {
                    model.parameters().assign(flat).unwrap();
                    let output = model.forward(&x, Some(&rows)).unwrap();
                    let tau = output.auxiliary.unwrap();
                    let batch = Batch::new(output.energy.as_ref(), &target, 7);
                    loss.mean_loss(&batch.with_auxiliary(&tau)).unwrap().mean
                };
                let flat = model.parameters().flat().copy();
                let gradient = model.parameters().gradient(&value(&flat)).unwrap();
                // Logits are constants for tau: differences see what the gradient must not.
                if input == LogPartitionInput::Logits {
                    continue;
                }
                let direction = normal(4, &flat.size());
                let h = 1e-6;
                let ahead = vector(&value(&(&flat + &direction * h)))[0];
                let behind = vector(&value(&(&flat - &direction * h)))[0];
                let expected = vector(&gradient.dot(&direction))[0];
                let found = (ahead - behind) / (2.0 * h);
                let close = (found - expected).abs() < 1e-5 * expected.abs().max(1.0);
                assert!(close, "{context}: {found} {expected}");
            }
        }
    }
}

#[everywhere(f64)]
fn backward_passes_written_out_are_those_of_autograd() {
    let x = normal(1, &[4, 3]);
    let target = normal(2, &[4, 5]).gt(0.0).to_kind(Kind::Double);
    let rows = Tensor::from_slice(&[8_i64, 0, 3, 8]).to_device(device());
    let base = BaseMeasure::uniform_sets(5).unwrap();
    let mut written = 0;
    for divergence in [Divergence::KullbackLeibler, Divergence::chi_square()] {
        for shared in [false, true] {
            let loss = Joint::new(base.clone(), divergence, 16, 1).unwrap();
            let loss = loss.shared(shared);
            for coupling in couplings() {
                for kind in log_partitions() {
                    for input in [LogPartitionInput::Inputs, LogPartitionInput::Logits] {
                        let auxiliary = AuxiliaryKind::LogPartition(kind.clone(), input);
                        let context = format!("{coupling:?} {auxiliary:?} {shared}");
                        let made = JointModel::new(3, &base, (&coupling, &auxiliary), 1, place());
                        let Ok(model) = made else { continue };
                        let noise = normal(3, &model.parameters().flat().size()) * 0.3;
                        model.parameters().assign(&noise).unwrap();
                        model.constrain().unwrap();
                        let pass = model.pass(&x, Some(&rows)).unwrap().unwrap();
                        let batch = Batch::new(pass.energy.as_ref(), &target, 7);
                        let found = loss.mean_gradient(&batch.with_auxiliary(&pass.tau));
                        let found = found.unwrap().unwrap();
                        let gradient = model.gradient(&pass, &found).unwrap();
                        let output = model.forward(&x, Some(&rows)).unwrap();
                        let tau = output.auxiliary.unwrap();
                        let batch = Batch::new(output.energy.as_ref(), &target, 7);
                        let value = loss.mean_loss(&batch.with_auxiliary(&tau)).unwrap();
                        let expected = model.parameters().gradient(&value.mean).unwrap();
                        let difference = (&gradient - &expected).abs().max();
                        let scale = vector(&expected.abs().max())[0].max(1.0);
                        assert!(vector(&difference)[0] < 1e-12 * scale, "{context}");
                        assert!(
                            vector(&(found.mean - value.mean).abs())[0] < 1e-12,
                            "{context}"
                        );
                        written += 1;
                    }
                }
            }
        }
    }
    // 4 losses, 8 couplings with 5 log-partitions on either input, but a network on [x; y] has no logits.
    assert_eq!(written, 300);
}

/// On the CPU small batches of linear couplings are passed natively: this one is not.
#[everywhere(f64)]
fn backward_passes_of_large_batches_are_those_of_autograd() {
    let (x, target) = (normal(1, &[400, 40]), normal(2, &[400, 5]));
    let target = target.gt(0.0).to_kind(Kind::Double);
    let base = BaseMeasure::uniform_sets(5).unwrap();
    let loss = Joint::new(base.clone(), Divergence::chi_square(), 16, 1).unwrap();
    let hidden = vec![256];
    let coupling = CouplingKind::Linear {
        hidden: hidden.clone(),
    };
    let tau = LogPartitionKind::Mlp { hidden };
    for input in [LogPartitionInput::Inputs, LogPartitionInput::Logits] {
        let auxiliary = AuxiliaryKind::LogPartition(tau.clone(), input);
        let model = JointModel::new(40, &base, (&coupling, &auxiliary), 1, place()).unwrap();
        let noise = normal(3, &model.parameters().flat().size()) * 0.1;
        model.parameters().assign(&noise).unwrap();
        let pass = model.pass(&x, None).unwrap().unwrap();
        let batch = Batch::new(pass.energy.as_ref(), &target, 7);
        let found = loss.mean_gradient(&batch.with_auxiliary(&pass.tau));
        let gradient = model.gradient(&pass, &found.unwrap().unwrap()).unwrap();
        let output = model.forward(&x, None).unwrap();
        let tau = output.auxiliary.unwrap();
        let batch = Batch::new(output.energy.as_ref(), &target, 7);
        let value = loss.mean_loss(&batch.with_auxiliary(&tau)).unwrap();
        let expected = model.parameters().gradient(&value.mean).unwrap();
        let difference = vector(&(&gradient - &expected).abs().max())[0];
        let scale = vector(&expected.abs().max())[0].max(1.0);
        assert!(difference < 1e-12 * scale, "{input:?}: {difference}");
    }
}

#[everywhere(f64)]
fn gradients_of_tau_stop_at_logits() {
    let base = BaseMeasure::uniform_sets(5).unwrap();
    let auxiliary = AuxiliaryKind::LogPartition(
        LogPartitionKind::Mlp { hidden: vec![6] },
        LogPartitionInput::Logits,
    );
    let coupling = CouplingKind::Linear { hidden: vec![4] };
    let model = JointModel::new(3, &base, (&coupling, &auxiliary), 1, place()).unwrap();
    let noise = normal(3, &model.parameters().flat().size());
    model.parameters().assign(&noise).unwrap();
    let output = model.forward(&normal(1, &[4, 3]), None).unwrap();
    // Every weight has to be in the graph: the energy is, with a factor of 0.
    let energy = output
        .energy
        .value(&Tensor::zeros([4, 5], place()))
        .sum(Kind::Double);
    let tau = output.auxiliary.unwrap().sum(Kind::Double);
    let gradient = model.parameters().gradient(&(tau + energy)).unwrap();
    let mut offset = 0;
    for (name, tensor) in model.parameters().named() {
        let length = tensor.numel() as i64;
        let size = vector(&gradient.narrow(0, offset, length).abs().max())[0];
        assert_eq!(size > 0.0, name.starts_with("log_partition"), "{name}");
        offset += length;
    }
}

#[everywhere(f64)]
fn input_convex_log_partitions_are_convex() {
    let base = BaseMeasure::uniform_sets(2).unwrap();
    let kind = LogPartitionKind::Icnn { hidden: vec![6, 5] };
    let auxiliary = AuxiliaryKind::LogPartition(kind, LogPartitionInput::Inputs);
    let coupling = CouplingKind::Linear { hidden: vec![] };
    let model = JointModel::new(3, &base, (&coupling, &auxiliary), 1, place()).unwrap();
    let tau = |x: &Tensor| model.forward(x, None).unwrap().auxiliary.unwrap();
    assert!(vector(&tau(&Tensor::zeros([1, 3], place())))[0].abs() < 1e-12);
    let (a, b) = (normal(1, &[200, 3]) * 3.0, normal(2, &[200, 3]) * 3.0);
    let convex = || {
        let excess = (tau(&a) + tau(&b)) * 0.5 - tau(&((&a + &b) * 0.5));
        vector(&excess.min())[0] > -1e-12
    };
    assert!(convex());
    let noise = normal(5, &model.parameters().flat().size());
    model.parameters().assign(&noise).unwrap();
    assert!(!convex(), "weights of any sign");
    model.constrain().unwrap();
    assert!(convex());
}

#[everywhere(f64)]
fn permutations_and_samplers_have_outputs_of_their_shapes() {
    let x = normal(1, &[6, 3]);
    let coupling = CouplingKind::Linear { hidden: vec![5] };
    for base in [
        BaseMeasure::permutahedron(4).unwrap(),
        BaseMeasure::birkhoff(4).unwrap(),
    ] {
        let sampler = AuxiliaryKind::Sampler { hidden: vec![5] };
        let model = JointModel::new(3, &base, (&coupling, &sampler), 1, place()).unwrap();
        let output = model.forward(&x, None).unwrap();
        assert_eq!(output.energy.size(), (6, base.outputs()));
        let scores = output.auxiliary.unwrap();
        assert_eq!(scores.size(), [6, 4]);
        let ranks = Tensor::from_slice(&[0_i64, 3, 1, 2])
            .expand([6, 4], false)
            .to_device(device());
        let target = base.encode_ranks(&ranks, Kind::Double).unwrap();
        let game = MinMax::new(base.clone(), 8, 1).unwrap();
        let batch = Batch::new(output.energy.as_ref(), &target, 0);
        let mean = game.mean_loss(&batch.with_auxiliary(&scores)).unwrap().mean;
        assert!(vector(&model.parameters().gradient(&mean).unwrap().isfinite().all())[0] > 0.0);
        let nothing = JointModel::new(3, &base, (&coupling, &AuxiliaryKind::Nothing), 1, place());
        let nothing = nothing.unwrap();
        let energy = nothing.energy(&x).unwrap();
        let exact = ExactLikelihood::new(base);
        let mean = exact
            .mean_loss(&Batch::new(energy.as_ref(), &target, 0))
            .unwrap()
            .mean;
        assert!(vector(&mean)[0].abs() < 1e-12, "the prior");
    }
    let base = BaseMeasure::uniform_sets(4).unwrap();
    for wrong in [
        CouplingKind::Network { hidden: vec![] },
        CouplingKind::Linear { hidden: vec![0] },
        CouplingKind::Pairwise {
            hidden: vec![],
            matrix: PairwiseMatrix::SharedLowRank(0),
        },
    ] {
        let parts = (&wrong, &AuxiliaryKind::Nothing);
        assert!(JointModel::new(3, &base, parts, 1, place()).is_err());
    }
    let free = LogPartitionKind::Free { examples: 5 };
    let free = AuxiliaryKind::LogPartition(free, LogPartitionInput::Inputs);
    let model = JointModel::new(3, &base, (&coupling, &free), 1, place()).unwrap();
    assert!(model.forward(&x, None).is_err());
}
