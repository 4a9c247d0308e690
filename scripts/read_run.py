"""Computes the predictions of a run in PyTorch from its weights, and compares them with predictions.csv.

    python read_run.py RUN TEST.csv     numeric features, a unary model with the Gini regularizer, loss.gamma 1;
                                        TEST.csv has the test rows in the order of predictions.csv
"""

import csv
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file


def scores(weights, x):
    """u(x), [n, k]: linear layers with rectifiers between them, on scaled features [n, d]."""
    x = (x - weights["input.mean"]) / weights["input.deviation"]
    last = max(int(name.split(".")[1]) for name in weights if name.startswith("unary."))
    for layer in range(0, last + 1, 2):
        weight, bias = weights[f"unary.{layer}.weight"], weights[f"unary.{layer}.bias"]
        x = torch.nn.functional.linear(x, weight, bias)
        x = x if layer == last else torch.relu(x)
    return x


def columns(path, wanted):
    """The columns of a CSV file whose names satisfy `wanted`, [n, columns]."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if wanted(name)]
    return torch.tensor([[float(row[name]) for name in names] for row in rows], dtype=torch.float64)


if __name__ == "__main__":
    run = pathlib.Path(sys.argv[1])
    weights = {name: tensor.double() for name, tensor in load_file(run / "weights.safetensors").items()}
    schema = json.loads((run / "schema.json").read_text())
    features = {feature["name"] for feature in schema["features"]}
    u = scores(weights, columns(sys.argv[2], lambda name: name in features))
    # The maximizer of <u, p> - 1/2 <p, p - 1> on the unit cube.
    found = (u + 0.5).clamp(0, 1)
    expected = columns(run / "predictions.csv", lambda name: name.endswith(":p"))
    difference = (found - expected).abs().max().item()
    print(f"largest difference {difference:.1e}")
    sys.exit(difference > 1e-6)
