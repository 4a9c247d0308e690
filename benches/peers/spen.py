"""Peer: inference in an input-concave SPEN with jaxopt.

The energy is <u, p> - <w2, softplus(W1 p + b1)> on the cube with the Gini negentropy; W1 and b1 are
standard normal times k**-0.5, w2 is uniform on [0, 1], u normal with deviation 2. Solves run inside one
jitted loop, so that nothing is paid for dispatch; u changes a little from one to the next, so that none
of them can be hoisted out of it.

usage: spen.py K M BATCH SOLVER TOLERANCE       SOLVER: projected_gradient | fista | lbfgsb
protocol: a line with a number of solves in, a line with the seconds they took out, until end of file.
"""

import sys
import warnings

warnings.filterwarnings("ignore")
import jax
import jax.numpy as jnp
import jaxopt
from timed import answer

MOST_ITERATIONS = 1000
k, m, batch = map(int, sys.argv[1:4])
method, tolerance = sys.argv[4], float(sys.argv[5])

keys = jax.random.split(jax.random.PRNGKey(0), 4)
w1 = jax.random.normal(keys[0], (m, k)) / k**0.5
b1 = jax.random.normal(keys[1], (m,)) / k**0.5
w2 = jax.random.uniform(keys[2], (m,))
scores = 2 * jax.random.normal(keys[3], (batch, k))


def objective(p, u):
    return 0.5 * jnp.sum(p * (p - 1)) - u @ p + w2 @ jax.nn.softplus(w1 @ p + b1)


options = dict(maxiter=MOST_ITERATIONS, tol=tolerance, implicit_diff=True)
start = jnp.full(k, 0.5)
if method == "lbfgsb":
    solver = jaxopt.LBFGSB(objective, **options)

    def solve(u):
        return solver.run(start, bounds=(jnp.zeros(k), jnp.ones(k)), u=u).params

else:
    solver = jaxopt.ProjectedGradient(
        objective,
        jaxopt.projection.projection_hypercube,
        acceleration=method == "fista",
        **options,
    )

    def solve(u):
        return solver.run(start, u=u, hyperparams_proj=1.0).params


def step(index, total):
    # Less than a unit in the last place of most scores, but the compiler cannot know.
    return total + jax.vmap(solve)(scores + 1e-9 * index)


run = jax.jit(lambda steps, total: jax.lax.fori_loop(0, steps, step, total))
total = jax.block_until_ready(run(3, jnp.zeros((batch, k))))

theta = scores - jax.vmap(jax.grad(lambda p: w2 @ jax.nn.softplus(w1 @ p + b1)))(total / 3)
residual = jnp.max(jnp.abs(jnp.clip(theta + 0.5, 0, 1) - total / 3))
print(f"residual {residual:.1e}", file=sys.stderr)
answer(run, total)
