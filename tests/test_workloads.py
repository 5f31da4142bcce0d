"""Every measured workload is right at its smallest size, on both targets and by hand."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import stagec
from tests.benchmarks.workload import Workload
from tests.benchmarks.workloads import WORKLOADS

pytest.importorskip("numba", reason="the Numba target needs Numba")
ALL = pytest.mark.parametrize("name", WORKLOADS)


def tolerance(arguments: tuple[Any, ...]) -> float:
    """A relative error that only rounding makes."""
    single = any(getattr(a, "dtype", None) == np.float32 for a in arguments)
    return 2e-4 if single else 1e-10


def doubled(arguments: tuple[Any, ...]) -> list[Any]:
    """The arguments, arrays of single precision in double."""
    return [
        a.astype(np.float64) if getattr(a, "dtype", None) == np.float32 else a
        for a in arguments
    ]


def flattened(value: Any) -> list[Any]:
    """The leaves of nested tuples."""
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in flattened(item)]
    return [value]


def agree(found: Any, expected: Any, rtol: float) -> None:
    for a, b in zip(flattened(found), flattened(expected), strict=True):
        scale = float(np.max(np.abs(b))) if np.size(b) else 0.0
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)


def difference(workload: Workload, arguments: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """The change of the program along a direction, extrapolated; and the direction.

    That of an array is its change times the cotangent; of several arrays, those of each.
    """
    rng = np.random.default_rng(0)
    directions = [rng.normal(size=np.shape(arguments[k])) for k in workload.wrt]
    weight = arguments[-1] if workload.derivative.extra else 1.0
    base = doubled(workload.forward_arguments(arguments))

    def along(h: float) -> Any:
        moved = copy.deepcopy(base)
        for k, d in zip(workload.wrt, directions, strict=True):
            moved[k] = moved[k] + h * d
        value = workload.program(*moved)
        if isinstance(value, tuple):
            return np.concatenate([np.ravel(v) for v in value])
        return float(np.sum(weight * value))

    h = 1e-5
    wide, narrow = ((along(k * h) - along(-k * h)) / (2 * k * h) for k in (2, 1))
    return (4 * narrow - wide) / 3, directions


@ALL
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_forward(name: str, backend: str) -> None:
    workload = WORKLOADS[name]
    arguments = workload.data(workload.sizes[0])
    taken = workload.forward_arguments(arguments)
    expected = workload.program(*copy.deepcopy(taken))
    found = stagec.jit(workload.program, backend=backend)(*taken)
    agree(found, expected, tolerance(arguments))


@ALL
def test_derivative(name: str) -> None:
    workload = WORKLOADS[name]
    arguments = workload.data(workload.sizes[0])
    slope, directions = difference(workload, arguments)
    plain, fast = (
        workload.derivative.staged(workload, backend)(*copy.deepcopy(arguments))
        for backend in ("numpy", "numba")
    )
    agree(fast, plain, tolerance(arguments))
    if workload.derivative.name == "jacobian":
        rows, columns, values = plain
        moved = np.concatenate([np.ravel(d) for d in directions])
        found = csr_array((values, columns, rows), shape=(len(slope), len(moved))) @ moved
        np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-7)
        return
    pairs = list(zip(flattened(plain)[1:], directions, strict=True))
    found = sum(float(np.sum(g * d)) for g, d in pairs)
    size = sum(float(np.sum(np.abs(g * d))) for g, d in pairs)
    assert abs(found - slope) <= max(1e-7, tolerance(arguments)) * size


@ALL
def test_handwritten(name: str) -> None:
    workload = WORKLOADS[name]
    arguments = workload.data(workload.sizes[0])
    rtol = tolerance(arguments)
    if workload.numba.forward is not None:
        taken = workload.forward_arguments(arguments)
        agree(workload.numba.forward(*taken), workload.program(*copy.deepcopy(taken)), rtol)
    if workload.numba.derivative is not None:
        derivative = workload.derivative.staged(workload, "numpy")
        agree(workload.numba.derivative(*arguments), derivative(*arguments), rtol)
