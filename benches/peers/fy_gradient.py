"""Peer: solve and envelope gradient of the pairwise generalized Fenchel-Young loss in JAX and jaxopt.

The energy is <u, p> - 1/2 |A^T p|^2 on the cube with the Gini negentropy; the gradient is in u and A.
Evaluations run inside one jitted loop, so that nothing is paid for dispatch, and each has another u, so
that nothing can be kept from one to the next.

usage: fy_gradient.py K RANK BATCH SOLVER TOLERANCE    SOLVER: projected_gradient | coordinate_descent | lbfgsb,
    or one of these with -unrolled: without implicit differentiation, as an ordinary function, which always makes all of
    its iterations and therefore gets fewer
protocol: a line with a number of evaluations in, a line with the seconds they took out, until end of file.
"""

import sys
import warnings

warnings.filterwarnings("ignore")
import jax
import jax.numpy as jnp
import jaxopt
from timed import answer

k, rank, batch = map(int, sys.argv[1:4])
method, _, suffix = sys.argv[4].partition("-")
unrolled = suffix == "unrolled"
most_iterations = 100 if unrolled else 1000
tolerance = float(sys.argv[5])

keys = jax.random.split(jax.random.PRNGKey(0), 3)
bound = 3**0.5
scores = jax.random.uniform(keys[0], (batch, k), minval=-bound, maxval=bound)
labels = (jax.random.uniform(keys[1], (batch, k), minval=-bound, maxval=bound) > 0.5).astype(jnp.float32)
factor = jax.random.uniform(keys[2], (k, rank), minval=-bound, maxval=bound) * 0.5 / rank**0.5


def phi(u, factor, p):
    return u @ p - 0.5 * jnp.sum((p @ factor) ** 2)


def omega(p):
    return 0.5 * jnp.sum(p * (p - 1))


def objective(p, u, factor):
    return omega(p) - phi(u, factor, p)


common = {"maxiter": most_iterations, "tol": tolerance, "implicit_diff": not unrolled}
start = jnp.full(k, 0.5)
bounds = (jnp.zeros(k), jnp.ones(k))
if method == "projected_gradient":
    gradient = jaxopt.ProjectedGradient(objective, jaxopt.projection.projection_hypercube, **common)

    def solve(u, factor):
        return gradient.run(start, u=u, factor=factor, hyperparams_proj=1.0).params

elif method == "lbfgsb":
    newton = jaxopt.LBFGSB(objective, **common)

    def solve(u, factor):
        return newton.run(start, bounds=bounds, u=u, factor=factor).params

else:
    descent = jaxopt.BoxCDQP(**common)

    def solve(u, factor):
        quadratic = jnp.eye(k) + factor @ factor.T
        return descent.run(start, params_obj=(quadratic, -(u + 0.5)), params_ineq=bounds).params


def loss(parameters, y):
    u, factor = parameters
    fixed = jax.lax.stop_gradient
    argmax = fixed(jax.vmap(solve, (0, None))(fixed(u), fixed(factor)))

    def row(u, p, y):
        return phi(u, factor, p) - omega(p) + omega(y) - phi(u, factor, y)

    return jnp.mean(jax.vmap(row)(u, argmax, y))


def evaluate(index, total):
    u = scores * (1 + 1e-6 * index)
    value, (in_u, in_factor) = jax.value_and_grad(loss)((u, factor), labels)
    return total + value + jnp.sum(in_u[0]) + jnp.sum(in_factor[0])


run = jax.jit(lambda count: jax.lax.fori_loop(0, count, evaluate, jnp.float32(0)))
jax.block_until_ready(run(1 if unrolled else 20))
answer(lambda count, _: run(count), None)
