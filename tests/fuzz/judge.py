"""Judges one program: every way to run it must agree with eager Python."""

from __future__ import annotations

import copy
import itertools
import linecache
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

import stagec as sc
from stagec.errors import InternalError
from stagec.frontend.results import Rebuild
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate

LIMIT, COMPILING = 30, 240
TRIPS = (3, 2, 0)
STEPS = (1e-3, 2e-4, 4e-5)
Arguments = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a program: `kind` is ok, refused, kink, raises or mismatch."""

    kind: str
    stage: str = ""
    detail: str = ""


class Mismatch(Exception):
    """Two ways to run a program disagree."""

    def __init__(self, stage: str, detail: str) -> None:
        super().__init__(detail)
        self.stage = stage


class Slow(BaseException):
    """A program took longer than the limit."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raises `Slow` in the body after so many seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Slow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def load(text: str, name: str) -> dict[str, Any]:
    """The names that the program defines; its text is found by tracebacks and stagec."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, name, "exec"), space)
    return space


def arguments(seed: int, trips: int, sizes: tuple[int, int] | None = None) -> Arguments:
    """The arguments of a program: a vector, a matrix, a number, a trip count.

    With `sizes` the vector is as long as a column of the matrix, which has these lengths.
    """
    rng = np.random.default_rng([seed, trips])
    s = float(rng.uniform(-1, 1))
    shape = (3, 4) if sizes is None else sizes
    length = 4 if sizes is None else sizes[0]
    return rng.uniform(-1, 1, length), rng.uniform(-1, 1, shape), s, trips


def judge(text: str, seed: int, name: str | None = None, backend: str = "numpy") -> Verdict:
    """The verdict on a program."""
    name = name or f"<program {seed}>"
    try:
        return concluded(lambda: judged(load(text, name), seed, backend), backend)
    finally:
        linecache.cache.pop(name, None)


def concluded(run: Callable[[], Verdict], backend: str) -> Verdict:
    """The verdict that is given, or what an exception means."""
    limit = LIMIT if backend == "numpy" else COMPILING
    try:
        with limited(limit), np.errstate(all="ignore"):
            return run()
    except Mismatch as found:
        return Verdict("mismatch", found.stage, str(found))
    except sc.StagecError as refusal:
        if isinstance(refusal, InternalError):
            return Verdict("mismatch", "crash", traceback.format_exc(limit=-6))
        return Verdict("refused", refusal.code, str(refusal))
    except Slow:
        return Verdict("mismatch", "slow", f"longer than {limit} s")
    except Exception:
        return Verdict("mismatch", "crash", traceback.format_exc(limit=-6))


def judged(space: dict[str, Any], seed: int, backend: str) -> Verdict:
    """Run the program in all ways, for several trip counts."""
    f, loss = space["f"], space["loss"]
    compiled = sc.jit(f, backend=backend)
    slope = sc.grad(loss, argnums=(0, 1, 2), backend=backend)
    kinks = 0
    for trips in TRIPS:
        args = arguments(seed, trips, space.get("SIZES", {}).get(trips))
        wanted = outcome(f, args)
        if isinstance(wanted, BaseException):
            found = outcome(compiled, args)
            unused = space.get("UNUSED", False) and not isinstance(found, BaseException)
            if type(found) is not type(wanted) and not unused:
                raise Mismatch(
                    "jit", f"n={trips}: eager raises {wanted!r}, jit gives {found!r}"
                )
            return Verdict("raises", "", repr(wanted))
        if trips == TRIPS[0]:
            compare_graphs(sc.jit(f), args, wanted)
        found = outcome(compiled, args)
        compare("jit", wanted, found, trips)
        same_sharing(wanted, found, trips)
        derivative = compare_modes(loss, slope, args, seed)
        kinks += not compare_differences(loss, args, seed, derivative)
        if trips == TRIPS[0] and seed % 3 == 0:
            compare_pullback(f, args, wanted, seed)
    return Verdict("kink") if kinks else Verdict("ok")


def outcome(function: Callable[..., Any], args: Arguments) -> Any:
    """The result and the changed arguments, or the exception."""
    args = copy.deepcopy(args)
    try:
        return function(*args), args
    except sc.StagecError:
        raise
    except Exception as error:
        return error


def leaves(tree: Any) -> list[Any]:
    """The leaves of nested tuples."""
    return [x for part in tree for x in leaves(part)] if isinstance(tree, tuple) else [tree]


def compare(stage: str, wanted: Any, found: Any, trips: int) -> None:
    """Raise `Mismatch` unless both have the same leaves up to rounding."""
    if isinstance(found, BaseException):
        raise Mismatch(stage, f"n={trips}: raises {found!r}")
    one, two = leaves(wanted), leaves(found)
    if len(one) != len(two):
        raise Mismatch(stage, f"n={trips}: {found} instead of {wanted}")
    for k, (a, b) in enumerate(zip(one, two, strict=True)):
        same = (
            np.shape(a) == np.shape(b)
            and np.result_type(a) == np.result_type(b)
            and isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
            and np.allclose(a, b, rtol=1e-11, atol=1e-12, equal_nan=True)
        )
        if not same:
            raise Mismatch(stage, f"n={trips}: leaf {k} is {b!r} instead of {a!r}")


def same_sharing(wanted: Any, found: Any, trips: int) -> None:
    """Raise `Mismatch` unless the same leaves share memory."""
    pairs = zip(leaves(wanted), leaves(found), strict=True)
    arrays = [(a, b) for a, b in pairs if isinstance(a, np.ndarray)]
    for (k, (a, b)), (j, (c, d)) in itertools.combinations(enumerate(arrays), 2):
        if np.shares_memory(a, c) != np.shares_memory(b, d) or (a is c and b is not d):
            raise Mismatch(
                "sharing", f"n={trips}: arrays {k} and {j} share memory as eager not"
            )


def compare_graphs(compiled: Any, args: Arguments, wanted: Any) -> None:
    """Evaluate the staged and the optimised graph op by op."""
    made = compiled._specialised(args, {})
    for stage in ("staged", "optimised"):
        given = copy.deepcopy(args)
        try:
            value = interpreted(compiled.ir(*args, stage=stage), made.program, given)
        except Exception as error:
            raise Mismatch(stage, traceback.format_exc(limit=-4)) from error
        compare(stage, wanted, (value, given), args[-1])


def interpreted(graph: Function, program: Any, args: Arguments) -> Any:
    """The result of the function by the interpreter; changes the arguments as it does."""
    hidden = [source.get(()) for source in program.captured]
    inputs = [args[k] for k in program.leaves]
    outs = evaluate(graph, *copy.deepcopy((*inputs, *hidden)))
    rebuilt = Rebuild(outs, list(args), hidden, [], {}).outcome(program.outcome)
    result = copy.deepcopy(rebuilt)
    for parameter, position in graph.mutated:
        (*inputs, *hidden)[parameter][...] = outs[position]
    return kept(rebuilt, result, args)


def kept(rebuilt: Any, copied: Any, args: Arguments) -> Any:
    """The copied results, but the arguments themselves where they are results."""
    if isinstance(rebuilt, tuple):
        return tuple(kept(a, c, args) for a, c in zip(rebuilt, copied, strict=True))
    return rebuilt if any(rebuilt is a for a in args) else copied


def direction(args: Arguments, seed: int) -> Arguments:
    """A direction in the space of the arguments."""
    rng = np.random.default_rng([seed, 99])
    vector, matrix = (rng.normal(size=np.shape(a)) for a in args[:2])
    return vector, matrix, float(rng.normal()), None


def inner(one: Any, two: Any) -> tuple[float, float]:
    """The inner product of two trees, and the size of its terms."""
    total = scale = 0.0
    for a, b in zip(leaves(one), leaves(two), strict=True):
        if a is not None and b is not None:
            total += float(np.sum(np.multiply(a, b)))
            scale += float(np.sum(np.abs(np.multiply(a, b))))
    return total, scale


def compare_modes(loss: Any, slope: Any, args: Arguments, seed: int) -> float:
    """The derivative along the direction; forward and reverse mode must agree."""
    given = copy.deepcopy(args)
    for array in given[:2]:
        array.flags.writeable = False
    along = direction(args, seed)
    gradient = slope(*given)
    value, forward = sc.jvp(loss, given, along)
    for before, after in zip(args, given, strict=True):
        if not np.array_equal(before, after):
            raise Mismatch("inputs", f"n={args[-1]}: changed under grad")
    for part, arg in zip(gradient, args, strict=False):
        if np.shape(part) != np.shape(arg) or type(part) is not type(arg):
            raise Mismatch("grad", f"n={args[-1]}: {part!r} for the argument {arg!r}")
    compare("jvp value", loss(*copy.deepcopy(args)), value, args[-1])
    reverse, scale = inner(gradient, along[:3])
    neither = np.isnan(reverse) and np.isnan(forward)
    if not neither and not abs(reverse - forward) <= 1e-9 * max(1.0, scale):
        raise Mismatch("modes", f"n={args[-1]}: reverse {reverse!r}, forward {forward!r}")
    return float(forward)


def compare_differences(loss: Any, args: Arguments, seed: int, derivative: float) -> bool:
    """Whether differences could judge; raises `Mismatch` if they disagree."""
    if np.isnan(derivative):
        return False
    along = direction(args, seed)

    def at(h: float) -> float:
        moved = [a + h * d for a, d in zip(args[:3], along[:3], strict=True)]
        return float(loss(*copy.deepcopy(moved), args[3]))

    def central(h: float) -> float:
        return (at(h) - at(-h)) / (2 * h)

    estimates = [(4 * central(h / 2) - central(h)) / 3 for h in STEPS]
    scale = max(1.0, abs(derivative))
    if min(abs(derivative - e) for e in estimates) <= 2e-6 * scale:
        return True
    if max(estimates) - min(estimates) > 1e-5 * scale:
        return False
    raise Mismatch("differences", f"n={args[-1]}: {derivative!r} against {estimates}")


def compare_pullback(f: Any, args: Arguments, wanted: Any, seed: int) -> None:
    """The adjoint identity of `vjp` and `jvp` of the function with all its results."""
    along, rng = direction(args, seed), np.random.default_rng([seed, 7])
    value, pullback = sc.vjp(f, *copy.deepcopy(args))
    compare("vjp value", wanted[0], value, args[-1])
    floats = isinstance(value, tuple)
    weights = [
        rng.normal(size=np.shape(v)) if np.ndim(v) else type(v)(rng.normal())
        for v in leaves(value)
    ]
    ct = tuple(weights) if floats else weights[0]
    reverse, scale = inner(pullback(ct)[:3], along[:3])
    again, _ = inner(pullback(ct)[:3], along[:3])
    _, tangents = sc.jvp(f, copy.deepcopy(args), along)
    forward, _ = inner(ct, tangents)
    if not abs(reverse - forward) <= 1e-9 * max(1.0, scale) or again != reverse:
        raise Mismatch("vjp", f"reverse {reverse!r}, then {again!r}, forward {forward!r}")
