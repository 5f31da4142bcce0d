"""Cotangents of one part of an array: right, and without zeros for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.random.default_rng(3).uniform(0.5, 1.5, size=(6, 4))
W = np.linspace(0.5, 2.0, 24).reshape(6, 4)


def of_rows(x: Any) -> Any:
    return np.sum(np.exp(W * x)[1:-1] ** 2)


def of_an_element(x: Any) -> Any:
    return np.sin(x * x)[2, 1]


def of_every_second_column(x: Any) -> Any:
    return np.sum((x / W)[:, ::2] * W[:, ::2])


def with_a_number(x: Any) -> Any:
    c = x[0, 0] * x[1, 1]
    return np.sum((c * x + c)[2:])


def in_a_loop(x: Any) -> Any:
    y = x
    for _ in range(3):
        k = np.tanh(y + 0.1 * x)
        y = y.copy()
        y[1:] *= k[:-1]
    return np.sum(y)


def where_both_go(x: Any) -> Any:
    y = np.sqrt(x)
    if x[0, 0] > 1.0:
        return np.sum(y[1:])
    return np.sum(y[:-1] * 2)


def two_parts(x: Any) -> Any:
    y = x * x * x
    return np.sum(y[1:] * y[:-1])


def transposed(x: Any) -> Any:
    return np.sum((x * x).T[1] * W.T[2])


def turned_around(x: Any) -> Any:
    y = x[::-1]
    return np.sum(np.exp(y * W)) + np.sum(x[:, ::-1] * y)


def of_rows_of_numbers(x: Any) -> Any:
    return np.sum((x * W)[np.array([1, 1, 3])] ** 2)


def stored(part: Any, factor: Any = 3.0) -> Callable[[Any], Any]:
    """Copies of which one part is stored anew, in the arguments' memory and in their sum."""

    def program(x: Any) -> Any:
        a, b = x.copy(), x.copy()
        a[part] = np.sin(a[part]) * factor
        b[part] *= a[part]
        c = b.copy()
        c[part] = 0.5
        return np.sum(a * b * W) + np.sum(np.exp(c) * x)

    return program


def stored_from_a_place(x: Any) -> Any:
    total = 0.0
    for j in range(-8, 8):
        y = x.copy()
        y[j:] *= W[j:]
        y[:j, 1:] = np.cos(y[:j, 1:])
        total = total + np.sum(y**2)
    return total


PROGRAMS = [
    of_rows, of_an_element, of_every_second_column, with_a_number, in_a_loop, where_both_go,
    two_parts, transposed, turned_around, of_rows_of_numbers, stored_from_a_place,
    *(stored(np.s_[part]) for part in [0, -1, 2]),
    *(stored(np.s_[a:b]) for a, b in [(1, None), (None, 2), (-9, None), (9, None), (1, -1)]),
    *(stored(part) for part in [np.s_[:, 1:], np.s_[:, :-1], np.s_[:, 0], np.s_[::2]]),
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradient(program: Callable[..., Any]) -> None:
    found, want = sc.grad(program)(X), sc.jacfwd(program)(X)
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12)
    twice, mixed = sc.jacrev(sc.grad(program))(X), sc.jacfwd(sc.jacfwd(program))(X)
    np.testing.assert_allclose(twice, mixed, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("program", [of_rows, of_an_element, of_every_second_column])
def test_only_the_gradient_itself_is_made_of_zeros(program: Callable[..., Any]) -> None:
    assert sc.grad(program).source(X).count("zeros") == 1


def test_a_part_is_added_to_what_is_there() -> None:
    def f(x: Any) -> Any:
        return np.sum((2 * x)[1:]) + np.sum(np.sin(x))

    text = sc.grad(f).source(X)
    assert "zeros" not in text
    assert "[1:] +=" in text


def test_what_is_left_of_a_copy_is_added_alone() -> None:
    def f(x: Any, steps: Any) -> Any:
        y = np.ones_like(x)
        for _ in range(steps):
            change = x.copy()
            change[1:] *= y[:-1]
            y = y + change
        return np.sum(y)

    text = sc.grad(f).source(X[0], 3)
    assert "= 0" not in text
    assert ".copy" not in text.partition("y_bar")[2]
    assert "x_bar[:1] +=" in text
    assert "x_bar[1:] +=" in text
    for x in (X[0], X[0, :1], X[0, :0]):
        found = sc.grad(f, backend="numba")(x, 3)
        np.testing.assert_allclose(found, sc.jacfwd(f)(x, 3), rtol=1e-12)


def test_what_is_read_backwards_is_not_added_to_zeros() -> None:
    f = sc.grad(lambda x: np.sum(np.exp(x[::-1])))
    assert "zeros" not in f.source(X)
    assert f(X).flags.c_contiguous


def test_a_part_that_is_stored_anew_is_written_to() -> None:
    def f(x: Any, y: Any) -> Any:
        b = x.copy()
        b[1:] *= y
        return np.sum(b**2)

    text = sc.grad(f).source(X[0], 2.0)
    assert "x_bar[1:] *= y" in text
    assert "= 0" not in text


def test_what_is_not_read_does_not_matter() -> None:
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        found = sc.grad(lambda x: np.sqrt(x)[1])(x)
    np.testing.assert_array_equal(found, [0.0, 0.25])


def test_single_precision_stays() -> None:
    found = sc.grad(lambda x: np.sum((2 * np.exp(x))[1:]))(X.astype(np.float32))
    assert found.dtype == np.float32
