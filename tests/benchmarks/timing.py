"""Medians of alternating measurements, and the peak of memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Hashable, Mapping
from statistics import median
from typing import Any, TypeVar

Run = Callable[[], Any]
Key = TypeVar("Key", bound=Hashable)
Timing = tuple[float, float, int]
SHORTEST = 0.004  # seconds of one measurement


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


def alternating(runs: Mapping[Key, tuple[Run, float]], seconds: float) -> dict[Key, Timing]:
    """The median and the least time of each run and how often it was measured, in turn so that
    load hits all alike; all together in about so many seconds, but three times each at least.

    A run comes with what it took before.  Short runs are repeated within one measurement, so
    that the clock is exact.
    """
    counts: dict[Key, int] = {}
    total = 0.0
    for key, (run, once) in runs.items():
        if once < SHORTEST:
            once = min(_time(run, 1) for _ in range(3))
        counts[key] = max(1, min(10_000, int(SHORTEST / max(once, 1e-8))))
        total += once * counts[key]
    rounds = max(3, min(25, int(seconds / max(total, 1e-9))))
    times: dict[Key, list[float]] = {key: [] for key in runs}
    for k in range(rounds):
        order = list(runs.items())
        for key, (run, _) in order if k % 2 else reversed(order):
            times[key].append(_time(run, counts[key]) / counts[key])
    return {key: (median(found), min(found), rounds) for key, found in times.items()}


def _time(run: Run, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - start


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
