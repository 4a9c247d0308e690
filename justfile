# Start with `just train`; `./justw` does the same where `just` is not installed.

set positional-arguments

config := "configs/multilabel/yeast-pairwise.yaml"
efy := env("CARGO_TARGET_DIR", "target") / "release/efy"

# list the recipes
[private]
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# put libtorch and MuJoCo into .venv: with CUDA where an NVIDIA driver is found, else for the CPU
[group('set up')]
setup:
    @scripts/setup.sh

# put libtorch with CUDA into .venv, whatever this machine has
[group('set up')]
setup-gpu:
    @scripts/setup.sh --gpu

# build the command `efy` (target/release/efy)
[group('set up')]
build: setup
    cargo build --release --locked --package efy-cli

# say which libtorch, devices and data this machine has, and why CUDA is or is not usable
[group('set up')]
[no-exit-message]
doctor *ARGS: build
    @{{ efy }} doctor "$@"

# train and draw the figures: `just train [CONFIG.yaml | --resume RUN] [--set train.epochs=3]...`
[group('run')]
[no-exit-message]
train *ARGS: build
    @case " $* " in *.yaml\ * | *.yml\ * | *" --resume"*) ;; *) set -- {{ config }} "$@" ;; esac; exec {{ efy }} train "$@"

# the same on an NVIDIA GPU; fails, and says why, where there is none
[group('run')]
[no-exit-message]
train-gpu *ARGS: build
    @case " $* " in *.yaml\ * | *.yml\ * | *" --resume"*) ;; *) set -- {{ config }} "$@" ;; esac; exec {{ efy }} train "$@" --device cuda

# run every test: `just test [CARGO TEST ARGUMENTS]`
[group('check')]
test *ARGS: setup
    cargo test --workspace --locked "$@"

# run every test that touches tensors on CUDA: a GPU where there is one, else a stand-in (crates/efy-stand-in)
[group('check')]
test-cuda: setup
    scripts/test-cuda.sh

# check the formatting and run clippy; warnings are errors
[group('check')]
lint: setup
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# format the code
[group('check')]
fmt:
    cargo fmt --all

# check the dependencies: versions, licences, sources
[group('check')]
deny:
    scripts/tools.sh cargo-deny
    .tools/bin/cargo-deny --locked check bans licenses sources

# build the book (docs/book) and the API pages (target/doc); warnings are errors
[group('check')]
docs: setup
    scripts/book.sh
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# run what continuous integration runs
[group('check')]
ci:
    .ci/run

# time training steps and solvers with criterion: `just bench [CARGO BENCH ARGUMENTS]`
[group('measure')]
bench *ARGS: setup
    cargo bench --locked --package efy-bench "$@"

# the same beside the peers (JAX, jaxopt), which go into .venv-peers
[group('measure')]
bench-peers *ARGS: setup
    scripts/peers.sh
    cargo bench --locked --package efy-bench --bench fy "$@"

# time training steps on an NVIDIA GPU beside the CPU and write the table into bench-gpu/; without a GPU, say so
[group('measure')]
[no-exit-message]
bench-gpu *ARGS: build
    @{{ efy }} bench gpu "$@"
