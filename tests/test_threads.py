"""Loops in parts: what they give, whichever threads run them."""

from __future__ import annotations

import itertools
import operator
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stagec_runtime import threads

ROOT = Path(__file__).parent.parent


class Kernel:
    """A kernel, not a Python function: that would be run by the calling thread alone."""

    def __init__(self, body: Any) -> None:
        self.body = body

    def __call__(self, start: int, stop: int, *args: Any) -> Any:
        return self.body(start, stop, *args)


@pytest.fixture
def four_threads(monkeypatch: pytest.MonkeyPatch) -> threads.Pool:
    pool = threads.Pool(4)
    monkeypatch.setattr(threads, "_pools", [pool])
    return pool


def fill(start: int, stop: int, out: Any) -> None:
    out[start:stop] += np.arange(start, stop)


def total(start: int, stop: int, x: Any) -> float:
    return float(np.sum(x[start:stop]))


def test_parts_cover_the_range_once() -> None:
    for trips in (0, 1, 2, 63, 64, 65, 1000):
        for work in (threads.WORTH, 3 * threads.WORTH, 10**12):
            bounds = threads.cuts(5, 5 + trips, work)
            assert bounds[0] == 5
            assert bounds[-1] == 5 + trips
            assert bounds == sorted(bounds)
            assert len(bounds) - 1 <= max(min(trips, threads.MOST), 1)


def test_parts_begin_at_trips() -> None:
    for stop in (5, 6, 100, 128, 129, 5000):
        bounds = threads.cuts(5, stop, 40 * threads.WORTH, 64)
        assert bounds[0] == 5
        assert bounds[-1] == stop
        trips = [i for a, b in itertools.pairwise(bounds) for i in range(a, b, 64)]
        assert trips == list(range(5, stop, 64))


@pytest.mark.usefixtures("four_threads")
def test_every_trip_is_made_once() -> None:
    for _ in range(20):
        out = np.zeros(1000)
        threads.run(Kernel(fill), 10**9, 0, 1000, out)
        np.testing.assert_array_equal(out, np.arange(1000))


def test_little_work_is_one_call() -> None:
    calls: list[tuple[int, int]] = []
    threads.run(lambda start, stop: calls.append((start, stop)), threads.WORTH - 1, 3, 9)
    assert calls == [(3, 9)]


def test_python_code_is_run_in_order_by_the_caller(four_threads: threads.Pool) -> None:
    calls: list[tuple[int, int]] = []
    threads.run(lambda start, stop: calls.append((start, stop)), 10**9, 0, 100)
    assert calls == sorted(calls)
    assert len(calls) == threads.MOST
    assert not four_threads.started


def test_several_threads_take_part(four_threads: threads.Pool) -> None:
    together = threading.Barrier(4)
    seen: set[int] = set()

    def meet(start: int, stop: int) -> None:
        seen.add(threading.get_ident())
        together.wait(timeout=60)

    threads.run(Kernel(meet), 10**9, 0, 4)
    assert len(seen) == 4
    assert four_threads.started == 3


def test_what_was_quick_is_done_by_the_caller(
    four_threads: threads.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[threads.Job] = []
    monkeypatch.setattr(four_threads, "run", lambda job: (jobs.append(job), job.take_part()))
    wait = 0.001

    def take_some_time(start: int, stop: int) -> list[int]:
        if wait:
            time.sleep(wait)
        return [start, stop]

    kernel = Kernel(take_some_time)

    def shared(work: int) -> bool:
        before = len(jobs)
        found = threads.fold(operator.add, kernel, work, 0, 8)
        assert found == [0, 4, 4, 8] if work == threads.WORTH else len(found) == 16
        return len(jobs) > before

    assert shared(threads.WORTH)  # nothing is known at the first call
    assert shared(threads.WORTH)
    wait = 0.0
    # a call may be held up, and the next one is shared then
    assert not all(shared(threads.WORTH) for _ in range(50))
    assert shared(10**15)  # so much work is worth it, however quick each part is
    wait = 0.001
    shared(threads.WORTH)
    assert shared(threads.WORTH)


@pytest.mark.usefixtures("four_threads")
def test_parts_are_combined_in_order() -> None:
    found = threads.fold(operator.add, Kernel(lambda a, b: [(a, b)]), 10**9, 0, 10)
    assert found == [(k, k + 1) for k in range(10)]
    low, high = threads.fold((min, max), Kernel(lambda a, b: (a, b)), 10**9, 2, 50)
    assert (low, high) == (2, 50)


def test_a_sum_has_the_same_bits_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.random.default_rng(0).normal(size=100_000)
    found: set[float] = set()
    for count in (1, 2, 3, 8):
        monkeypatch.setattr(threads, "_pools", [threads.Pool(count)])
        found |= {
            threads.fold(operator.add, Kernel(total), 10**8, 0, x.size, x) for _ in range(5)
        }
    assert len(found) == 1
    assert found.pop() == pytest.approx(float(np.sum(x)), rel=1e-12)


@pytest.mark.usefixtures("four_threads")
def test_the_first_exception_is_raised() -> None:
    def fail(start: int, stop: int) -> None:
        if start >= 20:
            # later parts fail sooner
            time.sleep(0.001 * max(30 - start, 0))
            raise IndexError(f"from {start}")

    for _ in range(10):
        with pytest.raises(IndexError, match="from 20"):
            threads.run(Kernel(fail), 10**9, 0, 64)


@pytest.mark.usefixtures("four_threads")
def test_calls_inside_of_parts_do_not_wait_for_each_other() -> None:
    out = np.zeros((16, 16))

    def outer(start: int, stop: int) -> None:
        for i in range(start, stop):
            threads.run(Kernel(fill), 10**9, 0, 16, out[i])

    threads.run(Kernel(outer), 10**9, 0, 16)
    np.testing.assert_array_equal(out, np.tile(np.arange(16.0), (16, 1)))


@pytest.mark.usefixtures("four_threads")
def test_many_threads_call_at_once() -> None:
    outs = [np.zeros(500) for _ in range(12)]

    def call(out: Any) -> None:
        for _ in range(10):
            threads.run(Kernel(fill), 10**9, 0, 500, out)

    callers = [threading.Thread(target=call, args=(out,)) for out in outs]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    for out in outs:
        np.testing.assert_array_equal(out, 10 * np.arange(500))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_pool_of_its_own() -> None:
    program = """
import os, sys
import numpy as np
sys.path.insert(0, "tests")
from stagec_runtime import threads
from test_threads import Kernel, fill

def works():
    out = np.zeros(200)
    threads.run(Kernel(fill), 10**9, 0, 200, out)
    return bool((out == np.arange(200)).all())

assert works() and threads.pool().started == 2
for _ in range(5):
    child = os.fork()
    if not child:
        assert not threads._pools
        os._exit(0 if works() and threads.pool().started == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
assert works()
"""
    environment = os.environ | {
        "STAGEC_THREADS": "3",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",  # newer Pythons warn of any fork
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize(("text", "count"), [("3", 3), ("1", 1)])
def test_the_number_of_threads_is_asked_for(
    text: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEC_THREADS", text)
    assert threads.allowed() == count


@pytest.mark.parametrize("text", ["", "0", "-1", "many"])
def test_otherwise_it_is_that_of_the_processors(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEC_THREADS", text)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert threads.allowed() == 3
