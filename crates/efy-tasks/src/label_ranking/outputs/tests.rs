//! Encoding, decoding and decisions against all rankings.

use efy_core::device::read;
use efy_core::energy::Linear;
use efy_core::random::{Stream, generator};
use rand::RngExt;
use tch::Device;

use super::*;

const POLYTOPES: [PolytopeKind; 2] = [PolytopeKind::Permutahedron, PolytopeKind::Birkhoff];

/// All rankings of k labels, `[k!, k]`.
fn all_rankings(k: i64) -> Tensor {
    let weights = Permutahedron::new((1..=k).map(|rank| rank as f64).collect()).unwrap();
    weights.vertices(k as usize).unwrap()
}

fn random(rows: i64, width: i64, kind: Kind) -> Tensor {
    let mut random = generator(5, Stream::MadeUp, 0);
    let values: Vec<f64> = (0..rows * width)
        .map(|_| random.random_range(-1.0..=1.0))
        .collect();
    Tensor::from_slice(&values)
        .reshape([rows, width])
        .to_kind(kind)
}

#[test]
fn a_ranking_is_encoded_as_a_vertex_and_comes_back() {
    for polytope in POLYTOPES {
        for k in 2..=5 {
            let outputs = Rankings::new(k, polytope).unwrap();
            let ranks = all_rankings(k);
            let vertices = outputs.encode(&ranks).unwrap();
            let domain = outputs.domain().unwrap();
            assert!(domain.check(vertices.size()[1]).is_ok());
            let inside: Vec<bool> = read::to_vec(&domain.contains(&vertices, 1e-9)).unwrap();
            assert!(inside.iter().all(|inside| *inside));
            assert_eq!(outputs.ranks(&vertices), ranks);
            // Every label of rank 1 has the largest place value.
            let best: Vec<f64> =
                read::to_vec(&outputs.place_values(&vertices).amax([1].as_slice(), false)).unwrap();
            assert!(best.iter().all(|value| *value == (k - 1) as f64 / 2.0));
        }
    }
}

#[test]
fn the_decision_is_the_ranking_of_the_largest_energy() {
    for kind in [Kind::Float, Kind::Double] {
        for polytope in POLYTOPES {
            for k in 2..=5 {
                let outputs = Rankings::new(k, polytope).unwrap();
                let ranks = all_rankings(k).to_kind(kind);
                let vertices = outputs.encode(&ranks).unwrap();
                let theta = random(40, vertices.size()[1], kind);
                let best = theta.matmul(&vertices.transpose(0, 1)).argmax(1, false);
                assert_eq!(
                    outputs.decide(&theta).unwrap(),
                    ranks.index_select(0, &best)
                );
                // The decision is about the energy, not about the regularized prediction.
                let energy = Linear::new(theta.shallow_clone()).unwrap();
                let p = outputs.domain().unwrap().start(&theta);
                let outcome = outputs.outcome(&energy, &p).unwrap();
                assert_eq!(outcome.size(), [40, outputs.outcome_width()]);
                assert_eq!(outcome.narrow(1, 0, k), outputs.decide(&theta).unwrap());
                let scores: f64 = read::scalar(&outcome.narrow(1, k, k).abs().max()).unwrap();
                assert!(scores < 1e-6, "the centre prefers nobody");
            }
        }
    }
}

#[test]
fn of_equal_scores_the_earlier_label_is_better() {
    let scores = Tensor::from_slice(&[1.0, 2.0, 1.0, 2.0, 0.0]).reshape([1, 5]);
    let ranks: Vec<f64> = read::to_vec(&ranks_of_scores(&scores)).unwrap();
    assert_eq!(ranks, [3.0, 1.0, 4.0, 2.0, 5.0]);
    let outputs = Rankings::new(3, PolytopeKind::Birkhoff).unwrap();
    let equal = Tensor::zeros([1, 9], (Kind::Double, Device::Cpu));
    let ranks: Vec<f64> = read::to_vec(&outputs.decide(&equal).unwrap()).unwrap();
    assert_eq!(ranks, [1.0, 2.0, 3.0]);
}

#[test]
fn one_label_is_no_ranking() {
    assert!(Rankings::new(1, PolytopeKind::Permutahedron).is_err());
}
