"""Small arrays of kernels that lie on the stack, and those that may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
pipeline = pytest.importorskip("stagec_runtime.pipeline")
blocks = pytest.importorskip("stagec_runtime.blocks")

X = np.arange(1.0, 6.0)


def elements(x: Any) -> Any:
    a = np.empty(3)
    b = np.zeros((2, 3), dtype=np.int64)
    c = np.empty(3, dtype=np.bool_)
    s = 0.0
    for i in range(x.shape[0]):
        for j in range(3):
            a[j] = x[i] + j
            c[j] = x[i] > j
        for j in range(a.shape[0]):
            b[1, j] += j
        for j in range(3):
            s += a[-1 - j] * b[1, j] + b[0, j] + c[j]
    a = np.zeros(4)
    return s + a[2]


def made_on_each_trip(x: Any) -> Any:
    s = 0.0
    for i in range(x.shape[0]):
        a = np.zeros(3)
        for j in range(3):
            b = np.empty(2)
            b[0] = x[i] * j
            b[1] = x[i] + j
            a[j] += b[0] * b[1]
        if x[i] > 2:
            b = np.zeros(2)
            b[1] += x[i]
            s += a[0] + a[1] * b[1] - b[0]
        s += a[2] + a[-3]
    return s


def added_to_in_branches(x: Any, y: Any) -> None:
    a = np.empty(2)
    for i in range(x.shape[0]):
        for j in range(2):
            a[j] = 2.0 * x[i]
        for j in range(2):
            a[j] += x[i] if x[i] > 2 else 0.5
        y[i] = a[0] * a[1]


def returned(x: Any) -> Any:
    a = np.empty(3)
    for j in range(3):
        a[j] = x[j]
    return a


def shared(x: Any) -> Any:
    a = np.zeros(4)
    part = a[1:3]
    part[0] = x[0]
    return part


def one_of_two(x: Any) -> Any:
    a, b = np.zeros(2), np.zeros(2)
    for i in range(x.shape[0]):
        a[0] += x[i]
        a, b = b, a
    return a


def of_each_trip(x: Any) -> Any:
    past = np.zeros(2)
    for i in range(x.shape[0]):
        now = np.empty(2)
        now[0], now[1] = past[1] + x[i], past[0] - x[i]
        past = now
    return past[0] - past[1]


def of_the_trip_before_the_last(x: Any) -> Any:
    for i in range(x.shape[0]):
        now = np.zeros(2)
        if i == 3:
            break
        now[0] = x[i]
        past = now
    return past[0]  # type: ignore[reportPossiblyUnboundVariable]


def of_the_trip_before_in_a_branch(x: Any) -> Any:
    s = 0.0
    for i in range(x.shape[0]):
        now = np.empty(2)
        now[0], now[1] = x[i], x[i] + 1
        if i % 2 == 0:
            past = now
            continue
        s += past[0] * i - past[1] + now[0]  # pyright: ignore[reportPossiblyUnboundVariable]
    return s


def of_each_trip_by_two_ways(x: Any) -> Any:
    past = np.zeros(2)
    s = 0.0
    for i in range(x.shape[0]):
        s += past[0] * i - past[1]
        if i > 0:
            now = np.zeros(2)
            now[0] += past[1] + x[i]
            now[1] += past[0] - x[i]
            past = now
        else:
            past = np.zeros(2)
            past[1] = x[i]
    return s


def made_in_one_of_two_ways(x: Any) -> Any:
    s = 0.0
    for i in range(x.shape[0]):
        if x[i] > 2:
            now = np.zeros(2)
        else:
            now = np.empty(2)
            now[0] = 1.0
        now[0] += x[i]
        s += now[0]
    return s


def whole(x: Any) -> Any:
    a = np.zeros(3)
    a[0] = x[1]
    return np.sum(a)


def large(x: Any) -> Any:
    a = np.zeros(1000)
    a[0] = x[1]
    return a[0] + a[1]


def unknown(x: Any) -> Any:
    a = np.zeros(x.shape[0])
    a[0] = x[1]
    return a[0] + a[1]


def compiled(f: Callable[..., Any]) -> tuple[Any, bool]:
    """What the function gives as a kernel, and whether that asks for memory."""
    kernel = numba.njit(f, pipeline_class=pipeline.Compiler)
    found = kernel(X)
    (text,) = kernel.inspect_llvm().values()
    return found, blocks.NAME in text


@pytest.mark.parametrize("f", [elements, made_on_each_trip])
def test_arrays_of_which_elements_are_used_need_no_memory(f: Callable[..., Any]) -> None:
    found, asks = compiled(f)
    assert found == f(X)
    assert not asks


def test_nobody_counts_who_refers_to_them() -> None:
    """LLVM does several trips at a time, as no call is in the way."""
    kernel = numba.njit(added_to_in_branches, pipeline_class=pipeline.Compiler)
    found, wanted = np.empty(5), np.empty(5)
    kernel(X, found)
    added_to_in_branches(X, wanted)
    np.testing.assert_array_equal(found, wanted)
    (text,) = kernel.inspect_llvm().values()
    assert re.search(r"fmul <\d+ x double>", text)


@pytest.mark.parametrize(
    "f",
    [
        *(returned, shared, one_of_two, of_each_trip, of_the_trip_before_the_last),
        *(of_the_trip_before_in_a_branch, of_each_trip_by_two_ways),
        *(made_in_one_of_two_ways, whole, large, unknown),
    ],
)
def test_arrays_that_others_see_have_memory(f: Callable[..., Any]) -> None:
    found, asks = compiled(f)
    np.testing.assert_array_equal(found, f(X))
    assert asks
    np.zeros(1000).sum()  # what memory there is may be used again
    np.testing.assert_array_equal(found, f(X))
