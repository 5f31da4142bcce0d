"""Helpers of kernels that write their instructions into the kernel: values, errors, types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="compiled kernels need Numba")

import numba
from numba.core.compiler import CompilerBase

from stagec_runtime import kernels

jit = numba.njit(error_model="numpy")


@jit
def divide(x: Any, y: Any) -> Any:
    return kernels.divide(x, y)


@jit
def inside(index: Any, length: Any) -> Any:
    return kernels.inside(index, length)


@jit
def whole(x: Any) -> Any:
    return kernels.whole(int(x), x)


@jit
def in_domain(y: Any, x: Any) -> Any:
    return kernels.in_domain(y, x)


@jit
def above_pole(y: Any, x: Any) -> Any:
    return kernels.above_pole(y, x)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (divide, (1.0, 4.0), 0.25), (divide, (1, 4), 0.25), (divide, (True, 4), 0.25),
        (divide, (1j, 4.0), 0.25j), (divide, (1.0, NAN), NAN),
        (inside, (3, 4), 3), (inside, (-4, 4), 0), (inside, (np.int32(-1), 4), 3),
        (inside, (np.uint8(3), 4), 3), (inside, (np.uint64(3), 4), 3),
        (whole, (-3.7,), -3), (whole, (2.0**62,), 2**62),
        (in_domain, (1.0, 2.0), 1.0), (in_domain, (NAN, NAN), NAN),
        (in_domain, (INF, INF), INF),
        (above_pole, (1.0, 2), 1.0), (above_pole, (-INF, -INF), -INF),
    ],
)  # fmt: skip
def test_values(function: Callable[..., Any], args: Any, expected: Any) -> None:
    np.testing.assert_equal(function(*args), expected)


@pytest.mark.parametrize(
    ("function", "args", "kind"),
    [
        (divide, (1.0, 0.0), ZeroDivisionError), (divide, (1, -0.0), ZeroDivisionError),
        (divide, (NAN, 0), ZeroDivisionError), (divide, (1j, 0.0), ZeroDivisionError),
        (inside, (4, 4), IndexError), (inside, (-5, 4), IndexError),
        (inside, (0, 0), IndexError),
        (inside, (np.uint64(2**64 - 1), 4), IndexError),
        (whole, (2.0**63,), OverflowError), (whole, (-INF,), OverflowError),
        (whole, (NAN,), ValueError),
        (in_domain, (NAN, 1.0), ValueError), (in_domain, (INF, 1.0), OverflowError),
        (above_pole, (-INF, 0), ValueError), (above_pole, (NAN, -1.0), ValueError),
    ],
)  # fmt: skip
def test_errors(function: Callable[..., Any], args: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        function(*args)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_folds(dtype: Any) -> None:
    @jit
    def folded(x: Any) -> Any:
        total, product, most, least = 0.0, 1.0, -np.inf, np.inf
        for i in range(x.shape[0]):
            total = kernels.plus(total, x[i])
            product = kernels.times(product, x[i])
            most = kernels.larger(most, x[i])
            least = kernels.smaller(least, x[i])
        return total, product, most, least

    x = np.array([3, 1, 2, 5]).astype(dtype)
    assert folded(x) == (np.sum(x), np.prod(x), np.max(x), np.min(x))
    if x.dtype.kind == "f":
        x[2] = np.nan
        assert np.isnan(folded(x)).all()


def test_no_function_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba compiles nothing but the function that uses them."""
    compiled: list[str] = []
    compile_extra: Any = CompilerBase.compile_extra

    def noted(self: Any, function: Any) -> Any:
        compiled.append(function.__name__)
        return compile_extra(self, function)

    @jit
    def user(x: Any, i: Any) -> Any:
        total = kernels.plus(kernels.divide(x, i), kernels.inside(i, 9))
        total = kernels.larger(total, kernels.in_domain(x, i))
        return kernels.times(total, kernels.whole(i, x)) + kernels.above_pole(x, i)

    monkeypatch.setattr(CompilerBase, "compile_extra", noted)
    user(1.0, 2)
    assert compiled == ["user"]
