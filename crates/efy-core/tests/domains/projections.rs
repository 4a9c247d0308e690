//! Projections: optimal, exact, and sane on hard rows.

use super::*;

/// $\langle z - P(z), v - P(z) \rangle \le 0$ for every vertex v, which is optimality.
#[everywhere]
fn projections_satisfy_the_variational_inequality_at_every_vertex() {
    let z = rows(2);
    for domain in polytopes() {
        let p = domain.project(&z);
        let vertices = support::vertices(domain.as_ref(), 9).unwrap();
        let residual = &z - &p;
        let ahead = residual.matmul(&vertices.tr()) - dot(&residual, &p).unsqueeze(-1);
        let scale = residual.abs().amax([-1].as_slice(), true) + 1.0;
        let worst = largest(&(ahead / scale));
        assert!(worst <= tolerance(1e-11), "{}: {worst}", domain.name());
        assert!(
            all(&domain.contains(&p, tolerance(1e-13))),
            "{}",
            domain.name()
        );
    }
}

#[everywhere]
fn large_projections_satisfy_the_variational_inequality() {
    let domains: Vec<(Box<dyn Domain>, i64)> = vec![
        (Box::new(Simplex::new(3.0).unwrap()), 1000),
        (knapsack(10.0, 200.5), 1000),
        (Box::new(Permutahedron::ranking(500).unwrap()), 500),
        (Box::new(Birkhoff::new(13).unwrap()), 169),
        (Box::new(OrderSimplex), 1000),
        (Box::new(Ball::new(2.0).unwrap()), 1000),
    ];
    for (domain, k) in domains {
        for scale in [1e-3, 0.5, 20.0, 1e5] {
            let z = uniform(&[20, k], scale, 3);
            let p = domain.project(&z);
            let residual = &z - &p;
            let best = domain.linear_argmax(&residual).unwrap();
            let size = (dot(&residual, &residual) * dot(&p, &p)).sqrt();
            let ahead = dot(&residual, &(best - &p)) / (size + 1.0);
            let worst = largest(&ahead);
            assert!(
                worst <= tolerance(1e-11),
                "{} {scale}: {worst}",
                domain.name()
            );
            assert!(
                all(&domain.contains(&p, tolerance(1e-12))),
                "{}",
                domain.name()
            );
        }
    }
}

#[everywhere]
fn offsets_cost_no_digits() {
    // Eighths and their sums with these offsets are exact in f32.
    let z = (uniform(&[200, 9], 4.0, 5) * 8.0).round() / 8.0;
    for domain in domains() {
        let invariant = ["simplex", "permutahedron", "birkhoff"].contains(&domain.name());
        for offset in [1e3, 1e6, -1e6] {
            let moved: Tensor = &z + offset;
            let found = domain.project(&moved);
            assert!(
                all(&domain.contains(&found, 2.0 * tolerance(1e-12))),
                "{} {offset}",
                domain.name()
            );
            if invariant {
                let plain = domain.project(&z);
                assert_close(domain.name(), &found, &plain, 1e-12);
            }
        }
    }
    // A knapsack whose bound is met is invariant, too.
    let tight = Knapsack::new(3.0, 3.0).unwrap();
    let moved = tight.project(&(&z + 1e6));
    assert_close("knapsack", &moved, &tight.project(&z), 1e-12);
}

#[everywhere]
fn projections_are_as_good_as_the_digits_of_their_kind() {
    for domain in domains() {
        let z = rows(6).narrow(0, 0, 160);
        let exact = domain.project(&z.to_kind(Kind::Double));
        assert_close(domain.name(), &domain.project(&z), &exact, 6e-13);
    }
}

#[everywhere]
fn infinite_elements_get_the_least_or_the_most() {
    let inf = f64::INFINITY;
    let check = |domain: &dyn Domain, z: &[f64], expected: &[f64]| {
        let z = tensor(z).unsqueeze(0);
        let found = values(&domain.project(&z));
        let same = |(f, e): (&f64, &f64)| (f - e).abs() < 1e-6;
        assert!(
            found.iter().zip(expected).all(same),
            "{} {z:?} {found:?}",
            domain.name()
        );
    };
    let simplex = Simplex::default();
    check(&simplex, &[0.2, -inf, 0.4], &[0.4, 0.0, 0.6]);
    check(&simplex, &[0.2, inf, inf], &[0.0, 0.5, 0.5]);
    check(&simplex, &[-inf, -inf], &[0.5, 0.5]);
    check(
        &*knapsack(2.0, 2.0),
        &[0.5, -inf, 0.3, 0.1],
        &[2.6 / 3.0, 0.0, 2.0 / 3.0, 1.4 / 3.0],
    );
    check(&*knapsack(2.0, 2.0), &[0.5, -inf, -inf], &[1.0, 0.5, 0.5]);
    check(&*knapsack(0.0, 1.0), &[inf, inf, 5.0], &[0.5, 0.5, 0.0]);
    let ranking = Permutahedron::ranking(3).unwrap();
    check(&ranking, &[-inf, 0.0, inf], &[0.0, 1.0, 2.0]);
    check(&ranking, &[inf, 0.0, inf], &[1.5, 0.0, 1.5]);
    let birkhoff = Birkhoff::new(2).unwrap();
    check(&birkhoff, &[-inf, 0.0, 0.0, 0.0], &[0.0, 1.0, 1.0, 0.0]);
    check(&OrderSimplex, &[0.7, inf, -inf], &[1.0, 1.0, 0.0]);
}

#[everywhere]
fn a_row_with_nan_becomes_nan_and_hangs_nothing() {
    for domain in domains() {
        let z = rows(12).narrow(0, 0, 3);
        let calm = domain.project(&z);
        let _ = z.get(1).get(4).fill_(f64::NAN);
        let p = domain.project(&z);
        for row in [0, 2] {
            assert!(p.get(row).equal(&calm.get(row)), "{}", domain.name());
        }
        let nan = p.get(1).isnan();
        // Coordinates that have nothing to do with it keep their values.
        let separate = ["cube", "product"].contains(&domain.name());
        assert!(
            all(&if separate { nan.get(4) } else { nan }),
            "{}",
            domain.name()
        );
        assert!(!all(&domain.contains(&p, 1.0)), "{}", domain.name());
        assert_eq!(domain.linear_argmax(&z).unwrap().size(), [3, 9]);
    }
}

#[everywhere]
fn one_output_and_no_rows() {
    let weights = vec![2.0];
    let domains: Vec<(Box<dyn Domain>, [f64; 2])> = vec![
        (Box::new(Simplex::new(2.0).unwrap()), [2.0, 2.0]),
        (knapsack(0.25, 0.5), [0.25, 0.5]),
        (Box::new(Permutahedron::new(weights).unwrap()), [2.0, 2.0]),
        (Box::new(Birkhoff::new(1).unwrap()), [1.0, 1.0]),
        (Box::new(OrderSimplex), [0.0, 1.0]),
        (Box::new(Ball::new(3.0).unwrap()), [-3.0, 3.0]),
        (Box::new(Sphere::new(3.0).unwrap()), [-3.0, 3.0]),
    ];
    for (domain, ends) in domains {
        let z = tensor(&[-10.0, 10.0]).reshape([2, 1]);
        let expected = tensor(&ends);
        assert_close(domain.name(), &domain.project(&z), &expected, 1e-15);
        assert_close(
            domain.name(),
            &domain.linear_argmax(&z).unwrap(),
            &expected,
            1e-15,
        );
    }
    for domain in crate::domains() {
        let empty = Tensor::empty([0, 9], place());
        assert_eq!(domain.project(&empty).size(), [0, 9]);
        assert_eq!(domain.linear_argmax(&empty).unwrap().size(), [0, 9]);
        assert_eq!(domain.contains(&empty, 0.0).size(), [0]);
    }
}

#[everywhere]
fn rows_are_independent_to_the_last_bit() {
    let z = rows(7).repeat([by_device(40, 1), 1]);
    for domain in domains() {
        let together = domain.project(&z);
        for row in [0, 17, 100, 239, by_device(3001, 240)] {
            let alone = domain.project(&z.narrow(0, row, 1));
            assert_same_row(domain.name(), &together.narrow(0, row, 1), &alone, 1e-13);
        }
        let strided = domain.project(&z.tr().contiguous().tr());
        assert_same_row(domain.name(), &strided, &together, 1e-13);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: by_device(48, 2), ..ProptestConfig::default() })]

    /// $P(P(z)) = P(z)$, and $\|P(z) - P(z')\|^2 \le \langle P(z) - P(z'), z - z' \rangle$ on convex sets.
    #[everywhere]
    fn projections_are_idempotent_and_firmly_nonexpansive(seed in any::<u64>(), exponent in -2.0..4.0_f64) {
        let scale = 10_f64.powf(exponent);
        let (z, other) = (uniform(&[8, 9], scale, seed), uniform(&[8, 9], scale, seed ^ 1));
        let near = &z + uniform(&[8, 9], 0.1, seed ^ 2);
        for domain in domains() {
            let p = domain.project(&z);
            assert_close(domain.name(), &domain.project(&p), &p, 1e-12);
            if domain.name() == "sphere" {
                continue;
            }
            for other in [&other, &near] {
                let d = &p - domain.project(other);
                let excess = largest(&(dot(&d, &d) - dot(&d, &(&z - other))));
                prop_assert!(excess <= tolerance(1e-11) * (1.0 + scale), "{} {excess}", domain.name());
            }
        }
    }

    /// Reordering the outputs (rows and columns of a matrix) reorders the answer.
    #[everywhere]
    fn projections_commute_with_the_symmetries_of_the_domain(seed in any::<u64>(), ties in any::<bool>()) {
        let z = uniform(&[6, 9], 2.0, seed);
        let z = if ties { z.round() } else { z };
        for domain in domains() {
            let order: [i64; 9] = match domain.name() {
                "product" | "order_simplex" => continue,
                // Columns turned, rows 0 and 2 swapped.
                "birkhoff" => [7, 8, 6, 4, 5, 3, 1, 2, 0],
                _ => [3, 0, 8, 5, 1, 4, 2, 7, 6],
            };
            let order = indices(&order);
            let shuffled = domain.project(&z.index_select(1, &order));
            let expected = domain.project(&z).index_select(1, &order);
            assert_close(domain.name(), &shuffled, &expected, 1e-12);
        }
    }

    /// Any bounds, any size: the sum is met and nothing hangs.
    #[everywhere]
    fn knapsacks_of_any_size(
        seed in any::<u64>(), k in 1..70_i64, exponent in -6.0..8.0_f64, low in 0.0..1.0_f64, width in 0.0..0.3_f64,
    ) {
        let (min, max) = (low * k as f64, (low + width) * k as f64);
        let domain = Knapsack::new(min, max).unwrap();
        let z = uniform(&[4, k], 10_f64.powf(exponent), seed);
        prop_assert!(all(&domain.contains(&domain.project(&z), tolerance(1e-14))));
        let p = domain.project(&z);
        let residual = &z - &p;
        let best = domain.linear_argmax(&residual).unwrap();
        let size = largest(&residual.abs()) * k as f64 + 1.0;
        prop_assert!(largest(&dot(&residual, &(best - &p))) <= tolerance(1e-13) * size);
    }
}
