#!/usr/bin/env python3
"""Compares the event files of a run with its metrics.jsonl, read by TensorBoard's own reader.

    .venv-tensorboard/bin/python scripts/check_tensorboard.py RUN

Every scalar must be there, in order, and be the number in metrics.jsonl rounded to f32, to the last bit; nothing else may
be there. Prints one line; exit code 0 if all is the same, 1 if not, 2 if something cannot be read.
"""

import json
import math
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def as_f32(value):
    """What f32 keeps of a number; null was not finite."""
    return math.nan if value is None else struct.unpack("<f", struct.pack("<f", value))[0]


def from_metrics(path):
    """{tag: [(step, value)]} of a metrics file; a last line that was cut off does not count."""
    scalars = {}
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n") and line.strip():
            event = json.loads(line)
            step, split = event["step"], event["split"]
            for name in event.keys() - {"step", "epoch", "split"}:
                scalars.setdefault(f"{split}/{name}", []).append((step, as_f32(event[name])))
    return scalars


def from_event_files(run):
    """The same of the event files, without dropping any point."""
    reader = EventAccumulator(str(run), size_guidance={"scalars": 0})
    reader.Reload()
    tags = reader.Tags()
    others = [kind for kind, found in tags.items() if found and kind != "scalars"]
    if others:
        sys.exit(f"{run}: expected scalars only, found {', '.join(others)}")
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in tags["scalars"]}


def first_difference(expected, found):
    """A sentence on where they differ; None if they do not. NaN equals NaN."""
    if expected.keys() != found.keys():
        return f"expected the tags {sorted(expected)}, found {sorted(found)}"
    for tag in sorted(expected):
        for want, have in zip(expected[tag], found[tag]):
            if repr(want) != repr(have):
                return f"{tag}: expected (step, value) {want}, found {have}"
        if len(expected[tag]) != len(found[tag]):
            return f"{tag}: expected {len(expected[tag])} values, found {len(found[tag])}"
    return None


def main(arguments):
    if len(arguments) != 1:
        print("usage: check_tensorboard.py RUN", file=sys.stderr)
        return 2
    run = pathlib.Path(arguments[0])
    try:
        expected = from_metrics(run / "metrics.jsonl")
    except (OSError, ValueError, KeyError) as error:
        print(f"{run}/metrics.jsonl: {error}", file=sys.stderr)
        return 2
    difference = first_difference(expected, from_event_files(run))
    if difference:
        print(f"{run}: {difference}", file=sys.stderr)
        return 1
    print(f"{sum(map(len, expected.values()))} values under {len(expected)} tags are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
