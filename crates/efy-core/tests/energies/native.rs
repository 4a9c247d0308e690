//! The native solver of network energies beside the tensor path, and its certificates.

use super::*;

#[everywhere(cpu, f64)]
fn native_and_tensor_paths_agree() {
    let wide = || BoxDomain::new(-0.7, 1.4).unwrap();
    for name in NETWORKS.into_iter().filter(|&name| name != "mixed signs") {
        let energy = whole(name);
        let (gini, norm) = (
            || Box::new(Gini::new(1.3).unwrap()),
            || Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        );
        for (native, batched) in [
            (
                solve(&energy, gini(), Cube, newton(1e-11)),
                solve(&energy, gini(), Cube, fista(1e-8)),
            ),
            (
                solve(&energy, norm(), wide(), newton(1e-11)),
                solve(&energy, norm(), wide(), fista(1e-8)),
            ),
        ] {
            assert_eq!(native.report.solver, "coordinate_newton");
            assert_close(name, &native.argmax, &batched.argmax, 1e-4);
            let (a, b) = (native.certificate.unwrap(), batched.certificate.unwrap());
            assert_close(name, &a.value, &b.value, 1e-7);
            let residual = values(&native.report.residual);
            assert!(
                residual.into_iter().all(|r| r <= tolerance(1e-11)),
                "{name}"
            );
        }
    }
}

#[everywhere(cpu)]
fn native_and_tensor_certificates_are_the_same_at_the_same_point() {
    for name in NETWORKS {
        let energy = whole(name);
        // Without an iteration both report their start.
        let options = Options {
            max_iterations: 0,
            ..options(0.0)
        };
        let gini = || Box::new(Gini::new(1.3).unwrap());
        let native = solve(&energy, gini(), Cube, CoordinateNewton { options });
        let batched = solve(
            &energy,
            gini(),
            Cube,
            ProjectedGradient {
                options,
                ..fista(0.0)
            },
        );
        assert_close(name, &native.argmax, &batched.argmax, 0.0);
        assert_close(
            name,
            &native.report.residual,
            &batched.report.residual,
            1e-13,
        );
        let (a, b) = (native.certificate.unwrap(), batched.certificate.unwrap());
        assert_close(name, &a.value, &b.value, 1e-12);
        let finite = |t: &Tensor| t.nan_to_num(0.0, -1.0, -1.0);
        assert_close(name, &finite(&a.gap), &finite(&b.gap), 1e-12);
    }
}

#[everywhere(cpu)]
fn every_regularizer_converges_on_every_network_however_stiff() {
    for name in NETWORKS {
        for scale in [0.1, 1.0, 3.0, 10.0] {
            // Weights multiply through the layers, and rounding with them.
            let most = match (name, kind()) {
                ("deep" | "gated", Kind::Float) => 1.0,
                ("deep" | "gated" | "gated shallow", _) => 3.0,
                _ => 10.0,
            };
            if scale > most {
                continue;
            }
            for regularizer in regularizers() {
                let context = format!("{name} {scale} {}", regularizer.name());
                let energy = network(name, scale, (0, 11));
                let solution = solve(&energy, regularizer, Cube, newton(1e-10));
                let report = solution.report;
                let iterations: Vec<i64> = read::to_vec(&report.iterations).unwrap();
                let converged = flags(&report.converged);
                assert!(converged.iter().all(|&c| c), "{context}: {iterations:?}");
                let most = if scale > 1.0 { 600 } else { 40 };
                let found = iterations.iter().max().unwrap();
                assert!(*found <= most, "{context}: {iterations:?}");
            }
        }
    }
}

#[everywhere(cpu)]
fn a_certificate_encloses_the_conjugate_after_any_number_of_sweeps() {
    for name in NETWORKS {
        for regularizer in 0..4 {
            let pick = || regularizers().into_iter().nth(regularizer).unwrap();
            let exact = solve(&whole(name), pick(), Cube, newton(1e-13));
            let exact = exact.certificate.unwrap().value;
            for sweeps in 0..5 {
                let options = Options {
                    max_iterations: sweeps,
                    ..options(0.0)
                };
                let early = solve(&whole(name), pick(), Cube, CoordinateNewton { options });
                let early = early.certificate.unwrap();
                let above = values(&(&early.value + &early.gap - &exact));
                assert!(
                    above.iter().all(|&a| a >= -tolerance(1e-10)),
                    "{name} {sweeps}: {above:?}"
                );
                if name == "mixed signs" {
                    continue;
                }
                let below = values(&(&exact - &early.value));
                assert!(
                    below.iter().all(|&b| b >= -tolerance(1e-10)),
                    "{name} {sweeps}: {below:?}"
                );
                assert!(
                    above.iter().all(|a| a.is_finite()),
                    "{name} {sweeps}: {above:?}"
                );
            }
        }
    }
}

#[everywhere]
fn a_network_with_a_negative_weight_gets_no_certificate_on_any_path() {
    for (name, expected) in [("deep", true), ("gated", true), ("mixed signs", false)] {
        for hidden_sign in [1.0, -1.0] {
            let u = uniform(&[3, 5], 1.0, 40);
            let first = Layer::first(uniform(&[4, 5], 4.0, 41), uniform(&[4], 1.0, 42));
            let hidden = uniform(&[2, 4], 1.0, 43).abs() * hidden_sign;
            let next = Layer::next(hidden, uniform(&[2, 5], 1.0, 44), uniform(&[2], 1.0, 45));
            let sign = if expected { 1.0 } else { -1.0 };
            let output = uniform(&[2], 1.0, 46).abs() * sign;
            let energy = Spen::new(u, Prior::new(vec![first, next], output).unwrap()).unwrap();
            let mut solvers: Vec<Box<dyn Solver>> = vec![Box::new(fista(1e-2))];
            if on_cpu() {
                solvers.push(Box::new(newton(1e-2)));
            }
            for solver in solvers {
                let gini: Box<dyn Regularizer> = Box::new(Gini::new(1.0).unwrap());
                let loss = FenchelYoung::from_parts(gini, Box::new(Cube), solver);
                let gap = loss
                    .predict(&energy, None)
                    .unwrap()
                    .certificate
                    .unwrap()
                    .gap;
                let finite = values(&gap).into_iter().all(f64::is_finite);
                assert_eq!(
                    finite,
                    expected && hidden_sign > 0.0,
                    "{name} {hidden_sign}"
                );
            }
        }
    }
}

#[everywhere(cpu)]
fn a_row_keeps_its_bits_whatever_the_other_rows_are() {
    for name in NETWORKS {
        for index in 0..4 {
            let pick = || regularizers().into_iter().nth(index).unwrap();
            let solver = || CoordinateNewton {
                options: Options {
                    max_iterations: 100,
                    ..options(1e-6)
                },
            };
            let predict = |energy: &Spen| {
                let solution = solve(energy, pick(), Cube, solver());
                (solution.argmax, solution.report.iterations)
            };
            let energy = network(name, 2.0, (0, 11));
            let (together, iterations) = predict(&energy);
            let stiff = network(name, 2.0, (0, 11));
            if let Form::Network { u, .. } = stiff.form() {
                let _ = u.get(4).fill_(f64::NAN);
                let _ = u.get(9).g_mul_scalar_(1e4);
            }
            let (beside, beside_iterations) = predict(&stiff);
            for row in (0..11).filter(|row| ![4, 9].contains(row)) {
                let (alone, count) = predict(&network(name, 2.0, (row, 1)));
                assert_eq!(
                    bits(&together.get(row)),
                    bits(&alone.get(0)),
                    "{name} {row}"
                );
                assert_eq!(bits(&beside.get(row)), bits(&alone.get(0)), "{name} {row}");
                assert_eq!(bits(&iterations.get(row)), bits(&count.get(0)));
                assert_eq!(bits(&beside_iterations.get(row)), bits(&count.get(0)));
            }
            let converged = solve(&stiff, pick(), Cube, solver()).report.converged;
            assert!(!flags(&converged)[4]);
        }
    }
}
