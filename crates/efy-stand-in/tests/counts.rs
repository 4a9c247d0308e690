//! What the stand-in refuses and counts. A test runs itself again with the stand-in preloaded, and reads what was counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report, and what waits is what is tested"
)]

#[path = "counts/flows.rs"]
mod flows;

use std::process::Command;

use efy_core::device::Phase;
use efy_stand_in::{Counts, Report};
use tch::{Device, Kind, Tensor};

const CUDA: Device = Device::Cuda(0);
const F32: (Kind, Device) = (Kind::Float, CUDA);
const CHILD: &str = "EFY_STAND_IN_TEST";

/// Runs `work` in a process with the stand-in and this many devices. There the answer is `None`; here it is the report and
/// the trace, or `None` where there is no stand-in.
fn on_devices(count: usize, work: impl FnOnce()) -> Option<(Report, String)> {
    if std::env::var_os(CHILD).is_some() {
        work();
        return None;
    }
    let library = efy_stand_in::library_or_skip()?;
    let name = std::thread::current().name().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let (report, trace) = (folder.path().join("report"), folder.path().join("trace"));
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .envs(efy_stand_in::environment(library))
        .env(CHILD, &name)
        .env(efy_stand_in::REPORT, &report)
        .env(efy_stand_in::TRACE, &trace)
        .env(efy_stand_in::DEVICES, count.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    Some((Report::read(&report).unwrap(), trace))
}

/// What `work` costs on tensors that `make` made.
fn cost<T>(make: impl FnOnce() -> T, work: impl FnOnce(&T)) -> Option<Counts> {
    let (report, _) = on_devices(1, || {
        let made = make();
        let _phase = Phase::Step.enter();
        work(&made);
    })?;
    Some(report.within("step").counts)
}

fn matrices() -> (Tensor, Tensor) {
    (Tensor::ones([3, 3], F32), Tensor::ones([3, 3], F32))
}

/// The error of an operator, in one line.
fn refused(result: Result<Tensor, tch::TchError>) -> String {
    result
        .unwrap_err()
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn operators_are_counted_one_by_one() {
    let Some(counts) = cost(matrices, |(a, b)| {
        let mut sum = a + b; // 1
        let _ = sum.g_add_(a); // 2
        let _ = sum.g_mul_scalar_(2.0).fill_(1.0).zero_(); // 5
        let product = a.matmul(b).addmm(a, b); // 7
        let _ = product.sum(Kind::Float).exp(); // 9
        let _ = Tensor::zeros([4], F32); // 10
        let _ = Tensor::cat(&[a, b], 0); // 11
        let _ = Tensor::stack(&[a, b], 0); // 12
        let _ = a.to_kind(Kind::Double); // 13, a copy
        let _ = a.copy(); // 15, a copy: tch fills with zeros first
        let _ = a.tr().contiguous(); // 16, a copy
        let _ = a.sort(0, true); // 17
        let _ = a.topk(2, 0, true, true); // 18
        let _ = a.addr(&a.get(0), &b.get(0)); // 19: one kernel, and not the operators that it could be composed of
        let _ = Tensor::rand([3], F32); // 20
        let _ = a.index_select(0, &Tensor::arange(2, (Kind::Int64, CUDA))); // 22
    }) else {
        return;
    };
    assert_eq!(counts.launches, 22, "{:?}", counts.ops);
    assert_eq!((counts.d2d, counts.ops["aten::copy_"]), (3, 3));
    assert_eq!(
        (counts.syncs, counts.h2d, counts.d2h),
        (0, 0, 0),
        "{:?}",
        counts.waits
    );
}

#[test]
fn views_cost_nothing() {
    let Some(counts) = cost(matrices, |(a, _)| {
        let _ = a.view([9]).reshape([3, 3]).transpose(0, 1).tr().detach();
        let _ = a
            .unsqueeze(0)
            .squeeze()
            .expand([2, 3, 3], false)
            .permute([2, 0, 1]);
        let _ = a.select(0, 1).get(0).alias();
        let _ = a.slice(0, 0, 3, 2).narrow(0, 0, 1).flatten(0, 1);
        let _ = (
            a.chunk(3, 0),
            a.split(1, 0),
            a.unbind(0),
            a.diagonal(0, 0, 1),
            a.unfold(0, 2, 1),
        );
        let _ = (
            a.as_strided([2], [1], None),
            a.shallow_clone(),
            a.contiguous(),
            a.to_device(CUDA),
        );
        let _ = Tensor::empty([5], F32);
    }) else {
        return;
    };
    assert_eq!(
        (counts.launches, counts.syncs, counts.d2d),
        (0, 0, 0),
        "{:?}",
        counts.ops
    );
}

#[test]
fn what_the_host_waits_for_is_counted() {
    let Some(counts) = cost(matrices, |(a, b)| {
        let _ = a.double_value(&[0, 0]); // 1
        let _ = a.equal(b); // 2
        let _ = a.sum(Kind::Float).is_nonzero(); // 3
        let _ = a.nonzero(); // 4
        let mask = a.gt(0.0);
        let _ = a.masked_select(&mask); // 5
        let _ = a.index(&[Some(&mask)]); // 6
        let _ = a.to_device(Device::Cpu); // 7
        let _ = a.allclose(b, 1e-3, 1e-3, false); // 8
        let eye = Tensor::eye(3, F32);
        let _ = eye.linalg_cholesky(false); // 9
        let _ = Tensor::linalg_inv(&eye); // 10
        let _ = Tensor::linalg_solve(&eye, a, true); // 11
        let _ = eye.linalg_eigh("L"); // 12
        let counts = Tensor::ones([3], (Kind::Int64, CUDA));
        let _ = counts.bincount::<Tensor>(None, 0); // 13
        let _ = a.repeat_interleave_self_tensor(&counts, 0, None); // 14
        let _ = a.multinomial(1, false); // 15
        let _ = counts.unique_consecutive(false, false, None); // 16
        let _ = Tensor::from_slice(&[1.0_f32, 2.0]).to_device(CUDA); // 17
        let rows = Tensor::from_slice(&[0_i64, 1]);
        let _ = a.index(&[Some(&rows)]); // 18, and a copy
    }) else {
        return;
    };
    assert_eq!(counts.syncs, 18, "{:#?}", counts.waits);
    assert_eq!(counts.h2d, 2);
}

#[test]
fn what_goes_without_a_wait_is_none() {
    let Some(counts) = cost(matrices, |(a, b)| {
        let mask = a.gt(0.0);
        let _ = a.where_self(&mask, b);
        let _ = a.masked_fill(&mask, 1.0);
        let _ = a
            .copy()
            .index_put_(&[Some(&mask)], &Tensor::from(1.0_f32), false);
        let _ = a + Tensor::from(1.0_f32);
        let _ = a * 2.0;
        let _ = a.linalg_cholesky_ex(false, false);
        let _ = Tensor::linalg_inv_ex(a, false);
        let _ = a.multinomial(2, true);
        let _ = a.histc(3).shallow_clone();
        let _ = a.isnan().any();
    }) else {
        return;
    };
    // `histc` without bounds looks for them.
    assert_eq!(
        (counts.syncs, counts.waits["aten::histc"]),
        (1, 1),
        "{:?}",
        counts.waits
    );
    assert_eq!(counts.h2d, 0);
}

#[test]
fn pinned_memory_is_copied_without_a_wait_if_asked() {
    let Some(counts) = cost(
        || Tensor::ones([100], (Kind::Float, Device::Cpu)).pin_memory(CUDA),
        |host| {
            assert!(host.is_pinned(CUDA));
            assert!(host.narrow(0, 3, 5).is_pinned(CUDA));
            assert!(!host.copy().is_pinned(CUDA));
            let device = host.to_device_(CUDA, Kind::Float, true, false);
            let _ = device.to_device_(Device::Cpu, Kind::Float, true, false); // to pinned memory
            let _ = host.to_device_(CUDA, Kind::Float, false, false); // waits
        },
    ) else {
        return;
    };
    assert_eq!((counts.h2d, counts.h2d_pinned, counts.d2h), (0, 2, 1));
    assert_eq!(counts.syncs, 1, "{:?}", counts.waits);
}

#[test]
fn devices_do_not_mix() {
    on_devices(2, || {
        let host = Tensor::ones([3, 3], (Kind::Float, Device::Cpu));
        let [a, b] = [0, 1].map(|index| host.to_device(Device::Cuda(index)));
        assert_eq!(b.device(), Device::Cuda(1));
        assert_eq!((&b + 1.0).exp().device(), Device::Cuda(1));
        assert_eq!(b.matmul(&b).sum(Kind::Float).double_value(&[]), 27.0);
        for message in [
            refused(a.f_add(&host)),
            refused(a.f_matmul(&host)),
            refused(a.shallow_clone().f_add_(&host)),
            refused(host.shallow_clone().f_add_(&a)),
            refused(a.f_add(&b)),
            refused(Tensor::f_cat(&[&a, &host], 0)),
            refused(a.f_index_select(0, &Tensor::from_slice(&[0_i64]))),
            refused(a.f_index_select(0, &Tensor::from(0_i64))),
            refused(a.f_where_self(&host.gt(0.0), &a)),
            refused(a.f_add_out(&host.shallow_clone(), &a)),
        ] {
            assert!(message.contains("same device"), "{message}");
        }
        let message = refused(host.f_to_device(Device::Cuda(2)));
        assert!(message.contains("invalid device ordinal"), "{message}");
    });
}

#[test]
fn what_cublas_does_not_have_is_refused() {
    on_devices(1, || {
        let integers = Tensor::ones([3, 3], (Kind::Int64, CUDA));
        let message = refused(integers.f_matmul(&integers));
        assert!(message.contains("not implemented for 'Long'"), "{message}");
        let message = refused(Tensor::ones([4], F32).f_to_mkldnn(Kind::Float));
        assert!(message.contains("'CUDA' backend"), "{message}");
    });
}

#[test]
fn what_nobody_has_written_is_not_a_number() {
    on_devices(1, || {
        for kind in [Kind::Float, Kind::Double, Kind::BFloat16] {
            let all = Tensor::empty([7], (kind, CUDA)).isnan().all();
            assert_eq!(all.int64_value(&[]), 1, "{kind:?}");
        }
        assert_eq!(
            Tensor::empty([1], (Kind::Int64, CUDA)).int64_value(&[0]),
            -1
        );
    });
}

#[test]
fn phases_add_up_and_autograd_belongs_to_the_one_that_waits_for_it() {
    let Some((report, trace)) = on_devices(1, || {
        let (a, b) = matrices(); // two launches outside of all
        let a = a.set_requires_grad(true);
        for _ in 0..3 {
            let _step = Phase::Step.enter();
            let loss = {
                let _solve = Phase::Solve.enter();
                a.matmul(&b).sum(Kind::Float)
            };
            let _gradient = Phase::Gradient.enter();
            let _ = Tensor::run_backward(&[&loss], &[&a], false, false);
        }
        let _log = Phase::Log.enter();
        let _ = b.double_value(&[0, 0]);
    }) else {
        return;
    };
    assert_eq!(report.phases["step/solve"].entries, 3);
    assert_eq!(report.phases["step/solve"].counts.launches, 6);
    assert_eq!(report.phases["step"].counts.launches, 0);
    // A one for the loss, and the product.
    let backward = &report.phases["step/gradient"].counts;
    assert_eq!(backward.launches, 6, "{:?}", backward.ops);
    let step = report.within("step");
    assert_eq!(
        (step.entries, step.counts.launches, step.counts.syncs),
        (3, 12, 0)
    );
    assert_eq!(
        report.phases["log"].counts.waits["aten::_local_scalar_dense"],
        1
    );
    let launches: u64 = report
        .phases
        .values()
        .map(|phase| phase.counts.launches)
        .sum();
    assert_eq!(launches, report.total.launches);
    assert_eq!(report.total.ops.values().sum::<u64>(), launches);
    let line = "step/solve\taten::mm\tlaunch\tcuda:0 Float[3, 3], cuda:0 Float[3, 3]";
    assert_eq!(
        trace
            .lines()
            .filter(|found| found.starts_with(line))
            .count(),
        3,
        "{trace}"
    );
    assert!(
        trace.contains("log\taten::_local_scalar_dense\td2h+sync\tcuda:0 Float[]"),
        "{trace}"
    );
}

#[test]
fn memory_is_counted_in_blocks_at_its_peak() {
    let Some((report, _)) = on_devices(2, || {
        let small = Tensor::empty([1], F32);
        drop(Tensor::empty([1000], F32)); // 4096 bytes in all, and 512
        drop(small);
        let _ = Tensor::empty([200], (Kind::Float, Device::Cuda(1)));
    }) else {
        return;
    };
    assert_eq!(report.total.peak_bytes, 4096 + 512);
    assert_eq!(report.device_peak_bytes, [4096 + 512, 1024]);
}
