"""Processor time of a joint training step over samples and labels, beside a floor, as a Markdown table: docs/src/joint.md has one.

    python scripts/joint_costs.py [EFY [RATE]]     the program, target/release/efy; GFlop/s of a large product on one thread, else the
                                                   largest that `efy bench gda` sees in five runs, which wants an idle machine

One thread each for libtorch and the native loops. A time is what processors worked for N steps more, over N, the smaller of two:
what others do on the machine counts for little. The floor is what a step cannot do without: the multiplications and additions of
two products of the first layer of both networks, the gradient in whose input nobody wants, and of three of the second, at the rate
of a large product, and for each label of sixteen samples two additions under a mask, 0.3 nanoseconds each, about a cycle.
"""

import json
import os
import resource
import subprocess
import sys

BATCH, HIDDEN = 64, 128
SAMPLES = [10, 100, 1000, 10000]
SHAPES = [(103, 14), (68, 174), (500, 983)]
ADDITION = 0.3e-9
SECONDS = 0.7

program = sys.argv[1] if len(sys.argv) > 1 else "target/release/efy"
alone = dict(os.environ, OMP_NUM_THREADS="1", RAYON_NUM_THREADS="1")


def bench(what, seconds="1", **settings):
    """What a bench says, and the processor time it took."""
    changes = [argument for key, value in settings.items() for argument in ("--set", f"{key}={value}")]
    command = [program, "bench", what, "--json", "--seconds", seconds, *changes]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, env=alone, check=True, capture_output=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(out), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def step(**settings):
    """Seconds of processor time, and bytes."""
    rate = bench("joint", "0.3", **settings)[0]["steps_per_second"]
    count = max(4, int(SECONDS * rate))
    times = []
    for _ in range(2):
        (_, few), (run, many) = bench("joint", steps=2, **settings), bench("joint", steps=2 + count, **settings)
        times.append((many - few) / count)
    return min(times), run["memory"]["bytes"]


def floor(d, k, m, rate):
    products = 4 * BATCH * 2 * d * HIDDEN + 6 * BATCH * HIDDEN * (k + 1)
    return products / rate + 2 * BATCH * -(-m // 16) * k * ADDITION


if len(sys.argv) > 2:
    rate = 1e9 * float(sys.argv[2])
else:
    rate = max(bench("gda")[0]["settings"]["matrix_product_operations_per_second"] for _ in range(5))
print(f"A large product: {rate / 1e9:.0f} GFlop/s on one thread.\n")
print("| d | k | samples | a step | floor | ratio | memory |")
print("|---:|---:|---:|---:|---:|---:|---:|")
for d, k in SHAPES:
    for m in SAMPLES:
        seconds, memory = step(d=d, k=k, m=m, batch=BATCH, hidden=HIDDEN)
        least = floor(d, k, m, rate)
        print(f"| {d} | {k} | {m} | {seconds * 1e3:.3f} ms | {least * 1e3:.3f} ms | {seconds / least:.1f} | {memory / 2**20:.0f} MiB |", flush=True)
