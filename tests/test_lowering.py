"""Instructions of kernels: elements and loops mean what they mean to Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
pipeline = pytest.importorskip("stagec_runtime.pipeline")
kernels = pytest.importorskip("stagec_runtime.kernels")


def compiled(function: Callable[..., Any]) -> Any:
    """The function as a kernel."""
    return numba.njit(function, pipeline_class=pipeline.Compiler)


DTYPES = [np.float64, np.bool_, np.complex64]


def layouts(dtype: Any) -> list[Any]:
    """One array, in memory in several ways."""
    a = (np.arange(12).reshape(3, 4) % 5).astype(dtype)
    backwards = np.ascontiguousarray(a[::-1, ::-1])
    return [a, np.asfortranarray(a), backwards[::-1, ::-1]]


def elements(a: Any, i: Any, j: Any) -> Any:
    """Elements at indices of many kinds."""
    row = a[1]
    return a[i, j], a[-1, j], a[0, 1], a[i, -2], row[j], row[-1], a[1][2], a.shape[-1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_are_read(dtype: Any) -> None:
    read = compiled(elements)
    for a in layouts(dtype):
        for i, j in ((0, 0), (2, 3), (-1, -4)):
            found, wanted = read(a, i, j), elements(a, i, j)
            assert found == wanted
            assert type(found[0]) is type(wanted[0].item())


@pytest.mark.parametrize(("i", "j"), [(1, np.uint64(2)), (np.int32(-2), np.int8(1))])
def test_indices_of_other_types(i: Any, j: Any) -> None:
    a = np.arange(12).reshape(3, 4)
    a.flags.writeable = False
    assert compiled(elements)(a, i, j) == elements(a, i, j)


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_are_written(dtype: Any) -> None:
    def write(a: Any, i: int, j: int, x: Any) -> None:
        a[i, j] = x
        a[-1, 0] = a[0, 1]
        a[0, -1] = 1
        row = a[1]
        row[j] = x
        row[-2] = row[0]

    kernel = compiled(write)
    for ours, theirs in zip(layouts(dtype), layouts(dtype), strict=True):
        for i, j, x in ((0, 2, 3), (-2, -1, 0), (2, 1, 1)):
            kernel(ours, i, j, x)
            write(theirs, i, j, x)
            np.testing.assert_array_equal(ours, theirs)


def test_a_whole_row_is_written() -> None:
    def write(a: Any, x: Any) -> None:
        a[1] = x
        a[:, 2] = 7.0

    ours, theirs = np.zeros((3, 4)), np.zeros((3, 4))
    compiled(write)(ours, np.arange(4.0))
    write(theirs, np.arange(4.0))
    np.testing.assert_array_equal(ours, theirs)


def test_ranges() -> None:
    def numbers(start: int, stop: int, step: int) -> Any:
        found, i = [], 0
        for i in range(start, stop):
            found.append(i)
        for i in range(start, stop, step):
            found.append(i)
            if i == 5:
                break
        for i in range(2):
            for j in range(i, 3):
                if j == 1:
                    continue
                found.append(10 * i + j)
        found.append(i)
        return found

    loops = compiled(numbers)
    for start, stop, step in ((0, 3, 1), (2, 9, 3), (-3, 4, 2), (5, 2, -1), (9, 1, -3)):
        assert list(loops(start, stop, step)) == numbers(start, stop, step)


def test_trips() -> None:
    def numbers(start: int, stop: int) -> Any:
        found = []
        for i in kernels.trips(start, stop):
            found.append(i)
        for i in reversed(kernels.trips(start, stop)):
            found.append(i)
        for i in kernels.falling(range(stop, start, -1)):
            found.append(i)
        return found

    loops = compiled(numbers)
    for start, stop in ((0, 3), (2, 9), (5, 2), (1, 1)):
        assert list(loops(start, stop)) == numbers(start, stop)


def test_loops_without_trips() -> None:
    def last(n: int) -> int:
        found = -7
        for i in range(n):
            found = i
        for i in range(3, n):
            found += i
        for i in kernels.trips(0, n):
            found -= i
        return found

    kernel = compiled(last)
    assert [kernel(n) for n in (-2, 0, 1, 5)] == [last(n) for n in (-2, 0, 1, 5)]


def test_a_step_of_zero_is_refused() -> None:
    def empty(step: int) -> int:
        found = 0
        for i in range(0, 3, step):
            found += i
        return found

    with pytest.raises(ValueError, match="must not be zero"):
        compiled(empty)(0)


@pytest.mark.parametrize("x", [1.7, np.float32(1.7), 3, -4, True, 1e200, np.nan, 1.5 + 2j])
def test_powers_that_are_known(x: Any) -> None:
    """They have the bits of Numba's own, which are compiled as a function."""

    def powers(x: Any) -> Any:
        return x**2, x**3, x**0, x**5, x**1, x**70, x**2.0

    ours, theirs = compiled(powers)(x), numba.njit(powers)(x)
    assert repr(ours) == repr(theirs)


def test_arrays_that_variables_hold_in_turn() -> None:
    def swapped(a: Any, n: int) -> Any:
        b = np.zeros(len(a))
        for k in range(n):
            for i in range(len(a)):
                b[i] = a[i - 1] + k
            a, b = b, a
        return a

    given = np.arange(4.0)
    for n in range(4):
        np.testing.assert_array_equal(
            compiled(swapped)(given.copy(), n), swapped(given.copy(), n)
        )


def test_the_memory_is_freed() -> None:
    def kept(a: Any, n: int) -> Any:
        b = a
        for k in range(n):
            c = np.full(3, 1.0 * k)
            if k % 2:
                b = c
        return b

    runtime: Any = pytest.importorskip("numba.core.runtime")
    kernel = compiled(kept)
    kernel(np.ones(3), 4)
    runtime._nrt_python.memsys_enable_stats()
    try:
        before = runtime.rtsys.get_allocation_stats()
        for n in range(5):
            kernel(np.ones(3), n)
        after = runtime.rtsys.get_allocation_stats()
    finally:
        runtime._nrt_python.memsys_disable_stats()
    assert after.alloc > before.alloc
    assert after.alloc - before.alloc == after.free - before.free


def test_elements_and_loops_need_no_memory_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The point of it: LLVM has less to find out than with Numba's own instructions."""

    def smooth(a: Any, b: Any) -> None:
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                b[i, j] = a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1]

    written: list[str] = []
    optimise = pipeline.Library._optimize_final_module

    def look(library: Any) -> None:
        written.append(str(library._final_module))
        optimise(library)

    monkeypatch.setattr(pipeline.Library, "_optimize_final_module", look)
    arrays = np.ones((4, 4)), np.ones((4, 4))
    compiled(smooth)(*arrays)
    lowering: Any = pytest.importorskip("numba.core.lowering")
    monkeypatch.setattr(pipeline.Lowering, "lowering_class", lowering.Lower)
    compiled(smooth)(*arrays)
    bodies = [re.findall(r"^define i32 .*?^}", text, re.M | re.S)[0] for text in written]
    ours, numba_s = (text.count(" = alloca {") for text in bodies)
    assert 3 * ours < numba_s
    ours, numba_s = (text.count(" = ") for text in bodies)
    assert 3 * ours < 2 * numba_s


def test_loops_over_columns_are_made_for_columns_that_are_apart() -> None:
    """LLVM would ask whether the matrix has one column, and make vectors in that case only."""

    def spread(v: Any, a: Any) -> None:
        for j in range(a.shape[1]):
            for i in range(v.shape[0]):
                a[i, j] = v[i]

    kernel = compiled(spread)
    v, a = np.arange(40.0), np.zeros((40, 3))
    kernel(v, a)
    assert np.array_equal(a, np.repeat(v[:, None], 3, axis=1))
    (text,) = kernel.inspect_llvm().values()
    assert "ident.check" not in text  # LLVM's name for the question
