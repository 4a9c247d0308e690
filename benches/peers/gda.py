"""Peer: iterations of gradient descent-ascent (particles and neurons on the sphere, ReLU, antithetic noise) in JAX.

Two particles for each data point, the first half of the neurons with negative charges. Iterations run inside one
jitted loop, so that nothing is paid for dispatch.

usage: gda.py D DATA NEURONS
protocol: a line with a number of iterations in, a line with the seconds they took out, until end of file.
"""

import sys

import jax
import jax.numpy as jnp
from timed import answer

d, n, m = map(int, sys.argv[1:4])
PARTICLE_STEP, NEURON_STEP, WEIGHT_STEP, CAP = 0.02, 0.04, 0.02, 10.0


def normalized(a):
    return a / jnp.linalg.norm(a, axis=1, keepdims=True)


keys = jax.random.split(jax.random.PRNGKey(0), 4)
data = normalized(jax.random.normal(keys[0], (n, d)))
charges = jnp.where(jnp.arange(m) < m // 2, -1.0, 1.0)


def iteration(_, state):
    particles, neurons, weights, key = state
    key, own = jax.random.split(key)
    half = jax.random.normal(own, (n, d))
    noise = jnp.concatenate([half, -half])
    gradient = ((particles @ neurons.T > 0) * (weights * charges)) @ neurons / m
    moved = particles - PARTICLE_STEP * gradient + (2 * PARTICLE_STEP) ** 0.5 * noise
    particles = normalized(moved)
    of_data, of_particles = data @ neurons.T, particles @ neurons.T
    excess = jax.nn.relu(of_data).mean(0) - jax.nn.relu(of_particles).mean(0)
    moments = (of_data > 0).astype(jnp.float32).T @ data / n
    moments -= (of_particles > 0).astype(jnp.float32).T @ particles / (2 * n)
    descent = charges[:, None] * moments
    descent -= (neurons * descent).sum(1, keepdims=True) * neurons
    neurons = normalized(neurons - NEURON_STEP * descent)
    weights = weights * jnp.exp(-WEIGHT_STEP * charges * excess)
    weights = weights * jnp.minimum(1.0, CAP / weights.mean())
    return particles, neurons, weights, key


run = jax.jit(lambda count, state: jax.lax.fori_loop(0, count, iteration, state))
neurons = normalized(jax.random.normal(keys[1], (m, d)))
particles = normalized(jax.random.normal(keys[2], (2 * n, d)))
state = jax.block_until_ready(run(20, (particles, neurons, jnp.ones(m), keys[3])))
answer(run, state)
