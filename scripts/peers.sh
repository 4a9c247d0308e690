#!/bin/sh
# Puts the peers that benchmarks are compared with into .venv-peers.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv-peers/bin/python ] || python3 -m venv .venv-peers
.venv-peers/bin/pip install --quiet jax==0.10.2 jaxopt==0.8.5 optax==0.2.8 \
    "gymnasium[mujoco]==1.4.0" mujoco==3.17.0
