"""Prints the table of `docs/elementary.md`: `python -m tests.elementary [SAMPLES]`."""

from __future__ import annotations

import sys

import numpy as np

from tests.elementary.functions import MEASURED, largest_error

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    print("| function | float64 | float32 |\n|---|---|---|")  # noqa: T201
    for name in MEASURED:
        errors = (largest_error(name, kind, count) for kind in (np.float64, np.float32))
        row = " | ".join(f"{e:.2f}" for e in errors)
        print(f"| `{name}` | {row} |", flush=True)  # noqa: T201
