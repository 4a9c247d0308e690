//! Against sums over pairs and textbook formulas, on all rankings of up to five labels.

use efy_test::{assert_close, everywhere, place, tolerance, values as numbers};

use super::*;

/// All permutations of 1 to k.
fn permutations(k: usize) -> Vec<Vec<f64>> {
    if k == 0 {
        return vec![Vec::new()];
    }
    let smaller = permutations(k - 1);
    let at = |place: usize| {
        smaller.iter().map(move |rest| {
            let mut ranks = rest.clone();
            ranks.insert(place, k as f64);
            ranks
        })
    };
    (0..k).flat_map(at).collect()
}

fn tensor(rows: &[Vec<f64>]) -> Tensor {
    efy_test::tensor(&rows.concat()).reshape([rows.len() as i64, -1])
}

/// Concordant and discordant pairs, one by one.
fn counts(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut concordant, mut discordant) = (0.0, 0.0);
    for i in 0..a.len() {
        for j in 0..i {
            match (a[i] - a[j]) * (b[i] - b[j]) {
                product if product > 0.0 => concordant += 1.0,
                product if product < 0.0 => discordant += 1.0,
                _ => {}
            }
        }
    }
    (concordant, discordant)
}

#[everywhere]
fn all_pairs_of_rankings_get_what_the_definitions_give() {
    for k in 2..=5_usize {
        let all = permutations(k);
        let truth = &all[all.len() / 3];
        let (predicted, truths) = (tensor(&all), tensor(&vec![truth.clone(); all.len()]));
        let pairs = (k * (k - 1) / 2) as f64;
        let found = [kendall_tau, pairwise_accuracy, spearman, top_one]
            .map(|metric| numbers(&metric(&predicted, &truths)));
        for (row, ranks) in all.iter().enumerate() {
            let (c, d) = counts(ranks, truth);
            let squares: f64 = ranks.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum();
            let k = k as f64;
            let first = |ranks: &[f64]| ranks.iter().position(|&rank| rank == 1.0);
            let expected = [
                (c - d) / pairs,
                c / pairs,
                1.0 - 6.0 * squares / (k * (k * k - 1.0)),
                f64::from(u8::from(first(ranks) == first(truth))),
            ];
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found[row] - expected).abs() < tolerance(1e-12),
                    "{ranks:?} {truth:?}"
                );
            }
        }
    }
}

#[everywhere]
fn rank_vectors_are_not_orders() {
    // The order 2 > 3 > 1 of a cycle has the ranks 3, 1, 2, and is not its own inverse.
    let (ranks, order) = (
        tensor(&[vec![3.0, 1.0, 2.0]]),
        tensor(&[vec![2.0, 3.0, 1.0]]),
    );
    let tau = numbers(&kendall_tau(&ranks, &order))[0];
    assert!((tau + 1.0 / 3.0).abs() < tolerance(1e-12), "{tau}");
}

#[everywhere]
fn ties_count_nothing_and_stay_in_the_denominator() {
    let (predicted, truth) = (
        tensor(&[vec![1.5, 1.5, 3.0]]),
        tensor(&[vec![1.0, 2.0, 3.0]]),
    );
    let thirds = efy_test::tensor(&[2.0 / 3.0]);
    assert_close("tau", &kendall_tau(&predicted, &truth), &thirds, 1e-15);
    assert_close(
        "pairs",
        &pairwise_accuracy(&predicted, &truth),
        &thirds,
        1e-15,
    );
    assert_eq!(numbers(&top_one(&predicted, &truth)), [1.0]);
    let rho = numbers(&spearman(&predicted, &truth))[0];
    assert!(
        (rho - 3.0_f64.sqrt() / 2.0).abs() < tolerance(1e-12),
        "{rho}"
    );
    let same = tensor(&[vec![2.0, 2.0, 2.0]]);
    assert_eq!(numbers(&spearman(&same, &truth)), [0.0]);
    assert_eq!(numbers(&kendall_tau(&same, &truth)), [0.0]);
}

#[everywhere]
fn many_labels_are_compared_some_rows_at_a_time() {
    let k = 255;
    let ranks: Vec<f64> = (1..=k).map(f64::from).collect();
    let mut swapped = ranks.clone();
    swapped.swap(3, 4);
    let rows = 100;
    let (predicted, truth) = (tensor(&vec![swapped; rows]), tensor(&vec![ranks; rows]));
    assert!(rows as i64 * 255 * 255 > PAIRS);
    let pairs = Pairs::of(&predicted, &truth);
    assert_eq!(numbers(&pairs.discordant), vec![1.0; rows]);
    assert_eq!(numbers(&pairs.concordant), vec![255.0 * 127.0 - 1.0; rows]);
}

#[everywhere]
fn no_rows_have_no_metrics() {
    let empty = Tensor::zeros([0, 3], place());
    assert_eq!(kendall_tau(&empty, &empty).size(), [0]);
}
