#!/bin/sh
# Runs every test that touches tensors on CUDA: on a GPU where there is one, else on the CUDA stand-in (crates/efy-stand-in).
# Without a C++ compiler it says that it skips them; in continuous integration (CI is set) that is a failure.
set -eu
cd "$(dirname "$0")/.."
# On CUDA alone: without a device each of these tests fails. What is about native loops (cpu_) has no place here.
device_tests() {
    EFY_TEST_DEVICE=cuda cargo test --locked --no-fail-fast --package efy-test --package efy-core --package efy-models \
        --package efy-train --package efy-tasks --lib --tests -- ::f32 ::f64
}
if [ -e /proc/driver/nvidia/version ]; then
    device_tests
    exit
fi
code=0
stand_in=$(cargo run --quiet --locked --package efy-stand-in) || code=$?
if [ "$code" -eq 2 ] && [ -z "${CI-}" ]; then
    echo "skipped: the tests on CUDA: no NVIDIA driver and no stand-in"
    exit 0
fi
[ "$code" -eq 0 ] || exit "$code"
runner="env EFY_CUDA_LIB=none LD_PRELOAD=$stand_in"
for machine in X86_64 AARCH64; do
    export "CARGO_TARGET_${machine}_UNKNOWN_LINUX_GNU_RUNNER=$runner"
done
device_tests
