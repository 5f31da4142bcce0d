"""Loops run in parts on several threads, for kernels that release the interpreter's lock.

There is one pool of helper threads for the process.  A loop is cut into parts by its size
alone, never by the number of threads or by timing, and what the parts give is combined in
order: the same call gives the same bits on every machine.  The thread that calls takes parts
like any helper, so a call never waits for a thread to be free, inside of other calls too.

The environment variable STAGEC_THREADS is the number of threads that may run at once, the
caller's included; without it, as many as this process may use processors.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
import weakref
from collections.abc import Sequence
from types import FunctionType
from typing import Any

# Handing parts over takes 25 to 40 microseconds, a million simple operations take up to 200:
# from there on two threads are faster, and lose little where processors are busy with other
# things.  Where they are vectorised they take a tenth of that, which calls before have shown.
WORTH = 1_000_000
QUICK = 150e-6  # seconds that one thread may take for all parts
MOST = 64  # parts of a loop: enough to keep many threads busy to the end


def run(kernel: Any, work: int, *args: Any, step: int = 1) -> None:
    """Run `kernel(*args)`, in parts if there is enough work.

    The first two arguments are where the range of trips starts and stops, `step` is how far
    apart these are.  `work` says how many simple operations on elements all trips take,
    roughly.  The kernel must do the same whichever trips are done first.  If parts raise, the
    exception is that of the first of them; parts after it may have run.
    """
    if work < WORTH:
        kernel(*args)
    else:
        _results(kernel, work, step, *args)


def fold(combine: Any, kernel: Any, work: int, *args: Any, step: int = 1) -> Any:
    """As `run`, for a kernel that returns a number or an array, or a tuple of them: what its
    trips fold.

    `combine` is the function of two such, or a tuple of functions; it is applied to the parts
    in order.
    """
    if work < WORTH:
        return kernel(*args)
    found = _results(kernel, work, step, *args)
    if not isinstance(combine, tuple):
        total = found[0]
        for part in found[1:]:
            total = combine(total, part)
        return total
    totals = found[0]
    for part in found[1:]:
        totals = tuple(c(a, b) for c, a, b in zip(combine, totals, part, strict=True))
    return totals


def cuts(start: int, stop: int, work: int, step: int = 1) -> list[int]:
    """Where the parts of a range begin, and where the last ends; by its size alone."""
    trips = -((start - stop) // step)
    count = max(min(trips, MOST, 2 * work // WORTH), 1)
    return [*(start + step * (trips * k // count) for k in range(count)), stop]


def _results(kernel: Any, work: int, step: int, start: int, stop: int, *args: Any) -> list[Any]:
    bounds = cuts(start, stop, work, step)
    # of Python code one thread runs at a time anyway
    python = isinstance(getattr(kernel, "compiled", kernel), FunctionType)
    if python or work * _paces.get(kernel, QUICK) < QUICK:
        begun = time.perf_counter()
        found = [kernel(a, b, *args) for a, b in itertools.pairwise(bounds)]
        seconds = time.perf_counter() - begun
    else:
        job = Job(kernel, bounds, args)
        pool().run(job)
        found, seconds = job.outcome(), job.seconds
    _paces[kernel] = seconds / work
    return found


def allowed() -> int:
    """How many threads may run at once."""
    text = os.environ.get("STAGEC_THREADS", "")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Job:
    """One call in parts: each part is taken once, by whichever thread is free."""

    def __init__(self, kernel: Any, bounds: Sequence[int], args: tuple[Any, ...]) -> None:
        self.kernel = kernel
        self.bounds = bounds
        self.args = args
        self.results: list[Any] = [None] * (len(bounds) - 1)
        self.failed: dict[int, BaseException] = {}
        self.begun = 0
        self.running = 0
        self.seconds = 0.0  # what all parts took together
        self.changed = threading.Condition()

    def take_part(self) -> None:
        """Run parts as long as there are any."""
        while (k := self.next()) is not None:
            begun = time.perf_counter()
            try:
                self.results[k] = self.kernel(self.bounds[k], self.bounds[k + 1], *self.args)
            except BaseException as error:
                self.failed[k] = error
            finally:
                self.done(time.perf_counter() - begun)

    def next(self) -> int | None:
        """The number of a part to run; None if there is none, or one has failed."""
        with self.changed:
            if self.failed or self.begun == len(self.results):
                return None
            self.running += 1
            self.begun += 1
            return self.begun - 1

    def done(self, seconds: float) -> None:
        """Note that a part has ended, and what it took."""
        with self.changed:
            self.seconds += seconds
            self.running -= 1
            if not self.running:
                self.changed.notify_all()

    def stop(self) -> None:
        """Begin no further part."""
        with self.changed:
            self.begun = len(self.results)

    def wait(self) -> None:
        """Wait until no part is running."""
        with self.changed:
            while self.running:
                self.changed.wait()

    def outcome(self) -> list[Any]:
        """The results in order; raises what the first part that failed has raised."""
        if self.failed:
            raise self.failed[min(self.failed)]
        return self.results


class Pool:
    """Helper threads, started when there is a job for them."""

    def __init__(self, threads: int) -> None:
        self.helpers = threads - 1
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.started = 0

    def run(self, job: Job) -> None:
        """Run all parts of the job; the calling thread takes part."""
        wanted = min(self.helpers, len(job.results) - 1)
        if self.started < wanted:
            self.start(wanted)
        for _ in range(wanted):
            self.jobs.put(job)
        try:
            job.take_part()
        finally:
            job.stop()
            job.wait()

    def start(self, wanted: int) -> None:
        """Start helpers up to the number wanted."""
        with self.lock:
            while self.started < wanted:
                name = f"stagec-{self.started + 1}"
                threading.Thread(target=self.help, name=name, daemon=True).start()
                self.started += 1

    def help(self) -> None:
        """What a helper does, for ever."""
        while True:
            self.jobs.get().take_part()


_pools: list[Pool] = []
# seconds that each kernel took for a unit of work when it was last run in parts; that decides
# which threads run the next parts, never what these are
_paces: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def pool() -> Pool:
    """The pool of this process."""
    if not _pools:
        with _making:
            if not _pools:
                _pools.append(Pool(allowed()))
    return _pools[0]


def _renew() -> None:
    """Forget the pool: no thread but the one that forked is there in a child."""
    global _making
    _making = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
