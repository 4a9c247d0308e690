#!/bin/sh
# Runs every test that touches tensors on CUDA: on a GPU where there is one, else on the CUDA stand-in where its source lies
# beside the repository (../shared/tools/fakecuda), else not at all.
set -eu
cd "$(dirname "$0")/.."
stand_in=../shared/tools/fakecuda
# The tests, on CUDA alone: without a device each of them fails. What is about native loops (cpu_) has no place here.
tests() {
    EFY_TEST_DEVICE=cuda cargo test --locked --package efy-test --package efy-core --package efy-models \
        --package efy-train --package efy-tasks --lib --tests -- ::f32 ::f64
}
if [ -e /proc/driver/nvidia/version ]; then
    tests
    exit
fi
if ! [ -e "$stand_in/fakecuda.cpp" ] || ! command -v g++ > /dev/null; then
    echo "skipped: tests on CUDA: no NVIDIA driver and no stand-in"
    exit 0
fi
[ target/fakecuda/libfakecuda.so -nt "$stand_in/fakecuda.cpp" ] ||
    sh "$stand_in/build.sh" .libtorch target/fakecuda
runner="env EFY_CUDA_LIB=none LD_PRELOAD=$PWD/target/fakecuda/libfakecuda.so"
for machine in X86_64 AARCH64; do
    export "CARGO_TARGET_${machine}_UNKNOWN_LINUX_GNU_RUNNER=$runner"
done
tests
