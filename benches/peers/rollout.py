"""Peer: vectorized rollouts of a linear policy in gymnasium's -v4 environments.

usage: rollout.py ENVIRONMENT COUNT sync|async
protocol: a line with a number of steps of all COUNT environments in, a line with the seconds they took out, until end of file.
"""

import sys
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
}


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
    answer(run, run(20, observations))


if __name__ == "__main__":
    main()
