#!/usr/bin/env python3
"""Makes iris.csv.gz and wine.csv.gz: rankings from scikit-learn's copies of two classification sets.

usage: make.py     (needs scikit-learn; the README says which version the files were made with)

The recipe is that of Cheng, Huehn and Huellermeier (ICML 2009): naive Bayes is fitted to the whole set, and the
labels of each row are ordered by their posterior probabilities, ties by the lower index. Posteriors are rounded to
three decimals first: far from a boundary all but one are then 0, and tied, as in the published rankings.
"""

import csv
import gzip
import io
import pathlib

import numpy as np
from sklearn.datasets import load_iris, load_wine
from sklearn.naive_bayes import GaussianNB

DECIMALS = 3


def rankings(features: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The labels of each row, best first."""
    posterior = GaussianNB().fit(features, classes).predict_proba(features)
    return np.argsort(-np.round(posterior, DECIMALS), axis=1, kind="stable")


def main() -> None:
    for name, load in (("iris", load_iris), ("wine", load_wine)):
        data = load()
        text = io.StringIO(newline="")
        out = csv.writer(text, lineterminator="\n")
        out.writerow([*data.feature_names, "ranking"])
        for row, order in zip(data.data, rankings(data.data, data.target), strict=True):
            ranking = ">".join(data.target_names[label] for label in order)
            out.writerow([*(repr(float(value)) for value in row), ranking])
        packed = gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)
        pathlib.Path(__file__).with_name(f"{name}.csv.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
