#!/bin/sh
# Runs the golden vectors on CUDA: on a GPU where there is one, else on the CUDA stand-in where its source lies beside the
# repository (../shared/tools/fakecuda), else not at all.
set -eu
cd "$(dirname "$0")/.."
stand_in=../shared/tools/fakecuda
# The tests of every golden case.
golden() {
    cargo test --locked --package efy-core --test golden --test joint --test regularizers --test losses
    cargo test --locked --package efy-core --test energies s01_
    cargo test --locked --package efy-core --test domains golden_fenchel
}
if [ -e /proc/driver/nvidia/version ]; then
    golden
    exit
fi
if ! [ -e "$stand_in/fakecuda.cpp" ] || ! command -v g++ > /dev/null; then
    echo "skipped: golden vectors on CUDA: no NVIDIA driver and no stand-in"
    exit 0
fi
[ target/fakecuda/libfakecuda.so -nt "$stand_in/fakecuda.cpp" ] ||
    sh "$stand_in/build.sh" .libtorch target/fakecuda
runner="env EFY_CUDA_LIB=none LD_PRELOAD=$PWD/target/fakecuda/libfakecuda.so"
for machine in X86_64 AARCH64; do
    export "CARGO_TARGET_${machine}_UNKNOWN_LINUX_GNU_RUNNER=$runner"
done
golden
