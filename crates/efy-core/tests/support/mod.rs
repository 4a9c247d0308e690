//! Golden cases as tensors, and every solver that applies to one.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs
)]

mod json;

use std::ops::Deref;
use std::path::Path;

use efy_core::domain::{
    Birkhoff, BoxDomain, Cube, Domain, Knapsack, OrderSimplex, Permutahedron, Reals, Simplex,
};
use efy_core::energy::{Coupling, Energy, Form, Linear, Quadratic};
use efy_core::loss::{FenchelYoung, LossValue};
use efy_core::regularizer::{
    BinaryEntropy, BinaryTsallis, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer, Shannon,
    Tsallis,
};
use efy_core::solver::{
    Auto, ClosedForm, CoordinateAscent, LbfgsB, Mirror, Momentum, Newton, Options,
    ProjectedGradient, ProximalGradient, Solver, Step,
};
use efy_test::{assert_close, by_device, device, kind, number, on_cpu, tensor, tolerance, values};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// One golden case.
pub struct Case {
    pub id: String,
    pub json: Value,
    pub tolerance: f64,
}

/// The case whose id starts with `id`.
pub fn golden(id: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/golden/fy/golden.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let found = file["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["id"].as_str().unwrap().split('_').next().unwrap() == id);
    let json = found.unwrap().clone();
    Case {
        id: id.to_owned(),
        tolerance: json["tol"].as_f64().unwrap(),
        json,
    }
}

/// A number, vector or matrix, where the test is.
pub fn tensor_of(json: &Value) -> Tensor {
    let (shape, values) = json::numbers(json);
    tensor(&values).reshape(shape)
}

impl Case {
    pub fn tensor(&self, key: &str) -> Tensor {
        tensor_of(&self.json["inputs"][key])
    }

    /// A vector as a batch of one row.
    pub fn matrix(&self, key: &str) -> Tensor {
        self.tensor(key).unsqueeze(0)
    }

    pub fn expected(&self, key: &str) -> Option<Tensor> {
        self.json["expected"].get(key).map(tensor_of)
    }

    pub fn scalar(&self, key: &str) -> f64 {
        self.json["expected"][key].as_f64().unwrap()
    }

    pub fn regularizer(&self) -> Box<dyn Regularizer> {
        let number = |key: &str| self.json["regularizer"][key].as_f64().unwrap();
        let gamma = number("gamma");
        match self.json["regularizer"]["name"].as_str().unwrap() {
            "half_sq_l2" => Box::new(HalfSquaredNorm::new(gamma).unwrap()),
            "gini_negentropy_half_p_dot_p_minus_1" => Box::new(Gini::new(gamma).unwrap()),
            "binary_negentropy_fermi_dirac" => Box::new(BinaryEntropy::new(gamma).unwrap()),
            "shannon_negentropy_sum_plogp" if self.json["domain"] == "[0,1]^k" => {
                Box::new(OneSidedShannon::new(gamma).unwrap())
            }
            "shannon_negentropy_sum_plogp" => Box::new(Shannon::new(gamma).unwrap()),
            "tsallis_negentropy" => Box::new(Tsallis::new(number("alpha"), gamma).unwrap()),
            "binary_tsallis_negentropy" => {
                Box::new(BinaryTsallis::new(number("alpha"), gamma).unwrap())
            }
            "box_fermi" => {
                Box::new(BinaryEntropy::on_box(gamma, number("lo"), number("hi")).unwrap())
            }
            other => panic!("{other}"),
        }
    }

    pub fn domain(&self) -> Box<dyn Domain> {
        match self.json["domain"].as_str().unwrap() {
            "R^k" => Box::new(Reals),
            "[0,1]^k" => Box::new(Cube),
            "[-1,1]^k" => Box::new(BoxDomain::new(-1.0, 1.0).unwrap()),
            "simplex" => Box::new(Simplex::default()),
            "{p in [0,1]^k, sum p <= 2}" => Box::new(Knapsack::new(0.0, 2.0).unwrap()),
            "permutahedron P((4,3,2,1,0))" => Box::new(Permutahedron::ranking(5).unwrap()),
            "Birkhoff polytope (3x3 doubly stochastic)" => Box::new(Birkhoff::new(3).unwrap()),
            "{1>=p1>=...>=pk>=0}" => Box::new(OrderSimplex),
            other => panic!("{other}"),
        }
    }

    pub fn on_simplex(&self) -> bool {
        self.json["domain"] == "simplex"
    }

    pub fn loss(&self, solver: Box<dyn Solver>) -> FenchelYoung {
        FenchelYoung::from_parts(self.regularizer(), self.domain(), solver)
    }

    /// The parametrizations of the energy: none, dense, and of low rank where the case has A.
    pub fn couplings(&self) -> Vec<(&'static str, Option<Coupling>)> {
        let inputs = &self.json["inputs"];
        let leaf = |key: &str| self.tensor(key).set_requires_grad(true);
        let mut all = Vec::new();
        if inputs.get("U").is_none() {
            all.push(("", None));
        } else {
            all.push(("U", Some(Coupling::Dense(leaf("U")))));
        }
        if inputs.get("A").is_some() {
            all.push(("A", Some(Coupling::LowRank(leaf("A")))));
        }
        all
    }
}

/// Hides what an energy is, a box or a reference, so that solvers take the batched path for any energy.
pub struct Opaque<E>(pub E);

impl<E: Deref<Target: Energy>> Energy for Opaque<E> {
    fn size(&self) -> (i64, i64) {
        self.0.size()
    }
    fn options(&self) -> (Kind, Device) {
        self.0.options()
    }
    fn value(&self, p: &Tensor) -> Tensor {
        self.0.value(p)
    }
    fn gradient(&self, p: &Tensor) -> Tensor {
        self.0.gradient(p)
    }
    fn form(&self) -> Form<'_> {
        Form::Concave
    }
}

/// The energy of a pairwise case, and the same hidden from the native loops where a solver needs no
/// structure.
pub fn native_and_batched(case: &Case) -> Vec<(&'static str, Box<dyn Energy>)> {
    let energy = || {
        let coupling = Coupling::Dense(case.tensor("U"));
        Quadratic::new(case.matrix("u"), coupling).unwrap()
    };
    if case.id.starts_with("T0") && case.json["expected"].get("after_sweep").is_some() {
        return vec![("native", Box::new(energy()))];
    }
    vec![
        ("native", Box::new(energy())),
        ("batched", Box::new(Opaque(Box::new(energy())))),
    ]
}

/// Coordinate ascent to the last digit.
pub fn precise() -> Box<dyn Solver> {
    let options = Options {
        tolerance: tolerance(1e-13),
        max_iterations: 10_000,
        check_every: 10,
        certify: true,
    };
    Box::new(Auto { options })
}

/// Every solver that applies to a case.
pub fn solvers_for(case: &Case) -> Vec<Box<dyn Solver>> {
    let options = Options {
        tolerance: tolerance(by_device(1e-13, 1e-11)),
        max_iterations: 5000,
        check_every: 10,
        certify: true,
    };
    let pairwise = case.json["inputs"].get("U").is_some();
    let name = case.json["regularizer"]["name"].as_str().unwrap();
    let quadratic = name.starts_with("half") || name.starts_with("gini");
    let reals = case.json["domain"] == "R^k";
    let boxes = !case.on_simplex();
    let mirror = Mirror {
        options,
        ..Mirror::default()
    };
    let searched = Step::Backtracking { initial: 1.0 };
    let mut all: Vec<Box<dyn Solver>> = vec![
        Box::new(Auto { options }),
        Box::new(mirror),
        Box::new(Mirror {
            step: searched,
            ..mirror
        }),
    ];
    if boxes {
        all.push(Box::new(CoordinateAscent { options }));
        all.push(Box::new(Newton { options }));
        if quadratic && on_cpu() {
            all.push(Box::new(LbfgsB { options }));
        }
    }
    if boxes && !pairwise || reals {
        all.push(Box::new(ClosedForm::default()));
    }
    if boxes || quadratic {
        for step in [searched, Step::Automatic] {
            all.push(Box::new(ProximalGradient {
                step,
                options,
                ..ProximalGradient::default()
            }));
        }
    }
    if quadratic {
        for step in [searched, Step::Curvature] {
            for momentum in [Momentum::None, Momentum::Nesterov { restart: true }] {
                all.push(Box::new(ProjectedGradient {
                    step,
                    momentum,
                    options,
                }));
            }
        }
    }
    all
}

/// Argmax, conjugate, loss and gradient of a golden case with a linear energy.
pub fn check_linear(case: &Case, solver: Box<dyn Solver>) -> LossValue {
    let context = format!("{} {}", case.id, solver.name());
    let loss = case.loss(solver);
    // Scores of a matrix are S.
    let matrix = case.json["inputs"].get("S").is_some();
    let (input, target) = if matrix { ("S", "Y") } else { ("u", "y") };
    let row = |key: &str| case.tensor(key).reshape([1, -1]);
    let u = row(input).set_requires_grad(true);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    let value = loss.loss(&energy, &row(target), None).unwrap();
    let mean = loss.mean_loss(&energy, &row(target), None).unwrap().mean;
    let expect = |key: &str, found: &Tensor| {
        let context = format!("{context} {key}");
        assert_close(
            &context,
            found,
            &case.expected(key).unwrap(),
            case.tolerance,
        );
    };
    expect("p_hat", &value.solution.argmax);
    let certificate = value.solution.certificate.as_ref().unwrap();
    expect("conjugate", &certificate.value);
    let gap = number(&certificate.gap.max());
    assert!(gap <= tolerance(case.tolerance), "{context}: {gap}");
    expect("loss", &value.per_row);
    expect("loss", &mean);
    for scalar in [value.per_row.sum(None::<Kind>), mean] {
        let gradient = Tensor::run_backward(&[scalar], &[&u], false, false);
        expect(&format!("grad_{input}"), &gradient[0]);
    }
    value
}

/// The vertices of a domain where the test is.
pub fn vertices(domain: &dyn Domain, k: i64) -> Option<Tensor> {
    let vertices = domain.vertices(k as usize)?;
    Some(vertices.to_kind(kind()).to_device(device()))
}

/// Central differences of `loss` in every entry of `parameter`, on the CPU: on a device each of them would
/// be a training step.
pub fn central_differences(parameter: &Tensor, loss: impl Fn(&Tensor) -> f64) -> Tensor {
    let h = 1e-5;
    let flat = values(&parameter.detach());
    let at = |i: usize, step: f64| {
        let mut moved = flat.clone();
        moved[i] += step;
        loss(&Tensor::from_slice(&moved).reshape(parameter.size()))
    };
    let differences: Vec<f64> = (0..flat.len())
        .map(|i| (at(i, h) - at(i, -h)) / (2.0 * h))
        .collect();
    tensor(&differences).reshape(parameter.size())
}

/// A copy on the CPU, for what is compared with.
pub fn on_host(t: &Tensor) -> Tensor {
    t.detach().to_device(Device::Cpu)
}
