"""Branches with short ways: kernels do both, and mean what Python means."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
pipeline = pytest.importorskip("stagec_runtime.pipeline")
lowering = pytest.importorskip("stagec_runtime.lowering")

NUMBERS = (-2.0, -0.0, 0.0, 1.0, 3.5, np.inf, np.nan)


def joins(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], *args: Any) -> int:
    """How many branches of the function are none any more; it must give what Python gives."""
    found: list[int] = []
    before = lowering.Lower.pre_lower

    def pre_lower(self: Any) -> None:
        before(self)
        found.append(len(self.choices.joins))

    monkeypatch.setattr(lowering.Lower, "pre_lower", pre_lower)
    kernel = numba.njit(function, pipeline_class=pipeline.Compiler, error_model="numpy")
    for given in (
        itertools.product(NUMBERS, repeat=len(args)) if isinstance(args[0], float) else [args]
    ):
        np.testing.assert_array_equal(kernel(*given), function(*given))
    return found[0]


def halved(x: Any, y: Any) -> Any:
    """As the adjoint of a maximum."""
    return 0.5 * y if x == y else y


def nested(x: Any, y: Any) -> Any:
    """Ways with choices of their own."""
    z = 2.0 * y if x < y else (x + 1.0 if x > 0.0 else x) if y > 0.0 else y
    return z + 1.0


def changed(x: Any, y: Any) -> Any:
    """Variables that are there before, in one way and in both."""
    a, b = x, y
    if x > y:
        a *= b
    if a > 0.0:
        a, b = b, a + 1.0
    else:
        b = a - b
    return a + 2.0 * b


@pytest.mark.parametrize(("function", "count"), [(halved, 1), (nested, 3), (changed, 2)])
def test_short_ways_are_both_done(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], count: int
) -> None:
    with np.errstate(all="ignore"):
        assert joins(monkeypatch, function, 0.0, 0.0) == count


def quotient(x: Any, y: Any) -> Any:
    """Quotients take longer than a wrong guess."""
    return y / x if x > 0.0 else y


def long(x: Any, y: Any) -> Any:
    """More than a few operations."""
    return x * x * x * x * x * y if x > y else y


def test_long_ways_wait_for_their_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    with np.errstate(all="ignore"):
        assert joins(monkeypatch, quotient, 0.0, 0.0) == 0
        assert joins(monkeypatch, long, 0.0, 0.0) == 0


def test_nothing_that_may_fail_is_done_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    def element(a: Any, i: Any) -> Any:
        return a[i] if 0 <= i < a.shape[0] else 0.0

    def power(a: Any, i: Any) -> Any:
        return a.shape[0] // i if i != 0 else 0

    kernel = numba.njit(power, pipeline_class=pipeline.Compiler)
    assert kernel(np.ones(3), 0) == 0
    for i in (1, 2**40, -(2**40)):
        assert joins(monkeypatch, element, np.ones(3), i) <= 1
    assert joins(monkeypatch, power, np.ones(3), 2) == 0


def test_ways_of_loops_are_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    def largest(a: Any) -> Any:
        top, total = a[0], 0.0
        for x in a:
            if x > top:
                top = x
                continue
            total += 2.0 * x if x < 1.0 else x
        while total > 1.0:
            total = total - 1.0
        return top, total

    a = np.random.default_rng(0).normal(size=100)
    assert joins(monkeypatch, largest, a) == 1
