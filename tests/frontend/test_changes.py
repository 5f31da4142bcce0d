"""Loops in which a variable gets another form on some trips."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec


def row_or_none(a: Any, t: float) -> Any:
    best = None
    for i in range(a.shape[0]):
        if a[i, 0] > t:
            best = a[i]
        if a[i, 0] > 3 * t:
            return best
    return best


def row_of_nested_loops(a: Any, t: float) -> Any:
    best = None
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if a[i, j] > t:
                best = a[i]
            if a[i, j] > 3 * t:
                return best
    return best


def else_clause(a: Any, t: float) -> Any:
    best, s = None, 0.0
    for k, row in enumerate(a):
        if row[0] < -3 * t:
            break
        if row[1] > t:
            best = row * 2
        s += k * row[2]
    else:
        s = s * 10
    return s if best is None else best * s


def sum_of_rows(a: Any, t: float) -> Any:
    total, count = 0.0, 0
    for row in a:
        if row[0] > t:
            total = total + row
            count += 1
    return total, count


def two_bounds(a: Any, t: float) -> Any:
    low = high = None
    for i in reversed(range(a.shape[0])):
        if a[i, 0] > t:
            low = a[i, 1]
        elif a[i, 0] < -t:
            high = a[i]
    return low, high


def in_a_dict(a: Any, t: float) -> Any:
    found: Any = {"row": None, "sum": 0.0}
    for i in range(a.shape[0]):
        if a[i, 0] > t:
            found["row"] = a[i] if found["row"] is None else found["row"] + a[i]
        found["sum"] += a[i, 1]
    return found


def back_to_none(a: Any, t: float) -> Any:
    best = None
    for i in range(3):
        if a[i, 0] > t:
            best = a[i]
        elif a[i, 0] < -t:
            best = None
    return best


def same(found: Any, wanted: Any) -> None:
    if wanted is None:
        assert found is None
    elif isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for pair in zip(found, wanted, strict=True):
            same(*pair)
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        same(tuple(found.values()), tuple(wanted.values()))
    else:
        assert type(found) is type(wanted)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


PROGRAMS = (
    *(row_or_none, row_of_nested_loops, else_clause, sum_of_rows),
    *(two_bounds, in_a_dict, back_to_none),
)


@pytest.mark.parametrize("f", PROGRAMS)
def test_each_form_is_as_in_python(f: Callable[..., Any]) -> None:
    compiled = stagec.jit(f)
    for seed in range(4):
        a = np.random.default_rng(seed).normal(size=(4, 5))
        for t in (0.1, 0.5, 5.0):
            same(compiled(a, t), f(a, t))


def test_the_forms_are_loops_of_any_length() -> None:
    rng = np.random.default_rng(0)
    for f in (row_or_none, row_of_nested_loops):
        compiled = stagec.jit(f)
        text = compiled.source(rng.normal(size=(4, 5)), 0.5)
        assert len(text) < 5000
        assert compiled.source(rng.normal(size=(200, 30)), 0.5) == text
        a = rng.normal(size=(200, 30))
        for t in (1.2, 2.0, 9.0):
            same(compiled(a, t), f(a, t))


def value(a: Any, t: float) -> Any:
    best = row_of_nested_loops(a, t)
    return np.sum(a**2) if best is None else np.sum(np.sin(best)) * a[0, 0]


def test_the_gradient() -> None:
    slope = stagec.grad(value)
    a = np.random.default_rng(3).normal(size=(4, 5))
    along, h = np.random.default_rng(4).normal(size=(4, 5)), 1e-6
    for t in (0.1, 0.5, 9.0):
        wanted = (value(a + h * along, t) - value(a - h * along, t)) / (2 * h)
        np.testing.assert_allclose(np.sum(slope(a, t) * along), wanted, rtol=1e-6)


def test_a_report_tells_of_loops_with_trips_by_themselves() -> None:
    def marked(x: Any) -> Any:
        rows = []
        for i in range(len(x)):
            if x[i] > 0.5:
                rows.append([i, x[i], 1.0])
        return rows

    x = np.array([0.25, 0.75, 1.0])
    f = stagec.jit(marked)
    assert f(x) == marked(x)
    assert "a loop of which some trips are by themselves" in str(f.explain(x))
