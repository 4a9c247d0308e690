"""Peer: vectorized rollouts of a linear policy in gymnasium's -v4 environments.

usage: rollout.py ENVIRONMENT COUNT sync|async
protocol: a line with a number of steps of all COUNT environments in, a line with the seconds they took and the processor time of all processes
out, until end of file.
"""

import pathlib
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import gymnasium
import numpy
from timed import answer

NAMES = {
    "hopper": "Hopper-v4",
    "half_cheetah": "HalfCheetah-v4",
    "walker2d": "Walker2d-v4",
    "swimmer": "Swimmer-v4",
    "ant": "Ant-v4",
    "pendulum": "Pendulum-v1",
}


def processor(workers):
    """Seconds of processor time of this process and of others."""
    total = time.process_time()
    for worker in workers:
        for task in pathlib.Path(f"/proc/{worker.pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0]) * 1e-9
    return total


def main():
    name, count, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    gymnasium.logger.min_level = gymnasium.logger.ERROR
    environments = gymnasium.make_vec(NAMES[name], num_envs=count, vectorization_mode=mode)
    d, k = environments.observation_space.shape[1], environments.action_space.shape[1]
    weights = 0.1 * numpy.sin(numpy.arange(1.0, d * k + 1).reshape(k, d))

    def run(steps, observations):
        for _ in range(steps):
            observations, *_ = environments.step(observations @ weights.T)
        return observations

    observations, _ = environments.reset(seed=0)
    workers = getattr(environments.unwrapped, "processes", [])
    answer(run, run(20, observations), lambda: processor(workers))


if __name__ == "__main__":
    main()
