"""Peer: the training step of the pairwise generalized Fenchel-Young loss in JAX, jaxopt and optax.

The energy is <u, p> - 1/2 |A^T p|^2 on the cube with the Gini negentropy, u = W x + b; Adam updates W, b
and A. Steps run inside one jitted loop, so that nothing is paid for dispatch.

usage: fy_step.py D K RANK BATCH SOLVER       SOLVER: projected_gradient | coordinate_descent,
                                              with -warm to start from the example's last solution
protocol: a line with a number of steps in, a line with the seconds they took out, until end of file.
"""

import sys
import warnings

warnings.filterwarnings("ignore")
import jax
import jax.numpy as jnp
import jaxopt
import optax
from timed import answer

EXAMPLES, TOLERANCE, MOST_ITERATIONS = 1500, 1e-4, 100
d, k, rank, batch = map(int, sys.argv[1:5])
method, _, warm = sys.argv[5].partition("-")

keys = jax.random.split(jax.random.PRNGKey(0), 5)
inputs = jax.random.normal(keys[0], (EXAMPLES, d))
labels = (jax.random.uniform(keys[1], (EXAMPLES, k)) < 0.3).astype(jnp.float32)
parameters = {
    "weight": jax.random.uniform(keys[2], (d, k), minval=-1, maxval=1) / d**0.5,
    "bias": jnp.zeros(k),
    "factor": jax.random.uniform(keys[3], (k, rank), minval=-1, maxval=1) / (k * rank) ** 0.5,
}


def phi(u, factor, p):
    return u @ p - 0.5 * jnp.sum((p @ factor) ** 2)


def omega(p):
    return 0.5 * jnp.sum(p * (p - 1))


if method == "projected_gradient":
    gradient = jaxopt.ProjectedGradient(
        lambda p, u, factor: omega(p) - phi(u, factor, p),
        jaxopt.projection.projection_hypercube,
        maxiter=MOST_ITERATIONS,
        tol=TOLERANCE,
        implicit_diff=True,
    )

    def solve(start, u, factor):
        return gradient.run(start, u=u, factor=factor, hyperparams_proj=1.0).params

else:
    descent = jaxopt.BoxCDQP(maxiter=MOST_ITERATIONS, tol=TOLERANCE, implicit_diff=True)

    def solve(start, u, factor):
        quadratic = jnp.eye(k) + factor @ factor.T
        bounds = (jnp.zeros(k), jnp.ones(k))
        return descent.run(start, params_obj=(quadratic, -(u + 0.5)), params_ineq=bounds).params


def loss(parameters, x, y, start):
    u = x @ parameters["weight"] + parameters["bias"]
    fixed = jax.lax.stop_gradient
    factor = fixed(parameters["factor"])
    argmax = fixed(jax.vmap(solve, (0, 0, None))(start, fixed(u), factor))

    def row(u, p, y):
        value = phi(u, parameters["factor"], p) - omega(p)
        return value + omega(y) - phi(u, parameters["factor"], y)

    return jnp.mean(jax.vmap(row)(u, argmax, y)), argmax


optimizer = optax.adam(1e-3)


def step(index, state):
    parameters, moments, solutions, _ = state
    rows = (index * batch + jnp.arange(batch)) % EXAMPLES
    start = solutions[rows] if warm else jnp.full((batch, k), 0.5)
    evaluate = jax.value_and_grad(loss, has_aux=True)
    (value, argmax), gradient = evaluate(parameters, inputs[rows], labels[rows], start)
    updates, moments = optimizer.update(gradient, moments)
    solutions = solutions.at[rows].set(argmax) if warm else solutions
    return optax.apply_updates(parameters, updates), moments, solutions, value


run = jax.jit(lambda steps, state: jax.lax.fori_loop(0, steps, step, state))
state = (parameters, optimizer.init(parameters), jnp.full((EXAMPLES, k), 0.5), jnp.float32(0))
state = jax.block_until_ready(run(200, state))
answer(run, state)
