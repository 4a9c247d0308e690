"""What all peers do once they have compiled: answer with how long steps take."""

import sys
import time

import jax


def answer(run, state):
    """Says so, and times `run(steps, state)`, which returns the next state, for each number of steps that comes in."""
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        state = jax.block_until_ready(run(int(line), state))
        print(time.perf_counter() - started, flush=True)
