"""Writes traces.csv.gz: what gymnasium's -v4 environments do, for crates/efy-envs/tests/mujoco.rs.

    python3 -m venv VENV && VENV/bin/pip install "gymnasium[mujoco]==1.4.0" mujoco==3.17.0
    VENV/bin/python assets/mujoco/make_traces.py

A row is: environment, step, reward, terminated, observation. Step 0 has the first observation alone. Observations are written
for the first ten steps and every tenth; rewards, which depend on the position before and after, for each. Both sides compute
states and actions by the same formulas; episodes go on where they would end, since it is the physics that is compared.
"""

import csv
import gzip
import io
import pathlib
import warnings

import gymnasium
import mujoco
import numpy

warnings.filterwarnings("ignore")
NAMES = {
    "hopper": "Hopper-v4",
    "half_cheetah": "HalfCheetah-v4",
    "walker2d": "Walker2d-v4",
    "swimmer": "Swimmer-v4",
    "ant": "Ant-v4",
}


def fraction(n):
    """A number in [-1, 1) from a counter, exact in f64: the top 24 bits of a multiplicative hash."""
    return ((n * 2654435761) % 2**32 >> 8) / 2**23 - 1.0


text = io.StringIO()
table = csv.writer(text, lineterminator="\n")
for name, identifier in NAMES.items():
    env = gymnasium.make(identifier).unwrapped
    env.reset(seed=0)
    mujoco.mj_resetData(env.model, env.data)
    positions = env.init_qpos + [0.01 * fraction(i + 1) for i in range(env.model.nq)]
    velocities = numpy.array([0.1 * fraction(i + 101) for i in range(env.model.nv)])
    env.set_state(positions, velocities)
    observation = env._get_obs()
    table.writerow([name, 0, "", "", *map(repr, observation.tolist())])
    for step in range(1, 1001):
        # Beyond the bounds now and then: the physics clips, the cost does not.
        action = numpy.array([1.2 * fraction(1000 * step + i) for i in range(env.model.nu)])
        observation, reward, terminated, _, _ = env.step(action)
        shown = observation.tolist() if step <= 10 or step % 10 == 0 else []
        table.writerow([name, step, repr(float(reward)), int(terminated), *map(repr, shown)])

place = pathlib.Path(__file__).parent / "traces.csv.gz"
with open(place, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as zipped:
    zipped.write(text.getvalue().encode())
