"""Operators and methods of sets, `|` of dicts, and what they leave in the caller's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.3, 1.2, -0.7, 2.1, 0.9])


def merged(x: Any) -> Any:
    d = {"a": x[0], "b": x[1]} | {"b": x[2]}
    same = d
    d |= {"c": x[3] ** 2}
    return d["a"] * d["b"] + same["c"] * len(d)


def operators(x: Any) -> Any:
    s = {0, 1} | {2}
    t = s & {1, 2}
    u = s - t
    v = s ^ {0, 4}
    same = s
    s |= {4}
    s -= {0}
    more = 1.0 if t <= s and not s < t and t != s else 0.0
    return sum(x[i] ** 2 for i in s) + len(t) + 2 * len(u) + 3 * len(v) + more + 5 * len(same)


def methods(x: Any) -> Any:
    s = {0, 1}
    t = s.union([2, 3], (4,))
    t.discard(7)
    t.remove(2)
    t.update({0}, range(2))
    t.difference_update([1])
    shared = s.intersection(t) | s.symmetric_difference({9})
    told = s.issubset(t) + 2 * t.isdisjoint({8}) + 4 * t.issuperset([0])
    return sum(x[i] ** 2 for i in t) * len(shared) + told


def ordered(x: Any) -> Any:
    total = 0.0
    for k in {3, 1, 2}:
        total = total * 0.5 + x[k]
    return total


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [merged, operators, methods, ordered])
def test_sets_and_dicts(f: Callable[..., Any], backend: str) -> None:
    np.testing.assert_allclose(sc.jit(f, backend=backend)(X), f(X), rtol=1e-12)
    found = sc.grad(f, backend=backend)(X)
    steps = np.eye(X.size) * 1e-6
    expected = [(f(X + h) - f(X - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def test_the_dict_of_the_caller_is_merged_into() -> None:
    def f(d: Any) -> None:
        d |= {"b": d["a"] * 2}

    expected = {"a": X.copy()}
    found = copy.deepcopy(expected)
    f(expected)
    sc.jit(f)(found)
    assert found.keys() == expected.keys()
    np.testing.assert_array_equal(found["b"], expected["b"])


def test_removing_what_is_not_there_raises() -> None:
    def f(x: Any) -> Any:
        {0}.remove(x.ndim)
        return x

    with pytest.raises(KeyError, match="1"):
        sc.jit(f)(X)
