"""Kernels that compute with integers of fewer than 64 bits, cut to their width."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

WIDTHS = (np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32)
PAIRS = [
    *((w, w) for w in WIDTHS),
    *((np.int8, np.uint8), (np.int16, np.uint32), (np.uint16, np.int64), (np.int64, np.int8)),
]


def of_two(x: Any, y: Any) -> Any:
    return (
        *(x + y, x - y, x * y, x // y, x % y, x / y, np.fmod(x, y), x & y, x | y, x ^ y),
        *(x << y, x >> y, np.maximum(x, y), np.fmin(x, y), np.where(x > y, x, y), x != y),
        *(np.logical_and(x, y), np.arctan2(x, y)),
    )


def of_one(x: Any) -> Any:
    return (
        *(-x, ~x, abs(x), np.sign(x), np.square(x), x * 5 - 2, 7 - x, x // 3, x % 7, 3 // x),
        *(x / 2, x * 0.5, x << 2, x >> 1, 2 << x, np.clip(x, 2, 100), np.sqrt(x), np.floor(x)),
        *(x.astype(np.int8), x.astype(np.uint32), x.astype(np.float32), x.astype(bool)),
        *(np.where(x > 3, x, 1), np.float32(2) * x, 1j * x),
        *(np.prod(x), np.max(x), np.min(x)),
    )


def extremes(width: Any) -> Any:
    limits = np.iinfo(width)
    edges = limits.min, limits.min + 1, limits.max, limits.max - 1
    numbers = *edges, *range(-8, 9), 15, 16, 31, 32, 33, 63, 64, 100, -33, -64
    return np.array([n for n in numbers if limits.min <= n <= limits.max], dtype=width)


def same(found: Any, wanted: Any) -> None:
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert (type(a), a.dtype) == (type(b), b.dtype)
        np.testing.assert_array_max_ulp(a, b, 2) if b.dtype.kind == "f" else (
            np.testing.assert_array_equal(a, b)
        )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_elements_of_two_arrays(first: Any, second: Any) -> None:
    x, y = (a.ravel() for a in np.meshgrid(extremes(first), extremes(second)))
    staged = sc.jit(of_two, backend="numba")
    assert "@njit" in staged.source(x, y)
    same(staged(x, y), of_two(x, y))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("width", WIDTHS)
def test_elements_of_one_array(width: Any) -> None:
    x = extremes(width)
    staged = sc.jit(of_one, backend="numba")
    assert "@njit" in staged.source(x)
    same(staged(x), of_one(x))


def running_best(t: Any, more: Any) -> Any:
    for k in range(1, len(t)):
        t[k] = max(t[k], t[k - 1]) + more * t[k]
    return t


def followed(index: Any, k: Any) -> Any:
    total = index[0]
    for _ in range(40):
        k = index[k]
        total = total + k
    return k, total


def checksum(data: Any) -> Any:
    crc = 0xFFFF
    for byte in data:
        rest = 0x7F & byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if (crc & 1) ^ (rest & 1) else crc >> 1
            rest >>= 1
    return crc


def shortest(path: Any) -> Any:
    for k in range(path.shape[0]):
        path[:] = np.minimum(path, np.add.outer(path[:, k], path[k, :]))
    return path


def table_of_counts(data: Any) -> Any:
    table = np.zeros((3, 4), dtype=data.dtype)
    for k in range(len(data)):
        table[k % 3, k % 4] += data[k]
        table[2, 1] = k
        table[k % 3, :] -= data[70]
    return table


PROGRAMS: list[tuple[Callable[..., Any], Callable[[Any], tuple[Any, ...]]]] = [
    (running_best, lambda w: (np.arange(1, 50).astype(w), w(77))),
    (followed, lambda w: (np.array([3, 4, 0, 1, 2], dtype=w), w(0))),
    (followed, lambda w: (np.array([3, 4, 0, 1, 2], dtype=w), 1)),
    (checksum, lambda w: (np.arange(100).astype(w),)),
    (shortest, lambda w: ((np.arange(36) * 7 % 11 + 1).astype(w).reshape(6, 6),)),
    (table_of_counts, lambda w: (np.arange(90).astype(w),)),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("width", [np.int8, np.uint8, np.int32, np.uint32])
@pytest.mark.parametrize(("function", "args"), PROGRAMS)
def test_loops_over_numbers(function: Any, args: Any, width: Any) -> None:
    mine, expected = copy.deepcopy(args(width)), copy.deepcopy(args(width))
    staged = sc.jit(function, backend="numba")
    assert "@njit" in staged.source(*mine)
    assert "for" not in staged.source(*mine).split("\ndef ")[-1]
    found, wanted = staged(*mine), function(*expected)
    for a, b in zip((*mine, found), (*expected, wanted), strict=True):
        np.testing.assert_equal(a, b)
        assert type(a) is type(b)


@pytest.mark.parametrize("width", [np.int8, np.uint16])
def test_an_integer_of_python_that_does_not_fit(width: Any) -> None:
    def raised(t: Any, step: Any) -> Any:
        for k in range(len(t)):
            step += k
            t[k] = t[k] + step
        return t

    staged = sc.jit(raised, backend="numba")
    np.testing.assert_array_equal(staged(np.zeros(4, width), 3), raised(np.zeros(4, width), 3))
    assert "kernels.within" in staged.source(np.zeros(4, width), 3)
    with pytest.raises(OverflowError):
        staged(np.zeros(4, width), 2**16)


def test_python_integers_that_do_not_fit_are_what_numpy_makes_of_them() -> None:
    def chosen(x: Any, v: int) -> Any:
        return np.where(x > 1, x, v) * x

    def bounded(x: Any, v: int) -> Any:
        y = x.copy()
        for i in range(len(x)):
            y[i] = np.clip(x[i], v, 300)
        return y

    x = np.array([0, 1, 5, 255], np.uint8)
    for program in (chosen, bounded):
        staged = sc.jit(program, backend="numba")
        for v in (3, -1):
            wanted, found = program(x, v), staged(x, v)
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted)


def test_numbers_that_are_stored_have_to_fit_and_elements_of_arrays_are_cut() -> None:
    def numbers(x: Any, y: Any) -> Any:
        for i in range(len(x)):
            y[i] = x[i]
        return y

    def arrays(x: Any, y: Any) -> Any:
        y[:] = x * 2
        y[1:] = x[1:]
        return y

    for kind in (np.int32, np.int64, np.uint16):
        x = np.array([5, 60000], kind)
        with pytest.raises(OverflowError):
            numbers(x, np.zeros(2, np.int16))
        with pytest.raises(OverflowError):
            sc.jit(numbers, backend="numba")(x, np.zeros(2, np.int16))
        staged = sc.jit(arrays, backend="numba")
        assert "_kernel" in staged.source(x, np.zeros(2, np.int16))
        wanted = arrays(x, np.zeros(2, np.int16))
        np.testing.assert_array_equal(staged(x, np.zeros(2, np.int16)), wanted)
