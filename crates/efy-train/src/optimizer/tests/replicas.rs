//! Replicas side by side take the steps that each takes alone.

use super::*;

/// Models that differ in their weights.
const REPLICAS: usize = 3;

/// The model of a replica.
fn builder(replica: usize) -> Builder {
    let mut builder = Builder::default();
    for (place, value) in start().into_iter().enumerate() {
        let value = value + 0.3 * replica as f64;
        let name = format!("w{place}");
        builder.add(name, &[1], vec![value], place % 3 > 0).unwrap();
    }
    builder
}

/// All of them together and each alone.
fn models() -> (Parameters, Vec<Parameters>) {
    let options = place();
    let builders = (0..REPLICAS).map(builder).collect();
    let together = Builder::build_replicas(builders, options.0, options.1).unwrap();
    let alone = (0..REPLICAS).map(|replica| builder(replica).build(options.0, options.1).unwrap());
    (together, alone.collect())
}

/// The losses of all replicas, `[R]`; that of `broken` is not a number.
fn losses(parameters: &Parameters, broken: Option<usize>) -> Tensor {
    let replicas = parameters.replicas();
    let losses: Vec<Tensor> = (0..replicas)
        .map(|replica| {
            let loss = loss(&parameters.replica(replica));
            match broken == Some(replica as usize) {
                true => loss * f64::NAN,
                false => loss,
            }
        })
        .collect();
    Tensor::stack(&losses, 0)
}

#[everywhere]
fn each_replica_is_clipped_and_updated_as_it_is_alone() {
    for config in configs() {
        let (together, alone) = models();
        let mut optimizer = Optimizer::new(&config, &together, TOTAL).unwrap();
        let mut optimizers: Vec<Optimizer> = alone
            .iter()
            .map(|one| Optimizer::batched(&config, one, TOTAL).unwrap())
            .collect();
        for _ in 0..20 {
            let loss = losses(&together, None);
            optimizer
                .step(&together, gradient(&together), &loss)
                .unwrap();
            for (one, optimizer) in alone.iter().zip(&mut optimizers) {
                descend(optimizer, one, 1);
            }
        }
        for (replica, one) in (0..).zip(&alone) {
            let off = difference(&together.replica(replica), one.flat());
            assert!(off < rounding(), "{config:?} replica {replica}: {off}");
        }
    }
}

#[everywhere]
fn a_fault_of_one_replica_is_none_of_the_others() {
    for policy in ["stop", "skip"] {
        let mut config = config("optimizer: adam, lr: 0.05");
        config.on_nonfinite = serde_json::from_value(policy.into()).unwrap();
        let (together, alone) = models();
        let mut optimizer = Optimizer::new(&config, &together, TOTAL).unwrap();
        for step in 0..6 {
            let broken = (step == 2).then_some(1);
            let loss = losses(&together, broken);
            optimizer
                .step(&together, gradient(&together), &loss)
                .unwrap();
        }
        assert_eq!(
            values(optimizer.faults().unwrap())[..3],
            [0.0, 0.0, if policy == "stop" { 4.0 } else { 1.0 }]
        );
        assert_eq!(values(optimizer.faults().unwrap())[3..], [3.0, 0.0, 0.0]);
        for (replica, one) in [0, 2].map(|replica| (replica, &alone[replica as usize])) {
            let mut optimizer = Optimizer::batched(&config, one, TOTAL).unwrap();
            descend(&mut optimizer, one, 6);
            assert!(difference(&together.replica(replica), one.flat()) < rounding());
        }
        // A state goes on where it was, gate included.
        let (again, _) = models();
        again.assign(together.flat()).unwrap();
        let mut resumed = Optimizer::new(&config, &again, TOTAL).unwrap();
        resumed.restore(&optimizer.state().unwrap()).unwrap();
        for (optimizer, parameters) in [(&mut optimizer, &together), (&mut resumed, &again)] {
            let loss = losses(parameters, None);
            let gradient = gradient(parameters);
            optimizer.step(parameters, gradient, &loss).unwrap();
        }
        assert_eq!(bits(&optimizer, &together), bits(&resumed, &again));
    }
}
