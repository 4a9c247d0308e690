#!/bin/sh
# Puts the peers that benchmarks are compared with into .venv-peers.
#
#   scripts/peers.sh           JAX, jaxopt, gymnasium
#   scripts/peers.sh entmax    the package entmax on PyTorch too, several gigabytes, for the bench `projections`
set -eu
cd "$(dirname "$0")/.."
[ -x .venv-peers/bin/python ] || python3 -m venv .venv-peers
case "${1-}" in
    "") set -- ;;
    entmax) set -- entmax==1.3 torch==2.13.0 ;;
    *) echo "usage: scripts/peers.sh [entmax]" >&2; exit 2 ;;
esac
.venv-peers/bin/pip install --quiet jax==0.10.2 jaxopt==0.8.5 optax==0.2.8 \
    "gymnasium[mujoco]==1.4.0" mujoco==3.17.0 "$@"
