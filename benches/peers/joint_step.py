"""Peer: a training step of the unary joint model (logistic) with its log-partition in JAX and optax.

g = <h(x), y>, h and tau rectifier networks with one hidden layer; m draws of the uniform prior over sets for each
row; Adam. Steps run inside one jitted loop, so that nothing is paid for dispatch; or one by one, each a call of the
jitted step, as a program calls it that shuffles, logs and saves between them.

usage: joint_step.py D K HIDDEN BATCH M loop|calls
protocol: a line with a number of steps in, a line with the seconds they took out, until end of file.
"""

import sys

import jax
import jax.numpy as jnp
import optax
from timed import answer

EXAMPLES = 1500
d, k, hidden, batch, m = map(int, sys.argv[1:6])
keys = jax.random.split(jax.random.PRNGKey(0), 5)
inputs = jax.random.normal(keys[0], (EXAMPLES, d))
labels = (jax.random.uniform(keys[1], (EXAMPLES, k)) < 0.3).astype(jnp.float32)


def network(key, outputs):
    weight = jax.random.uniform(key, (d, hidden), minval=-1, maxval=1) / d**0.5
    last = jnp.zeros((hidden, outputs))
    return {"w1": weight, "b1": jnp.zeros(hidden), "w2": last, "b2": jnp.zeros(outputs)}


def forward(p, x):
    return jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def loss(parameters, x, y, samples):
    scores, tau = forward(parameters["g"], x), forward(parameters["tau"], x)[:, 0]
    excess = jnp.einsum("bk,bmk->bm", scores, samples) - tau[:, None]
    return jnp.mean(tau + jnp.mean(jnp.exp(excess) - 1, 1) - jnp.sum(scores * y, 1))


optimizer = optax.adam(1e-3)


def step(index, state):
    parameters, moments, key, _ = state
    key, drawn = jax.random.split(key)
    rows = (index * batch + jnp.arange(batch)) % EXAMPLES
    samples = jax.random.bernoulli(drawn, 0.5, (batch, m, k)).astype(jnp.float32)
    value, gradient = jax.value_and_grad(loss)(parameters, inputs[rows], labels[rows], samples)
    updates, moments = optimizer.update(gradient, moments)
    return optax.apply_updates(parameters, updates), moments, key, value


def calls(steps, state):
    for index in range(steps):
        state = jitted(index, state)
    return state


jitted = jax.jit(step)
loop = jax.jit(lambda steps, state: jax.lax.fori_loop(0, steps, step, state))
run = {"loop": loop, "calls": calls}[sys.argv[6]]
parameters = {"g": network(keys[2], k), "tau": network(keys[3], 1)}
state = (parameters, optimizer.init(parameters), keys[4], jnp.float32(0))
state = jax.block_until_ready(run(3, state))
answer(run, state)
