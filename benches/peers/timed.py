"""What all peers do once they have compiled: answer with how long steps take."""

import sys
import time

try:
    from jax import block_until_ready as wait
except ImportError:
    # What is not JAX is done when it returns.
    def wait(state):
        return state


def answer(run, state, processor=time.process_time):
    """Says so, and times `run(steps, state)`, which returns the next state, for each number of steps that comes in.

    The answer is the time that passed and the processor time, of all processes that take part, which `processor` tells.
    """
    print("ready", flush=True)
    for line in sys.stdin:
        started, busy = time.perf_counter(), processor()
        state = wait(run(int(line), state))
        print(time.perf_counter() - started, processor() - busy, flush=True)
