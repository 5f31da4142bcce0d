"""`copy.copy` and `copy.deepcopy` in staged code."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

TABLE = [1.0, [2.0]]


class Pair:
    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


class Own:
    def __init__(self, a: Any) -> None:
        self.a = a

    def __deepcopy__(self, memo: Any) -> Any:
        return Own(7.0)


def arrays(x: Any) -> Any:
    y, z = copy.copy(x), copy.deepcopy(x[::2])
    y[0], z[1] = 3.0, 4.0
    return x, y, z, copy.copy((x[0], 1)), copy.deepcopy(x[1])


def lists(x: Any) -> Any:
    a = [x.copy(), [2.0]]
    b, c = copy.copy(a), copy.deepcopy(a)
    b.append(1.0)
    c[1].append(x[0])
    a[0][0] = 5.0
    return a, b, c


def dicts_and_sets(x: Any) -> Any:
    a = {"a": x, "b": [1.0]}
    b, c = copy.copy(a), copy.deepcopy(a)
    b["a"] = x * 2
    b["b"].append(x[0])
    s = {1, 2}
    t = copy.copy(s)
    t.add(3)
    return a, b, c, s, t


def objects(x: Any) -> Any:
    p = Pair(x.copy(), 1.0)
    q, r = copy.copy(p), copy.deepcopy(p)
    q.b = 2.0
    q.a[0] = 9.0
    return p.a, p.b, q.a, q.b, r.a, r.b


def shared(x: Any) -> Any:
    """What is met twice is copied once."""
    inner = [x[0]]
    a = [inner, inner, x, x]
    b = copy.deepcopy(a)
    b[0].append(1.0)
    b[2][1] = 7.0
    p = Pair(x, None)
    p.b = [p]
    q = copy.deepcopy(p)
    q.b[0].a = x * 2
    return a, b, q.a, p.a


def of_run_time_length(x: Any) -> Any:
    a = [v for v in x]  # noqa: C416
    rows = [[v] for v in x]
    b, c, d = copy.copy(a), copy.deepcopy(a), copy.deepcopy(rows)
    b.append(x[0])
    c[0] = x[1]
    d[0].append(x[2])
    return a, b, c, rows, d


def captured(x: Any) -> Any:
    a, b = copy.deepcopy(TABLE), copy.deepcopy([x, TABLE])
    a[1].append(x[0])  # type: ignore[union-attr]
    b[1][1].append(x[1])
    known = [1, 2]
    c = copy.copy(known)
    c.append(x[0])
    return a, b, c, known, TABLE


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "f", [arrays, lists, dicts_and_sets, objects, shared, of_run_time_length, captured]
)
def test_as_in_python(f: Callable[..., Any], backend: str) -> None:
    x = np.array([1.5, -2.0, 3.0])
    assert repr(sc.jit(f, backend=backend)(x.copy())) == repr(f(x.copy()))


def views(x: Any) -> Any:
    return copy.deepcopy([x[1:], x[1:]])


def own_way(x: Any) -> Any:
    return copy.deepcopy(Own(x)).a


@pytest.mark.parametrize("f", [views, own_way])
def test_refused(f: Callable[..., Any]) -> None:
    """Two views may be one object or two; a class may say how its objects are copied."""
    with pytest.raises(sc.StagecError, match="SC321"):
        sc.jit(f)(np.ones(3))


def test_the_gradient_of_a_copy() -> None:
    slope = sc.grad(lambda x: np.sum(copy.deepcopy([x * x])[0]))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(slope, [2.0, 4.0])
