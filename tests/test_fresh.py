"""Arrays that kernels make: LLVM knows that they are apart, and they are what NumPy makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from numba.core.runtime.nrt import rtsys  # noqa: E402

from stagec_runtime.compiling import Kernel  # noqa: E402
from stagec_runtime.loader import NOTHING  # noqa: E402


def compiled(function: Callable[..., Any]) -> Any:
    """Numba's dispatcher of the function as a kernel."""
    kernel = Kernel(ModuleType("generated"), "kernel", numba.njit(function))
    kernel.install((), 2**40, NOTHING, "")
    assert not kernel.refused
    return kernel.dispatcher


def three_sums(x: Any) -> Any:
    n = x.shape[0]
    a, b, c = np.empty(n), np.zeros(n), np.ones(n)
    for i in range(n):
        a[i] = 2.0 * x[i]
    for i in range(n):
        b[i] += a[i] + c[i]
        c[i] = a[i]
    return a, b, c


def test_no_loop_compares_where_arrays_begin_and_end() -> None:
    x = np.arange(9.0)
    ours, plain = compiled(three_sums), numba.njit(three_sums)
    for made in (ours, plain):
        for got, want in zip(made(x), (2 * x, 2 * x + 1, 2 * x), strict=True):
            np.testing.assert_array_equal(got, want)
    ((ours_text,), (plain_text,)) = (d.inspect_llvm().values() for d in (ours, plain))
    assert "memcheck" in plain_text
    assert "memcheck" not in ours_text


def each_creator(x: Any) -> Any:
    like = np.zeros_like(x), np.ones_like(x), np.full_like(x, 3.0), np.empty_like(x)
    like[3][:] = x
    return np.zeros(2), np.ones((2, 3)), np.full((1, 2), 4.0), np.zeros((2, 3)).T, like


def test_arrays_are_what_numpy_makes() -> None:
    x = np.arange(6.0).reshape(2, 3)
    (*found, like), (*wanted, like_wanted) = compiled(each_creator)(x), each_creator(x)
    for a, b in zip((*found, *like), (*wanted, *like_wanted), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def made_and_dropped(x: Any, steps: int) -> Any:
    past, now = np.zeros_like(x), np.full_like(x, 1.0)
    total = 0.0
    for t in range(steps):
        new = np.zeros_like(x)
        new[0] += t
        for i in range(x.shape[0]):
            new[i] += now[i] - 0.5 * past[i] + x[i]
        total += past[1] + now[-1]
        past = now
        now = new
    last = np.empty(3)
    last[1] = total
    return now, last[1]


def check(found: Any, wanted: Any) -> None:
    """The same numbers."""
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14)


@pytest.fixture
def counted() -> Iterator[Callable[[], Any]]:
    """How often memory was given and taken back so far."""
    runtime: Any = import_module("numba.core.runtime._nrt_python")
    runtime.memsys_enable_stats()
    yield rtsys.get_allocation_stats
    runtime.memsys_disable_stats()


@pytest.mark.parametrize("size", [4, 1000])
def test_arrays_of_each_trip_are_read_before_their_memory_is_used_again(
    size: int, counted: Callable[[], Any]
) -> None:
    x = np.random.default_rng(1).normal(size=size)
    kernel = compiled(made_and_dropped)
    kernel(x, 1)
    before = counted()
    for steps in (0, 1, 2, 50):
        check(kernel(x, steps), made_and_dropped(x, steps))
    after = counted()
    assert after.alloc - before.alloc == after.free - before.free
