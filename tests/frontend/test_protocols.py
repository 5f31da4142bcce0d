"""Operators, builtins and texts ask the user's classes as in Python."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import stagec as sc


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    try:
        return f(*args)
    except (TypeError, AttributeError, KeyError) as error:
        return type(error), str(error).split("\n")[0]


def check(f: Callable[..., Any], *args: Any) -> None:
    for backend in ("numpy", "numba"):
        got, want = outcome(sc.jit(f, backend=backend), *args), outcome(f, *args)
        assert repr(got) == repr(want)


class Scaled:
    def __init__(self, a: Any) -> None:
        self.a = a

    def __abs__(self) -> Any:
        return abs(self.a)

    def __round__(self, n: int = 0) -> Any:
        return round(self.a, n)

    def __float__(self) -> float:
        return float(self.a)

    def __divmod__(self, other: Any) -> Any:
        return self.a // other, self.a % other

    def __reversed__(self) -> Any:
        return [self.a, 2]

    def __delitem__(self, k: Any) -> None:
        self.a = self.a - k

    def __str__(self) -> str:
        return f"<{self.a}>"

    def __repr__(self) -> str:
        return f"Scaled {self.a}"

    def __format__(self, spec: str) -> str:
        return format(self.a, spec) if spec else "plain"

    def __eq__(self, other: object) -> bool:
        return NotImplemented

    def __add__(self, other: Any) -> Any:
        return NotImplemented

    def __sub__(self, other: Any) -> Any:
        return "Scaled", self.a - other.a

    def __rsub__(self, other: Any) -> Any:
        return "back", other.a - self.a

    def __isub__(self, other: Any) -> Any:
        return NotImplemented


class Heir(Scaled):
    pass


class Overriding(Scaled):
    def __rsub__(self, other: Any) -> Any:
        return "first", other.a - self.a


class Right:
    def __init__(self, a: Any) -> None:
        self.a = a

    def __radd__(self, other: Any) -> Any:
        return self.a + other.a

    def __eq__(self, other: object) -> bool:
        return True


@functools.total_ordering
class Ranked:
    def __init__(self, a: Any) -> None:
        self.a = a

    def __lt__(self, other: Any) -> Any:
        return self.a < other.a

    def __eq__(self, other: Any) -> bool:
        return self.a == other.a


@dataclasses.dataclass(order=True)
class Point:
    a: float
    b: int = 2
    c: float = dataclasses.field(default=1.0, repr=False)


class Pair(NamedTuple):
    x: float
    y: int


def builtins_(x: Any, n: Any) -> Any:
    v: Any = Scaled(x)
    del v[n]
    return abs(v), round(v, 1), float(v), divmod(v, 2), list(reversed(v)), n.__class__


def texts(x: Any, n: Any) -> Any:
    v, p = Scaled(x), Point(x, n)
    plain = f"{v}", f"{v:.2f}", f"{v!s} {v!r} {[v]}", str(v), repr(v)
    return *plain, f"{p} {Pair(x, n)}", str([p]), repr(Point(n))


def not_implemented(x: Any, n: Any) -> Any:
    v = Scaled(x)
    v -= Scaled(n)
    return Scaled(x) + Right(n), Scaled(x) == Right(n), Scaled(x) == 3, Scaled(x) != 3, v


def neither_side(x: Any, n: Any) -> Any:
    return Scaled(x) + n


def not_ordered(x: Any, n: Any) -> Any:
    return x < Scaled(n)


def subclasses(x: Any, n: Any) -> Any:
    return Scaled(x) - Heir(n), Scaled(x) - Overriding(n), Overriding(x) - Scaled(n)


def orders(x: Any, n: Any) -> Any:
    a, b = Ranked(x), Ranked(n + 0.5)
    given = a < b, a > b, a <= b, a >= b, max(a, b).a, min(a, b).a
    return *given, Point(x) < Point(x, n), Point(n) >= Point(x)


FUNCTIONS = [
    builtins_, texts, not_implemented, neither_side, not_ordered, subclasses, orders,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_classes_are_asked(f: Any) -> None:
    check(f, 2.5, 3)


def test_an_array_and_an_object_are_refused() -> None:
    """NumPy adds the object to each element: an array of objects."""
    with pytest.raises(sc.StagecError, match="SC309"):
        sc.jit(lambda x: x + Right(Right(2.0)))(np.arange(3.0))


def test_equal_keys_are_one_key() -> None:
    def f(x: Any, n: Any) -> Any:
        d: dict[Any, Any] = {1: x}
        d[True] = n
        d[1.0] = d[1] + 1
        return d, len(d), d.get(1.0)

    check(f, 2.5, 3)


def test_nothing_is_reduced_to_an_error() -> None:
    def f(x: Any) -> Any:
        return functools.reduce(lambda a, b: a * b, [v for v in x if v > 100])

    check(f, np.arange(3.0))


class Unplaced:
    pass


class Place:
    def __init__(self, k: int) -> None:
        self.k = k

    def __index__(self) -> int:
        return self.k


def placed(x: Any, n: Any) -> Any:
    a = np.arange(6.0).reshape(3, 2) * x
    a[Place(1)] = n
    a[Place(2), Place(0)] += 1
    return a[Place(0) :, Place(1)].tolist(), a[Place(n)].tolist(), a[slice(Place(2))].tolist()


def test_objects_as_indices_of_arrays() -> None:
    check(placed, 1.5, 2)


def test_objects_that_are_no_indices() -> None:
    with pytest.raises(sc.StagecError, match="SC312"):
        sc.jit(lambda x: x[Unplaced()])(np.ones(3))
