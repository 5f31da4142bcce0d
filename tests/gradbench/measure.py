"""The times of one eval: stagec on both targets, then each peer that has it."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from examples.gradbench.workloads import WORKLOADS
from tests.gradbench.peers import PEERS, Pair

OURS = ("numba", "numpy")
ROUNDS, SECONDS = 5, 0.05


def measure(name: str, tell: Callable[[list[object]], object]) -> None:
    """Tell a row for each implementation and function: who, which, milliseconds.

    Raises AssertionError if the answer of a peer is another.
    """
    module = importlib.import_module(f"examples.gradbench.{name}")
    arguments = module.prepare(WORKLOADS[name][1])
    found: dict[tuple[str, str], Callable[[], Any]] = {}
    names = list(module.functions("numpy"))
    for backend in OURS:
        for key, function in module.functions(backend).items():
            found[backend, key] = lambda function=function: function(*arguments)
    for peer, start in PEERS.items():
        try:
            pairs = start()
        except (ImportError, FileNotFoundError):
            continue
        if name in pairs:
            pair: Pair = pairs[name](*arguments)
            found |= {(peer, key): run for key, run in zip(names, pair, strict=True)}
    for (who, key), run in found.items():
        if who not in OURS:
            agree(run(), found["numpy", key]())
        tell([who, key, 1e3 * least(run)])


def agree(answer: Any, expected: Any) -> None:
    """Whether two answers are the same to rounding; raises AssertionError if not."""
    if isinstance(expected, tuple) and isinstance(answer, tuple | list):
        for a, b in zip(answer, expected, strict=True):
            agree(a, b)
        return
    if isinstance(expected, tuple):
        expected = np.concatenate([np.ravel(e) for e in expected])
    np.testing.assert_allclose(np.asarray(answer), expected, rtol=1e-6, atol=1e-9)


def least(run: Callable[[], Any]) -> float:
    """The least seconds of a call, after one that compiles."""
    run()
    times: list[float] = []
    end = time.perf_counter() + ROUNDS * SECONDS
    while len(times) < 2 or (time.perf_counter() < end and len(times) < 500):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)
