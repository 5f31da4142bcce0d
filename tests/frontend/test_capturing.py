"""Values from outside the staged function that change between calls."""

import copy
import functools
import pickle
from typing import Any

import numpy as np
import pytest

import stagec

FACTOR: Any = 2.0
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "numba"])


def scaled(x: Any) -> Any:
    return np.sum(x * FACTOR)


@BACKENDS
def test_a_number_that_becomes_something_else_is_noticed(backend: str) -> None:
    """Once it has changed it is read at each call, by code for a number of that type."""
    global FACTOR
    f, x = stagec.jit(scaled, backend=backend), np.arange(7)
    for now in (2.0, 3.0, 1j, 5.0, 2, np.arange(7.0), np.float32(1.5), True, 2.0):
        FACTOR = now
        found, wanted = f(x), scaled(x)
        assert (found, type(found)) == (wanted, type(wanted))


@stagec.jit
def doubled(x: Any) -> Any:
    return x * 2.0


def test_compiled_functions_are_copied_and_pickled_by_name() -> None:
    assert doubled(1.5) == 3.0
    assert copy.deepcopy([doubled]) == copy.copy([doubled]) == [doubled]
    assert pickle.loads(pickle.dumps(doubled)) is doubled


def inner(x: Any, k: Any = 2.0, *, s: Any = 1.0) -> Any:
    return x * k * s


def outer(x: Any) -> Any:
    return inner(x) + 1.0


def assert_noticed(
    f: Any, plain: Any, changed: Any, name: str, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The staged function follows a change of an attribute, and its end, as `plain` does."""
    before = plain(3.0)
    assert f(3.0) == before
    with monkeypatch.context() as change:
        change.setattr(changed, name, by)
        assert f(3.0) == plain(3.0) != before
    assert f(3.0) == before


class Tool:
    def apply(self, x: Any) -> Any:
        return x * 2.0


TOOL = Tool()


def by_method(x: Any) -> Any:
    return TOOL.apply(x)


@BACKENDS
@pytest.mark.parametrize(
    ("entry", "changed", "part", "by"),
    [
        (outer, inner, "__code__", (lambda x, k=2.0, *, s=1.0: x - k * s).__code__),
        (outer, inner, "__defaults__", (5.0,)),
        (outer, inner, "__kwdefaults__", {"s": 3.0}),
        (outer, outer, "__code__", (lambda x: inner(x) - 1.0).__code__),
        (inner, inner, "__defaults__", (7.0,)),
        (by_method, Tool.apply, "__code__", (lambda self, x: x * 3.0).__code__),
    ],
)
def test_functions_that_are_changed_in_place_are_noticed(
    backend: str, entry: Any, changed: Any, part: str, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tools do that reload modules, without a new object."""
    f = stagec.jit(entry, backend=backend)
    assert_noticed(f, entry, changed, part, by, monkeypatch)
    assert not any(part in guard for guard in f.explain(3.0).guards)


class Scale:
    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, x: Any) -> Any:
        return self.by * x

    def __add__(self, other: Any) -> Any:
        return Scale(self.by + other.by)

    @property
    def twice(self) -> float:
        return 2.0 * self.by

    @staticmethod
    def shifted(x: Any) -> Any:
        return x + 1.0

    @classmethod
    def named(cls, x: Any) -> Any:
        return x * len(cls.__name__)


class Finer(Scale):
    pass


SCALE = Finer(3.0)


def by_object(x: Any) -> Any:
    made = Finer(x) + Finer(1.0)
    return SCALE(x) + SCALE.twice + SCALE.shifted(x) + SCALE.named(x) + made.by + made(2.0)


@BACKENDS
@pytest.mark.parametrize("cls", [Scale, Finer])
@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("__init__", lambda self, by: setattr(self, "by", by + 1.0)),
        ("__call__", lambda self, x: 5.0 * x),
        ("__add__", lambda self, other: Scale(self.by)),
        ("twice", property(lambda self: 7.0)),
        ("shifted", staticmethod(lambda x: x + 11.0)),
        ("named", classmethod(lambda cls, x: x - 13.0)),
    ],
)
def test_methods_that_are_replaced_are_noticed(
    backend: str, cls: type, name: str, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = stagec.jit(by_object, backend=backend)
    assert_noticed(f, by_object, cls, name, by, monkeypatch)


class Bare:
    pass


def has(item: Any, x: float) -> float:
    return x + (item.late if hasattr(item, "late") else 0.0)


def gets(item: Any, x: float) -> float:
    return x + getattr(item, "late", 0.0)


def tries(item: Any, x: float) -> float:
    try:
        return x + item.late
    except AttributeError:
        return x


def of_made(item: Any, x: float) -> float:
    return has(Bare(), x)


@BACKENDS
@pytest.mark.parametrize("function", [has, gets, tries, of_made])
@pytest.mark.parametrize("argument", [True, False])
def test_attributes_that_were_missing_are_noticed(
    backend: str, function: Any, argument: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Bare()
    if argument:
        f = functools.partial(stagec.jit(function, backend=backend), item)
    else:
        f = stagec.jit(lambda x: function(item, x), backend=backend)
    assert f(3.0) == 3.0
    for where, name, value in (
        (item, "late", 4.0),
        (Bare, "late", 5.0),
        (Bare, "__getattr__", lambda self, name: 6.0),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, value, raising=False)
            assert f(3.0) == function(item, 3.0)
        assert f(3.0) == 3.0


class Bag:
    """Its special methods read what changes between calls."""

    def __init__(self) -> None:
        self.many = 0

    def __len__(self) -> int:
        return self.many

    def __eq__(self, other: object) -> bool:
        return self.many == other

    def __hash__(self) -> int:
        return 0

    def __float__(self) -> float:
        return float(self.many)

    def __abs__(self) -> int:
        return self.many

    def __neg__(self) -> int:
        return -self.many

    def __lt__(self, other: int) -> bool:
        return self.many < other

    def __rsub__(self, other: int) -> int:
        return other - self.many


BAG = Bag()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + (1.0 if BAG else 0.0),
        lambda x: x + (not BAG),
        lambda x: x + (BAG == 2),
        lambda x: x + (BAG != 2),
        lambda x: x + (BAG < 1),
        lambda x: x + (7 - BAG),
        lambda x: x + float(BAG),
        lambda x: x + abs(BAG),
        lambda x: x + -BAG,
    ],
)
def test_what_special_methods_read_is_noticed(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = stagec.jit(function)
    assert_noticed(f, function, BAG, "many", 2, monkeypatch)
