#!/bin/sh
# Builds efy with the feature `mpi` and trains in 2 and 4 processes: the same weights as one, kills, signals, a full disk.
# Without an MPI library, its launcher or libclang it says that it skips them.
set -eu
cd "$(dirname "$0")/.."
for program in mpicc mpirun; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: the tests with MPI: no $program (Debian: apt-get install libopenmpi-dev openmpi-bin libclang-dev)"
        exit 0
    fi
done
# A pattern that matches nothing stays as it is.
libclang=${LIBCLANG_PATH-}
for library in /usr/lib/llvm-*/lib/libclang*.so* /usr/lib*/libclang*.so* /usr/lib/*/libclang*.so*; do
    [ ! -e "$library" ] || libclang=$library
done
if [ -z "$libclang" ]; then
    echo "skipped: the tests with MPI: no libclang, which rsmpi's bindings are made with (Debian: apt-get install libclang-dev)"
    exit 0
fi
# One after the other: each is several processes.
exec cargo test --locked --package efy-cli --features mpi --test mpi -- --test-threads=1 "$@"
