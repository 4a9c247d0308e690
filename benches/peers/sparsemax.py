"""Peer: sparsemax, which is the Euclidean projection onto the simplex, of a batch of rows by the package entmax on PyTorch.

Everything is f32, without gradients, one call after the other, each on rows that depend on the one before.

usage: sparsemax.py BATCH K
protocol: a line with a number of projections in, a line with the seconds they took out, until end of file.
"""

import sys

import torch
from entmax import sparsemax
from timed import answer

batch, k = int(sys.argv[1]), int(sys.argv[2])

rows = torch.randn(batch, k, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def run(steps, p):
    for _ in range(steps):
        p = sparsemax(rows + 1e-6 * p, dim=-1)
    return p


answer(run, run(10, torch.zeros_like(rows)))
