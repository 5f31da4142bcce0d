"""Names for views at different places of one array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec
from stagec.frontend.positions import alike
from stagec.frontend.values import ArrayRef
from stagec.ir.core import Const, const
from stagec.ir.path import Arg, Index, Slice


def row_of_a_loop(a: Any, t: float) -> Any:
    a = a.copy()
    row = a[0]
    for i in range(a.shape[0]):
        if a[i, 0] > t:
            row = a[i]
    row[1] = 3.0
    return np.sum(a * a)


def either_row(a: Any, t: float) -> Any:
    a = a.copy()
    row = a[0] if a[0, 0] > t else a[1]
    row[0] = 2.0 * row[1]
    return np.sum(a * a * a)


def either_column(a: Any, t: float) -> Any:
    a = a.copy()
    column = a[:, 1]
    if a[1, 1] > t:
        column = a[:, 2]
    a[0, 0] *= 2.0
    column[0] += a[0, 0]
    return np.sum(a * a)


def best_while_written(a: Any, t: float) -> Any:
    a = a.copy()
    best = a[0]
    for i in range(1, a.shape[0]):
        if np.sum(a[i]) > np.sum(best):
            best = a[i]
        a[i, 0] += t * best[1]
    return np.sum(best * best) + np.sum(a)


def part_of_a_row(a: Any, t: float) -> Any:
    a = a.copy()
    part = a[0][1:3]
    if a[1, 1] > t:
        part = a[2][1:3]
    part[1] = part[0] * t
    return np.sum(a * a)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "f", [row_of_a_loop, either_row, either_column, best_while_written, part_of_a_row]
)
def test_views_at_different_places(f: Callable[..., Any], backend: str) -> None:
    """Writes through the name and around it are seen as NumPy sees them; gradients too."""
    g, d = stagec.jit(f, backend=backend), stagec.grad(f, backend=backend)
    rng = np.random.default_rng(1)
    for t in (-0.3, 0.3, 1.5):
        a = rng.normal(size=(3, 4))
        np.testing.assert_allclose(g(a, t), f(a, t))
        steps = 1e-6 * np.eye(a.size).reshape(-1, *a.shape)
        slopes = [(f(a + s, t) - f(a - s, t)) / 2e-6 for s in steps]
        np.testing.assert_allclose(d(a, t).ravel(), slopes, atol=1e-5)


def test_what_differs_becomes_an_operand() -> None:
    """Equal constants stay, and the operands are numbered in order."""
    first = ArrayRef(1, (Index((2, 0, Arg(0))),), (const(5),))
    second = ArrayRef(1, (Index((2, Arg(0), Arg(1))),), (const(7), const(8)))
    opened = alike(first, second)
    assert opened is not None
    assert opened[0].path == opened[1].path == (Index((2, Arg(0), Arg(1))),)
    for view, wanted in zip(opened, ([0, 5], [7, 8]), strict=True):
        values = [o.value for o in view.index if isinstance(o, Const)]
        assert values == wanted


@pytest.mark.parametrize(
    "other",
    [
        ArrayRef(2, (Index((1,)),)),  # another array
        ArrayRef(1, (Index((-1,)),)),  # a place counted from the end
        ArrayRef(1, (Index((1, 1)),)),  # an element of it
        ArrayRef(1, (Index((Slice(1, 2),)),)),  # a part
    ],
)
def test_other_views_have_no_common_path(other: ArrayRef) -> None:
    assert alike(ArrayRef(1, (Index((0,)),)), other) is None
