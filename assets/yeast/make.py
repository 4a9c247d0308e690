#!/usr/bin/env python3
"""Makes yeast.csv.gz from the data frame behind mlr's `yeast.task`, written as CSV.

usage: make.py SOURCE.csv[.gz]     (the README says how R writes it)

Changes spelling only: labels from TRUE/FALSE to 1/0 and behind the features, names from label1.., x1..
to Class1.., Att1.. as in Mulan's files. The digits of every number stay as they are.
"""

import csv
import gzip
import io
import pathlib
import sys

LABELS, FEATURES, ROWS = 14, 103, 2417
BITS = {"TRUE": "1", "FALSE": "0"}


def main(source: str) -> None:
    opened = gzip.open if source.endswith(".gz") else open
    with opened(source, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    labels = [f"label{i}" for i in range(1, LABELS + 1)]
    features = [f"x{i}" for i in range(1, FEATURES + 1)]
    assert header == labels + features and len(rows) == ROWS

    text = io.StringIO(newline="")
    out = csv.writer(text, lineterminator="\n")
    out.writerow([f"Att{i}" for i in range(1, FEATURES + 1)] + [f"Class{i}" for i in range(1, LABELS + 1)])
    for row in rows:
        out.writerow(row[LABELS:] + [BITS[bit] for bit in row[:LABELS]])
    packed = gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)
    pathlib.Path(__file__).with_name("yeast.csv.gz").write_bytes(packed)


if __name__ == "__main__":
    main(*sys.argv[1:])
