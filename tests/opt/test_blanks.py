"""Additions to what a backward pass has set to zero: where they take its place, and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.opt.parts import edges, encloses, inside, outside, place_of

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(12)


def jacobi(a: Any, b: Any) -> Any:
    """`b` counts for nothing in the end: its adjoint is zero inside before each trip."""
    a, b = a.copy(), b.copy()
    for _ in range(3):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1])
        a[1:-1, 1:-1] = 0.3 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[:-2, 1:-1])
    return np.sum(a**3)


def both_count(a: Any, b: Any) -> Any:
    """The adjoint of `b` is not zero before the first trip."""
    a, b = a.copy(), b.copy()
    for _ in range(3):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1])
        a[1:-1, 1:-1] = 0.3 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[:-2, 1:-1])
    return np.sum(a**3) + np.sum(b**2)


def on_a_line(a: Any, b: Any) -> Any:
    """Some of the additions stay where they are."""
    a, b = a.copy(), b.copy()
    for _ in range(4):
        b[2:-1] = a[3:] - 2.0 * a[2:-1] + a[1:-2] + 0.5 * a[:-3]
        a[1:-2] = np.sin(b[1:-2]) + b[2:-1] + b[:-3] + b[3:]
    return np.sum(a**2)


def space(a: Any, b: Any) -> Any:
    a, b = a.copy(), b.copy()
    for _ in range(2):
        b[1:-1, 1:-1, 1:-1] = (
            a[2:, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1] + a[1:-1, 2:, 1:-1] + a[1:-1, :-2, 1:-1]
            + a[1:-1, 1:-1, 2:] + a[1:-1, 1:-1, :-2]
        )  # fmt: skip
        a[1:-1, 1:-1, 1:-1] = b[1:-1, 1:-1, 1:-1] + b[1:-1, 1:-1, 2:] + b[1:-1, 1:-1, :-2]
    return np.sum(a**2)


def read_in_between(a: Any, b: Any) -> Any:
    """The sum is needed as a whole before the part is set to zero."""
    a, b = a.copy(), b.copy()
    for _ in range(3):
        b[1:-1] = a[2:] + a[:-2] + a[1:-1]
        b = b * 1.5
        a[1:-1] = b[2:] + b[:-2] + b[1:-1]
    return np.sum(a**2)


def other_part(a: Any, b: Any) -> Any:
    """What is zero reaches beyond what is added to."""
    a, b = a.copy(), b.copy()
    for _ in range(3):
        b[1:-1] = a[2:] + a[:-2] + a[1:-1]
        a[:] = 0.5
        a[2:-2] = b[3:-1] + b[1:-3] + b[2:-2]
    return np.sum(a**2)


def one_array(a: Any, b: Any) -> Any:
    """What is added to the zeros alone is part of the sum."""
    a = a.copy()
    for _ in range(3):
        near = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2]
        a[1:-1, 1:-1] = a[1:-1, 1:-1] + 0.1 * (near - 4.0 * a[1:-1, 1:-1])
    return np.sum(a**2) + np.sum(b)


def in_turns(a: Any, b: Any) -> Any:
    """What a trip sets to zero, the next one adds to."""
    a, b = a.copy(), b.copy()
    for _ in range(3):
        near = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2]
        b[1:-1, 1:-1] = a[1:-1, 1:-1] + 0.1 * (near - 4.0 * a[1:-1, 1:-1])
        a, b = b, a
    return np.sum(a**2)


def no_turns(a: Any, b: Any) -> Any:
    a, b = a.copy(), b.copy()
    for _ in range(0):
        near = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2]
        b[1:-1, 1:-1] = a[1:-1, 1:-1] + 0.1 * (near - 4.0 * a[1:-1, 1:-1])
        a, b = b, a
    return np.sum(a**2)


def both_in_turns(a: Any, b: Any) -> Any:
    """What the first trip adds to is not zero."""
    a, b = a.copy(), b.copy()
    for _ in range(4):
        near = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2]
        b[1:-1, 1:-1] = a[1:-1, 1:-1] + 0.1 * (near - 4.0 * a[1:-1, 1:-1])
        a, b = b, a
    return np.sum(a**2) + np.sum(b**3)


def seen_between(a: Any, b: Any) -> Any:
    """The array with the zeros is read as a whole before it is added to."""
    a, b = a.copy(), b.copy()
    for _ in range(4):
        near = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2]
        b[1:-1, 1:-1] = a[1:-1, 1:-1] + 0.1 * (near - 4.0 * a[1:-1, 1:-1])
        b = b * 1.5
        a, b = b, a
    return np.sum(a**2)


ARRAYS: dict[int, Callable[[int], Any]] = {
    1: lambda n: RNG.normal(size=n),
    2: lambda n: RNG.normal(size=(n, n + 1)),
    3: lambda n: RNG.normal(size=(n, n, n)),
}
RANKS = {
    jacobi: 2, both_count: 2, on_a_line: 1, space: 3, read_in_between: 1, other_part: 1,
    one_array: 2, in_turns: 2, no_turns: 2, both_in_turns: 2, seen_between: 2,
}  # fmt: skip


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("program", list(RANKS))
def test_values(program: Callable[..., Any], n: int) -> None:
    a, b = ARRAYS[RANKS[program]](n), ARRAYS[RANKS[program]](n)
    try:
        program(a, b)
    except ValueError:
        return
    plain = sc.value_and_grad(program, argnums=(0, 1))(a, b)
    value, found = sc.value_and_grad(program, argnums=(0, 1), backend="numba")(a, b)
    np.testing.assert_allclose(value, plain[0], rtol=1e-13)
    for got, want in zip(found, plain[1], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def zeroed(program: Callable[..., Any], n: int = 8) -> int:
    """How often the compiled gradient sets elements to zero."""
    a, b = ARRAYS[RANKS[program]](n), ARRAYS[RANKS[program]](n)
    return sc.grad(program, argnums=(0, 1), backend="numba").source(a, b).count("] = 0\n")


@pytest.mark.parametrize(
    ("program", "times"),
    [(jacobi, 0), (space, 0), (both_count, 1), (on_a_line, 2), (one_array, 0)],
)
def test_what_is_set_to_zero(program: Callable[..., Any], times: int) -> None:
    assert zeroed(program) == times


def test_what_a_trip_sets_to_zero_for_the_next_one() -> None:
    a, b = ARRAYS[2](8), ARRAYS[2](8)
    assert zeroed(in_turns) == 1  # behind the loop, as it is a result
    assert "] = 0\n" not in sc.grad(in_turns, backend="numba").source(a, b)


def test_the_edges_are_added_to_apart() -> None:
    a, b = ARRAYS[2](8), ARRAYS[2](8)
    text = sc.grad(jacobi, argnums=(0, 1), backend="numba").source(a, b)
    assert text.count("[0, i] += padded") == 1
    assert text.count("[i + 1, j + 1] += padded") == 0


def test_pieces_around_a_part() -> None:
    whole, part = [(0, 0), (1, 0)], [(1, 0), (1, 2)]
    assert encloses(whole, part)
    assert not encloses(part, whole)
    assert not encloses([(0, 0)], [(5, 5)])
    assert list(edges(whole, part)) == [(0, (0, 0)), ((1, 0), -2), ((1, 0), -1)]
    assert inside(whole, part) == ((1, 0), (0, 2))
    a = np.arange(30).reshape(5, 6)
    seen = [a[_index(place_of(whole, p))] for p in (*edges(whole, part), inside(whole, part))]
    assert sorted(np.concatenate([s.ravel() for s in seen])) == sorted(a[:, 1:].ravel())


def _index(place: Any) -> tuple[Any, ...]:
    return tuple(p if isinstance(p, int) else slice(p[0], -p[1] or None) for p in place)


def test_places_between_zeros() -> None:
    assert outside((1, (0, 0)), (2, 2))
    assert outside((-2, (0, 0)), (2, 2))
    assert not outside((2, (0, 0)), (2, 2))
    assert not outside((-3, (0, 0)), (2, 2))
