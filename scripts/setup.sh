#!/bin/sh
# Puts libtorch, in the version that the crate `tch` needs, into .venv and links it as .libtorch for cargo; and MuJoCo, in
# the version that the crate `mujoco-rs` needs, which is linked as .mujoco.
#
#   scripts/setup.sh         the full libtorch where an NVIDIA driver is found, else the slim one
#   scripts/setup.sh --gpu   the full one: CUDA with all of NVIDIA's libraries (4.7 GB)
#   scripts/setup.sh --cpu   the slim one: runs on the CPU only (1.2 GB); stays chosen until --gpu
#
# Is done in a moment when there is nothing to do. Everything it says goes to standard error.
set -eu

# torch and the crate `tch` in Cargo.toml belong together. The slim install leaves out what torch depends on, save for
# the two libraries that libtorch_cpu.so is linked with, in the versions that torch asks for.
TORCH=torch==2.13.0
SLIM="nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85"

# The crate `mujoco-rs` in Cargo.toml has the same version after its plus sign.
MUJOCO=mujoco==3.17.0

cd -- "$(dirname -- "$0")/.."
# shellcheck source=scripts/venv.sh
. scripts/venv.sh

venv=.venv
stamp=$venv/.libtorch-installed       # written last: "FLAVOUR REQUIREMENTS", then the folder .libtorch points to
unfinished=$venv/.libtorch-unfinished # there while an install runs, and after one that was interrupted
cpu_only=$venv/.libtorch-cpu-only     # --cpu was asked for
mujoco_stamp=$venv/.mujoco-installed  # written last: the requirement, then the folder .mujoco points to

say() {
    echo "efy: $*" >&2
}

has_nvidia_driver() {
    [ -e /proc/driver/nvidia/version ] && return 0
    PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1' && return 0
    nvidia-smi >/dev/null 2>&1
}

# Sets `installed` and `target` from the stamp, and `flavour` and `wanted` from it and the option given.
plan() {
    installed='' target=''
    if [ -f "$stamp" ] && [ ! -e "$unfinished" ]; then
        { read -r installed && read -r target; } <"$stamp" || installed=''
    fi
    flavour=slim
    case $1 in
        --gpu) flavour=full ;;
        --cpu) ;;
        *)
            # A full install is never taken back unasked.
            case $installed in
                full\ *) flavour=full ;;
                *) if [ ! -e "$cpu_only" ] && has_nvidia_driver; then flavour=full; fi ;;
            esac
            ;;
    esac
    wanted="$flavour $TORCH"
    [ "$flavour" = full ] || wanted="$wanted $SLIM"
}

up_to_date() {
    [ "$installed" = "$wanted" ] && [ -e "$target/lib/libtorch_cpu.so" ]
}

check_tools() {
    case "$(uname -s) $(uname -m)" in
        "Linux x86_64" | "Linux aarch64") ;;
        *) fail "this set-up is for Linux on x86-64 or aarch64, found $(uname -s) on $(uname -m)" ;;
    esac
    command -v cargo >/dev/null 2>&1 || fail "cargo is missing; install Rust from https://rustup.rs"
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(cargo --version | awk '{ print $2 }')
    [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ] ||
        fail "Rust $needed or newer is needed, found ${found:-none}; run: rustup update stable"
    compiler=${CXX:-c++}
    if ! command -v "${compiler%% *}" >/dev/null 2>&1; then
        for other in g++ clang++; do
            command -v "$other" >/dev/null 2>&1 && fail "$compiler is not on PATH but $other is; run: export CXX=$other"
        done
        fail "a C++ compiler is missing; install g++ or clang (Debian, Ubuntu: apt install g++)"
    fi
}

# check_disk GIGABYTES [HINT]: enough for libtorch and for what cargo builds.
check_disk() {
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1000000) }')
    [ "$free" -ge "$1" ] || fail "$1 GB of free disk space are needed here, found $free GB${2-}"
}

install_libtorch() {
    check_tools
    case $flavour in
        full) check_disk 8 "; for the CPU alone 3 GB will do: scripts/setup.sh --cpu" ;;
        slim) check_disk 3 ;;
    esac
    # Begin anew after an interrupted install, and where a full one has to go. Programs in .venv/bin may stay.
    case "$flavour $installed" in
        "slim full "*) : >"$unfinished" ;;
    esac
    [ ! -e "$unfinished" ] || rm -rf "${venv:?}/lib" "${venv:?}/lib64"
    ensure_venv "$venv"
    : >"$unfinished"
    case $flavour in
        full)
            say "installing libtorch ${TORCH#*==} with CUDA, 4.7 GB on disk; this takes minutes"
            set -- "$TORCH"
            ;;
        slim)
            say "installing libtorch ${TORCH#*==} for the CPU, 1.2 GB on disk; this takes a minute or so"
            # shellcheck disable=SC2086 # two words
            set -- --no-deps "$TORCH" $SLIM
            ;;
    esac
    quiet_pip "$venv" "$@" || fail "pip could not install libtorch; its message is above"
    target=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/torch
    target=$venv/${target##*/"$venv"/}
    [ -e "$target/lib/libtorch_cpu.so" ] || fail "pip left no libtorch in $target; remove .venv and try again"
    printf '%s\n%s\n' "$wanted" "$target" >"$stamp"
    rm "$unfinished"
    say "libtorch ${TORCH#*==} is in place"
}

# link NAME TARGET
link() {
    [ "$(readlink "$1" 2>/dev/null)" = "$2" ] && return 0
    [ -L "$1" ] || [ ! -e "$1" ] || fail "$1 is not a link; move it away"
    ln -sfn "$2" "$1"
}

# One at a time: `just train` may have been started twice, and the other one may do the work.
lock() {
    mkdir -p "$venv"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$venv/.lock"
        flock 9
    fi
}

set_up_libtorch() {
    if [ -n "${LIBTORCH-}" ]; then
        # Cargo and torch-sys heed it before anything that is set here.
        say "using the libtorch in LIBTORCH=$LIBTORCH"
        return 0
    fi
    plan "$option"
    if ! up_to_date; then
        lock
        plan "$option"
        up_to_date || install_libtorch
    fi
    link .libtorch "$target"
    case $option in
        --gpu) rm -f "$cpu_only" ;;
        --cpu) : >"$cpu_only" ;;
    esac
}

# Sets `mujoco` from its stamp; false where it has to be installed.
mujoco_up_to_date() {
    [ -f "$mujoco_stamp" ] && { read -r installed && read -r mujoco; } <"$mujoco_stamp" &&
        [ "$installed" = "$MUJOCO" ] && [ -e "$mujoco/libmujoco.so" ]
}

install_mujoco() {
    ensure_venv "$venv"
    rm -f "$mujoco_stamp"
    say "installing MuJoCo ${MUJOCO#*==}, 27 MB on disk"
    # Forced, because an install that was interrupted can have left a part.
    quiet_pip "$venv" --no-deps --force-reinstall "$MUJOCO" || fail "pip could not install MuJoCo; its message is above"
    mujoco=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/mujoco
    mujoco=$venv/${mujoco##*/"$venv"/}
    library=libmujoco.so.${MUJOCO#*==}
    [ -e "$mujoco/$library" ] || fail "pip left no $library in $mujoco; remove .venv and try again"
    ln -sfn "$library" "$mujoco/libmujoco.so"
    printf '%s\n%s\n' "$MUJOCO" "$mujoco" >"$mujoco_stamp"
}

set_up_mujoco() {
    if [ -n "${MUJOCO_DYNAMIC_LINK_DIR-}${MUJOCO_STATIC_LINK_DIR-}" ]; then
        say "using the MuJoCo in ${MUJOCO_DYNAMIC_LINK_DIR:-$MUJOCO_STATIC_LINK_DIR}"
        return 0
    fi
    if ! mujoco_up_to_date; then
        lock
        mujoco_up_to_date || install_mujoco
    fi
    link .mujoco "$mujoco"
}

option=${1-}
case $#$option in
    0 | 1--gpu | 1--cpu) ;;
    *) fail "usage: scripts/setup.sh [--gpu | --cpu]" ;;
esac

set_up_libtorch
set_up_mujoco
