"""Peer: Euclidean projections of a batch of rows in JAX and jaxopt.

Projections run inside one jitted loop, each on rows that depend on the one before, so that nothing is paid
for dispatch and nothing is moved out of the loop. Everything is f32.

usage: projection.py DOMAIN BATCH K
    simplex        jaxopt.projection.projection_simplex: sorts
    knapsack       jaxopt.projection.projection_box_section, sum = K / 8: bisection to jaxopt's 1e-5
    permutahedron  weights K-1, ..., 0: sort, isotonic regression by min-max over means of segments, undo the
                   sort, all in XLA. (jaxopt.isotonic calls back to Python for every row: some ten seconds.)
    birkhoff       jaxopt.projection.projection_birkhoff of sqrt(K) x sqrt(K) matrices: L-BFGS on the semi-dual
                   to its own default, 1e-3
protocol: a line with a number of projections in, a line with the seconds they took out, until end of file.
"""

import math
import sys
import warnings

warnings.filterwarnings("ignore")
import jax
import jax.numpy as jnp
import jaxopt
from jaxopt import projection
from timed import answer

domain, batch, k = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def permutahedron(z):
    weights = jnp.arange(k - 1, -1, -1, dtype=jnp.float32)
    order = jnp.argsort(-z)
    s = z[order]
    return jnp.zeros(k).at[order].set(s - decreasing(s - weights))


def decreasing(y):
    total = jnp.concatenate([jnp.zeros(1), jnp.cumsum(y)])
    index = jnp.arange(k)
    count = jnp.maximum(index[None, :] - index[:, None] + 1, 1)
    means = (total[None, 1:] - total[:-1, None]) / count
    largest = jax.lax.cummax(means, axis=1, reverse=True)
    return jnp.diagonal(jax.lax.cummin(largest, axis=0))


def birkhoff(z):
    n = math.isqrt(k)
    solver = lambda fun: jaxopt.LBFGS(fun=fun, tol=1e-3, maxiter=500, implicit_diff=True)
    return projection.projection_birkhoff(z.reshape(n, n), make_solver=solver).reshape(k)


section = (jnp.zeros(k), jnp.ones(k), jnp.ones(k), k / 8)
project = jax.vmap(
    {
        "simplex": projection.projection_simplex,
        "knapsack": lambda z: projection.projection_box_section(z, section),
        "permutahedron": permutahedron,
        "birkhoff": birkhoff,
    }[domain]
)

rows = jax.random.normal(jax.random.PRNGKey(0), (batch, k))
run = jax.jit(
    lambda steps, p: jax.lax.fori_loop(0, steps, lambda _, p: project(rows + 1e-6 * p), p)
)
p = jax.block_until_ready(run(1, jnp.zeros_like(rows)))
answer(run, p)
