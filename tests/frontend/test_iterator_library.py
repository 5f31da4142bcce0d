"""Functions of itertools, functools and operator on staged values, and their gradients."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import stagec as sc

X = np.array([1.5, -2.0, 3.0, 0.5])


def pairs(x: Any) -> Any:
    return sum(a * b**2 for a, b in itertools.combinations(x, 2))


def triples(x: Any) -> Any:
    return sum(a * b**2 * c for a, b, c in itertools.combinations(x, 3))


def with_repeats(x: Any) -> Any:
    return sum(a * b for a, b in itertools.combinations_with_replacement(x, 2))


def orders(x: Any) -> Any:
    return sum(a * b**2 for a, b in itertools.permutations(x, 2))


def all_orders(x: Any) -> Any:
    return sum(a * b**2 * c**3 for a, b, c in itertools.permutations([x[0], x[1], x[2]]))


def grid(x: Any) -> Any:
    return sum(a * b**2 * c for a, b, c in itertools.product(x[:2], x, [1, 2]))


def squares(x: Any) -> Any:
    return sum(a * b**2 for a, b in itertools.product(x, repeat=2))


def indices(x: Any) -> Any:
    total = 0.0
    for i, j in itertools.product(range(len(x)), range(3)):
        total += x[i] * x[j] ** 2
    return total


def held(x: Any) -> Any:
    """What is combined is what the numbers were at the call."""
    x = x.copy()
    total = 0.0
    for a, b in itertools.product(x, x):
        total += a * b
        x[0] = 0.0
    return total


def one_by_one(x: Any) -> Any:
    return sum(a * b for a, b in itertools.product((e for e in x), (e * 2 for e in x)))


def running(x: Any) -> Any:
    sums, products = itertools.accumulate(x), itertools.accumulate(x, operator.mul)
    decayed = itertools.accumulate(x, lambda a, b: a * 0.5 + b, initial=1.0)
    return sum(sums) + sum(products) + sum(decayed)


def chained(x: Any) -> Any:
    rows = [[x[0], x[1]], [x[2]]]
    nested = sum(itertools.chain.from_iterable(rows))
    return sum(e**2 for e in itertools.chain(x, x[1:], [3.0])) * nested


def neighbours(x: Any) -> Any:
    return sum((a - b) ** 2 for a, b in itertools.pairwise(x))


def chosen(x: Any) -> Any:
    taken = itertools.takewhile(lambda e: e > -3, x)
    dropped = itertools.dropwhile(lambda e: e > 0, x)
    negative = itertools.filterfalse(lambda e: e > 0, x)
    return sum(taken) + 2 * sum(dropped) + 3 * sum(negative)


def repeated(x: Any) -> Any:
    total = 0.0
    for y in itertools.repeat(x, len(x) - 1):
        total = total * 0.5 + y[0] * y
    return np.sum(total)


def filled(x: Any) -> Any:
    short = itertools.zip_longest([x[0], x[1], x[2]], [x[3]], fillvalue=2.0)
    long = itertools.zip_longest(x, x[1:], [2.0], fillvalue=0.5)
    return sum(a * b for a, b in short) + sum(a * b * c for a, b, c in long)


def compressed(x: Any) -> Any:
    return sum(itertools.compress(x, [1, 0, 1, 1]))


def starred(x: Any) -> Any:
    return sum(itertools.starmap(lambda a, b: a * b**2, [(x[0], x[1]), (x[2], x[3])]))


@functools.wraps(np.sum)  # which makes NumPy its module
def total_of(x: Any) -> Any:
    return np.sum(x) / 2


def decorated(x: Any) -> Any:
    def doubled(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any) -> Any:
            return 2.0 * function(*args)

        return inner

    def twice(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(function(*args, **kwargs), **kwargs)

        return inner

    @twice
    def square(y: Any, scale: float = 1.0) -> Any:
        return y * y * scale

    return doubled(np.sum)(square(x, scale=0.5)) * total_of(x)


class Pair(NamedTuple):
    a: Any
    b: Any


def getters(x: Any) -> Any:
    rows = {"b": x, "a": x * 2}
    total = 0.0
    for k, (_, row) in enumerate(sorted(rows.items(), key=operator.itemgetter(0))):
        total = total + (k + 1) * np.sum(row**2)
    both = [operator.itemgetter(1, 0)((x[0], x[1]))[0], operator.attrgetter("b.T")(Pair(x, x))]
    summed = operator.methodcaller("sum", axis=0)(x)
    shaped = operator.methodcaller("reshape", 2, 2)(x)
    return total * both[0] + np.sum(both[1] * summed) + shaped[1, 0]


def grouped(x: Any) -> Any:
    groups = itertools.groupby([x[0], x[1], x[2], x[3]], key=lambda v: 1)
    total = sum([sum(g) ** 2 for _, g in groups])
    for key, group in itertools.groupby([1, 1, 2, 3, 3]):
        total += x[key] * len(list(group))
    over = list(itertools.groupby("aab"))
    return total + x[0] * sum([len(list(g)) for _, g in over])


PROGRAMS: list[Callable[[Any], Any]] = [
    pairs, triples, with_repeats, orders, all_orders, grid, squares, indices, held, one_by_one,
    running, chained, neighbours, chosen, compressed, repeated, filled, starred, decorated,
    getters, grouped,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_values_and_gradients(program: Any) -> None:
    np.testing.assert_allclose(sc.jit(program)(X), program(X), rtol=1e-12)
    steps = 1e-6 * np.eye(len(X))
    slopes = [(program(X + s) - program(X - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(sc.grad(program)(X), slopes, rtol=1e-6, atol=1e-8)
