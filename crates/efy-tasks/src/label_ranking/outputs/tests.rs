//! Encoding, decoding and decisions against all rankings.

use efy_core::energy::Linear;
use efy_test::{
    device, everywhere, flags, kind, number, place, tensor, tolerance, uniform, values,
};

use super::*;

const POLYTOPES: [PolytopeKind; 2] = [PolytopeKind::Permutahedron, PolytopeKind::Birkhoff];

/// All rankings of k labels, `[k!, k]`.
fn all_rankings(k: i64) -> Tensor {
    let weights = Permutahedron::new((1..=k).map(|rank| rank as f64).collect()).unwrap();
    let vertices = weights.vertices(k as usize).unwrap();
    vertices.to_kind(kind()).to_device(device())
}

#[everywhere]
fn a_ranking_is_encoded_as_a_vertex_and_comes_back() {
    for polytope in POLYTOPES {
        for k in 2..=5 {
            let outputs = Rankings::new(k, polytope).unwrap();
            let ranks = all_rankings(k);
            let vertices = outputs.encode(&ranks).unwrap();
            let domain = outputs.domain().unwrap();
            assert!(domain.check(vertices.size()[1]).is_ok());
            let inside = flags(&domain.contains(&vertices, tolerance(1e-9)));
            assert!(inside.iter().all(|inside| *inside));
            assert_eq!(outputs.ranks(&vertices), ranks);
            // Every label of rank 1 has the largest place value.
            let best = values(&outputs.place_values(&vertices).amax([1].as_slice(), false));
            assert!(best.iter().all(|value| *value == (k - 1) as f64 / 2.0));
        }
    }
}

#[everywhere]
fn the_decision_is_the_ranking_of_the_largest_energy() {
    for polytope in POLYTOPES {
        for k in 2..=5 {
            let outputs = Rankings::new(k, polytope).unwrap();
            let ranks = all_rankings(k);
            let vertices = outputs.encode(&ranks).unwrap();
            let theta = uniform(&[40, vertices.size()[1]], 1.0, 5);
            let best = theta.matmul(&vertices.transpose(0, 1)).argmax(1, false);
            assert_eq!(
                outputs.decide(&theta).unwrap(),
                ranks.index_select(0, &best)
            );
            // The decision is about the energy, not about the regularized prediction.
            let energy = Linear::new(theta.shallow_clone()).unwrap();
            let p = outputs.domain().unwrap().start(&theta);
            let outcome = outputs.outcome(&energy, &p).unwrap();
            assert_eq!(
                outcome.size(),
                [40, outputs.outcome_width(Layout::default())]
            );
            assert_eq!(outcome.narrow(1, 0, k), outputs.decide(&theta).unwrap());
            let scores = number(&outcome.narrow(1, k, k).abs().max());
            assert!(scores < 1e-6, "the centre prefers nobody");
        }
    }
}

#[everywhere]
fn of_equal_scores_the_earlier_label_is_better() {
    let scores = tensor(&[1.0, 2.0, 1.0, 2.0, 0.0]).reshape([1, 5]);
    let ranks = values(&ranks_of_scores(&scores));
    assert_eq!(ranks, [3.0, 1.0, 4.0, 2.0, 5.0]);
    let outputs = Rankings::new(3, PolytopeKind::Birkhoff).unwrap();
    let equal = Tensor::zeros([1, 9], place());
    let ranks = values(&outputs.decide(&equal).unwrap());
    assert_eq!(ranks, [1.0, 2.0, 3.0]);
}

#[test]
fn one_label_is_no_ranking() {
    assert!(Rankings::new(1, PolytopeKind::Permutahedron).is_err());
}
