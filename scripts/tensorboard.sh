#!/bin/sh
# Puts TensorBoard into .venv-tensorboard: to watch runs, and for the tests, which read event files with it.
#
#   scripts/tensorboard.sh && .venv-tensorboard/bin/tensorboard --logdir runs
#
# Is done in a moment when there is nothing to do.
set -eu

TENSORBOARD=2.21.0

cd -- "$(dirname -- "$0")/.."
# shellcheck source=scripts/venv.sh
. scripts/venv.sh

venv=.venv-tensorboard
version='import importlib.metadata as m; print(m.version("tensorboard"))'
[ "$("$venv/bin/python" -c "$version" 2>/dev/null)" != "$TENSORBOARD" ] || exit 0
ensure_venv "$venv"
quiet_pip "$venv" "tensorboard==$TENSORBOARD" || fail "pip could not install TensorBoard; its message is above"
