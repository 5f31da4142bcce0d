"""Medians of alternating measurements, and the peak of memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

Run = Callable[[], Any]


def medians(*runs: Run, rounds: int = 7) -> list[float]:
    """The median time of each run in seconds, in turn so that load hits all alike."""
    times: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()
    for k in range(rounds):
        order = list(enumerate(runs))
        for position, run in order if k % 2 else reversed(order):
            start = time.perf_counter()
            run()
            times[position].append(time.perf_counter() - start)
    return [median(found) for found in times]


def peak(run: Run) -> int:
    """The most memory in bytes that a run takes at a time."""
    run()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def each(run: Run, count: int) -> Run:
    """A run that is `count` runs."""

    def repeated() -> None:
        for _ in range(count):
            run()

    return repeated
