//! Energies that are not concave.

use super::*;

#[everywhere]
fn several_starts_find_what_one_does_not_and_say_nothing_of_a_bound() {
    let (rows, k) = (12, 4);
    let energy = Cosh::new(rows, k, |w| w.abs() * 1.5, 100);
    let regularizer = HalfSquaredNorm::new(0.3).unwrap();
    let problem = Problem {
        energy: &energy,
        regularizer: &regularizer,
        domain: &Cube,
    };
    let single = ProjectedGradient {
        options: options(1e-8),
        ..ProjectedGradient::fista()
    };
    let value = |s: &Solution| values(&s.certificate.as_ref().unwrap().value);
    let one = single.solve(&problem, None).unwrap();
    let many = |seed| {
        MultiStart::new(single, 24, seed)
            .unwrap()
            .solve(&problem, None)
            .unwrap()
    };
    let best = many(1);
    // A convex F is largest at a vertex; this one nearly is.
    let vertex = values(&best_vertex(&problem).unwrap());
    let mut improved = 0;
    for ((one, best), vertex) in value(&one).iter().zip(value(&best)).zip(vertex) {
        assert!(
            best >= *one && best >= vertex - tolerance(1e-9),
            "{one} {best} {vertex}"
        );
        improved += usize::from(best > one + 1e-3);
    }
    assert!(improved > 0);
    let gap = values(&best.certificate.as_ref().unwrap().gap);
    assert!(gap.into_iter().all(f64::is_infinite));
    assert_eq!(values(&many(1).argmax), values(&best.argmax));
    // Where a start leads nowhere, the best start is the answer: it depends on the seed.
    let still = ProjectedGradient {
        step: Step::Fixed(1e-9),
        ..single
    };
    let start = |seed| {
        let solver = MultiStart::new(still, 8, seed).unwrap();
        values(&solver.solve(&problem, None).unwrap().argmax)
    };
    assert_ne!(start(2), start(3));
    assert!(MultiStart::new(single, 0, 1).is_err());
}

#[everywhere]
fn newton_and_lbfgsb_ascend_where_the_energy_is_not_concave() {
    let (rows, k) = (by_device(10, 3), 5);
    let dense = uniform(&[rows, k, k], 1.0, 110);
    let dense = Coupling::Dense(&dense + dense.transpose(-1, -2));
    let energies: [Box<dyn Energy>; 2] = [
        Box::new(Quadratic::new(uniform(&[rows, k], 1.0, 111), dense).unwrap()),
        Box::new(Cosh::new(rows, k, |w| w * 2.0, 112)),
    ];
    for energy in &energies {
        each_setting(0.4, |domain, regularizer| {
            if domain.name() == "reals" {
                return; // Nothing need bound F.
            }
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer,
                domain,
            };
            for solver in [
                Box::new(Newton {
                    options: options(by_device(1e-9, 1e-7)),
                }) as Box<dyn Solver>,
                Box::new(LbfgsB {
                    options: options(by_device(1e-9, 1e-7)),
                }),
                Box::new(Mirror {
                    options: options(by_device(1e-9, 1e-7)),
                    ..Mirror::default()
                }),
            ] {
                let Ok(solution) = solver.solve(&problem, None) else {
                    continue;
                };
                let (name, residual) = (solver.name(), values(&solution.report.residual));
                let converged = flags(&solution.report.converged);
                let context = format!("{name} {} {residual:?}", regularizer.name());
                assert!(converged.into_iter().all(|c| c), "{context}");
                let gap = values(&solution.certificate.unwrap().gap);
                assert!(
                    gap.into_iter().all(|gap| gap > tolerance(1e-9)),
                    "{context}"
                );
            }
        });
    }
}
