"""Attributes that classes compute, and what they do when one is set or deleted."""

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

import stagec as sc
from tests.frontend.test_protocols import check


class Tenfold:
    def __set_name__(self, owner: type, name: str) -> None:
        self.name = "_" + name

    def __get__(self, owner: Any, cls: type) -> Any:
        return getattr(owner, self.name) * 10

    def __set__(self, owner: Any, value: Any) -> None:
        setattr(owner, self.name, value + 1)


class Computed:
    d = Tenfold()

    def __init__(self, a: Any) -> None:
        self.a = a

    @functools.cached_property
    def twice(self) -> Any:
        return self.a * 2

    @property
    def fixed(self) -> Any:
        return self.a + 1


class Doubling:
    def __init__(self, a: Any) -> None:
        super().__init__()
        self.a = a

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__("_" + name, value * 2)

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name) + 1


class Bunch:
    def __init__(self, **named: Any) -> None:
        self.__dict__.update(named)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "b", self.a * 2)


class Celsius:
    def __init__(self, c: Any) -> None:
        self.c = c

    @property
    def f(self) -> Any:
        return self.c * 1.8 + 32

    @f.setter
    def f(self, value: Any) -> None:
        self.c = (value - 32) / 1.8


class Tally:
    total = 0
    held: Any = None

    def add(self, value: Any) -> None:
        self.total += value
        Tally.total += 10 * value


class Sub(Tally):
    pass


class Slotted:
    __slots__ = ("a", "b")


class Given:
    def __init__(self, a: Any) -> None:
        self.a = a

    @functools.cached_property
    def twice(self) -> Any:
        return self.a * 2

    @property
    def d(self) -> Any:
        return self.a

    @d.setter
    def d(self, value: Any) -> None:
        self.a = value

    def __abs__(self) -> Any:
        return self.a


def described(x: Any, n: Any) -> Any:
    v = Computed(x)
    v.d = n
    before = v.twice
    v.a = n
    return v.d, before, v.twice, Computed(n).twice


def changed_in_place(x: Any, n: Any) -> Any:
    """An array that a property computes is given to its setter, changed."""
    u, v, w = Celsius(x * np.ones(2)), Doubling(x), Frozen(x * np.ones(2))
    u.f += n
    u.f *= 2
    v.b = np.ones(2)
    v.b += n
    try:
        w.a += 1  # type: ignore[misc]
    except dataclasses.FrozenInstanceError:
        u.c *= 2
    return u.c, v._b, w.a


def no_setter_in_place(x: Any, n: Any) -> Any:
    v: Any = Computed(x * np.ones(2))
    v.fixed += n


def written_to_the_class(x: Any, n: Any) -> Any:
    """What staged code writes to a class is what its objects, and its subclasses, have."""
    a, b = Tally(), Sub()
    a.add(n)
    b.add(x)
    Tally.held = np.ones(2)
    a.held += n
    Tally.held = None
    seen = a.total, b.total, Tally.total, Sub.total, a.held, b.held
    Tally.total = 0
    return seen


def no_setter(x: Any, n: Any) -> Any:
    v: Any = Computed(x)
    v.fixed = n


def own_ways(x: Any, n: Any) -> Any:
    v = Doubling(x)
    v.b = n
    return v._a, v._b, Frozen(x).b


def attributes_as_dict(x: Any, n: Any) -> Any:
    v: Any = Bunch(a=x, b=n)
    v.__dict__["c"] = 5
    d = v.__dict__
    v.a = n
    return v.b, v.c, d["a"], d


def deleted(x: Any, n: Any) -> Any:
    v = Computed(x)
    del v.a
    return v.a


class SlottedWithMethod:
    __slots__ = ("a",)

    def m(self) -> int:
        return 1


def unset_slot(x: Any, n: Any) -> Any:
    v = Slotted()
    v.a = x
    return hasattr(v, "b"), v.a, v.b


def absent_slot(x: Any, n: Any) -> Any:
    v: Any = Slotted()
    v.a = x
    try:
        v.c = n
    except AttributeError as error:
        return v.a, "has no attribute 'c'" in str(error), hasattr(v, "c")
    return v.c


def method_of_slotted(x: Any, n: Any) -> Any:
    v = SlottedWithMethod()
    try:
        v.m = x
    except AttributeError as error:
        return n, str(error)
    return x


FUNCTIONS = [
    described, changed_in_place, written_to_the_class, no_setter_in_place, no_setter, own_ways,
    attributes_as_dict, deleted, unset_slot,
    absent_slot, method_of_slotted,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_attributes(f: Any) -> None:
    check(f, 2.5, 3)


def test_objects_of_the_caller_are_read_as_they_are_by_now() -> None:
    def f(v: Any, n: Any) -> Any:
        v.d = n
        return v.twice, abs(v), v is v

    for backend in ("numpy", "numba"):
        v, w = Given(2.0), Given(2.0)
        assert sc.jit(f, backend=backend)(v, 3) == f(w, 3)
        assert vars(v) == vars(w)
