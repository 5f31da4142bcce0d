"""Special methods of objects outside that Python calls: what they read is relied on."""

import functools
import itertools
import math
import operator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import stagec
from stagec.errors import StagecError
from stagec.frontend.sources import Constant, Global

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "numba"])

COUNT = 1
SETTINGS = {"count": 1}
MODULE = ModuleType("settings_of_test")


def become(n: int) -> None:
    """Let everything that the methods read be `n`."""
    global COUNT
    COUNT = SETTINGS["count"] = n
    Bag.held = n
    setattr(MODULE, "count", n)  # noqa: B010


def helper() -> int:
    return COUNT


def holding(n: int) -> Any:
    """An object whose method reads a variable of the function around it."""

    def grow(by: int) -> None:
        nonlocal n
        n = by

    class Holding:
        def __str__(self) -> str:
            return str(n)

    return Holding(), grow


class Bag:
    held = 1

    def __index__(self) -> int:
        return COUNT

    def __str__(self) -> str:
        return self.word()

    def word(self) -> str:
        return str(helper())

    def __format__(self, spec: str) -> str:
        return f"{spec}{SETTINGS['count']}"

    def __hash__(self) -> int:
        return self.held

    def __eq__(self, other: object) -> bool:
        return self.held == other

    def __iter__(self) -> Any:
        return iter(range(COUNT))

    def __len__(self) -> int:
        return COUNT

    @property
    def number(self) -> int:
        return getattr(MODULE, "count")  # noqa: B009

    def __repr__(self) -> str:
        return str([self.number for _ in range(COUNT)])


@dataclass(frozen=True)
class Frozen:
    def __index__(self) -> int:
        return helper()


BAG, FROZEN = Bag(), Frozen()
HOLDING, GROW = holding(1)
become(1)

PROGRAMS: dict[str, Any] = {
    "subscript": lambda x: x + list(range(9))[BAG],
    "slice": lambda x: x + len(list(range(9))[:BAG]),
    "range": lambda x: x + sum(range(FROZEN)),
    "shape": lambda x: x + np.zeros((FROZEN, 2)).size,
    "str": lambda x: x + (str(BAG) == "2"),
    "f-string": lambda x: x + (f"{BAG:!}" == "!2"),
    "format": lambda x: x + (format(BAG) == "2"),
    "percent": lambda x: x + ("%s" % (BAG,) == "2"),  # noqa: UP031
    "repr of a list": lambda x: x + (repr([BAG]) == "[[2, 2]]"),
    "key": lambda x: x + {1: 1.0, 2: 3.0, 3: 5.0}[BAG],  # type: ignore[index]
    "member of a set": lambda x: x + (BAG in {2}),
    "count of": lambda x: x + [2, 3].count(BAG),  # type: ignore[arg-type]
    "repeated": lambda x: x + ([1] * BAG).count(1),
    "extreme": lambda x: x + max(BAG, default=7),
    "starred": lambda x: x + len([*BAG]),
    "tuple": lambda x: x + len(tuple(BAG)),
    "math": lambda x: x + math.sqrt(BAG),
    "reduced": lambda x: x + functools.reduce(operator.add, BAG, 0),
    "iterator": lambda x: x + len(list(itertools.repeat(1, BAG))),  # type: ignore[arg-type]
    "closure": lambda x: x + (str([HOLDING, str(HOLDING)]) != "") + (str(HOLDING) == "2"),
}


@BACKENDS
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_special_method_reads_is_relied_on(name: str, backend: str) -> None:
    """The object holds nothing; variables, attributes of classes and modules change."""
    f = stagec.jit(PROGRAMS[name], backend=backend)
    for n in (1, 2, 2, 3, 1):
        become(n)
        GROW(n)
        assert f(1.0) == PROGRAMS[name](1.0)


def test_another_method_in_its_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    become(1)
    f = stagec.jit(lambda x: x + len(str([BAG, f"{BAG}"])))
    assert f(1.0) == 1.0 + len(str([BAG, "1"]))
    with monkeypatch.context() as change:
        change.setattr(Bag, "__repr__", lambda self: "another")
        assert f(1.0) == 1.0 + len(str([BAG, "1"]))
    with monkeypatch.context() as change:
        change.setattr(Bag, "number", 12345)
        assert f(1.0) == 1.0 + len(str([BAG, "1"]))


def test_a_variable_that_staged_code_sets_is_not_read_as_it_was_before() -> None:
    def f(x: Any) -> Any:
        global COUNT
        COUNT = 2
        return x + len(str([0] * BAG))

    with pytest.raises(StagecError, match="COUNT, which staged code changes"):
        stagec.jit(f)(1.0)


def test_an_object_that_is_only_compared_by_identity_costs_nothing() -> None:
    f = stagec.jit(lambda x: x * 2.0 if BAG is not None else x)
    for n in (1, 2, 3):
        become(n)
        assert f(1.0) == 2.0
    assert len(f.explain(1.0).specialisations) == 1


class Model:
    def __init__(self) -> None:
        self.rate = 2.0

    def apply(self, x: Any) -> Any:
        return x * self.rate

    @property
    def twice(self) -> Any:
        return self.rate * 2

    @staticmethod
    def fixed(x: Any) -> Any:
        return x + 1


MODEL: Any = Model()


def made(x: Any) -> Any:
    model: Any = Model()
    model.rate = x
    return model.apply(x)


def kept(x: Any) -> Any:
    MODEL.kept = x
    return MODEL.kept


METHODS: dict[str, Any] = {
    "method": lambda x: MODEL.apply(x),
    "static": lambda x: MODEL.fixed(x),
    "property": lambda x: MODEL.twice * x,
    "attribute": lambda x: MODEL.rate * x,
    "text": lambda x: x + len(str([str(MODEL)])),
    "made": made,
    "kept": kept,
}


def read(self: Any, name: str) -> Any:
    found = object.__getattribute__(self, name)
    return found * 10 if isinstance(found, float) else found


def replaced(self: Any, name: str) -> Any:
    found = object.__getattribute__(self, name)
    return found if isinstance(found, float) else lambda x: x * 100


CHANGES: dict[str, tuple[Any, str, Any]] = {
    "of the object": (MODEL, "apply", lambda x: x * 55),
    "another static": (MODEL, "fixed", lambda x: x * 55),
    "of the class": (Model, "apply", lambda self, x: x * 44),
    "reader": (Model, "__getattribute__", read),
    "another reader": (Model, "__getattribute__", replaced),
    "setter": (Model, "__setattr__", lambda s, k, v: object.__setattr__(s, k, v * 3)),
    "text": (Model, "__str__", lambda self: "a model"),
    "representation": (Model, "__repr__", lambda self: "model"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", METHODS)
def test_methods_that_an_object_gets_later_are_noticed(
    name: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (name, change) in (("property", "another reader"), ("kept", "another reader")):
        return  # Python cannot compute with what it reads either
    f = stagec.jit(METHODS[name])
    assert f(3.0) == METHODS[name](3.0)
    with monkeypatch.context() as m:
        m.setattr(*CHANGES[change], raising=False)
        assert f(3.0) == METHODS[name](3.0)
    assert f(3.0) == METHODS[name](3.0)


def test_what_else_a_module_holds_is_never_shown() -> None:
    """Noting that a number changes asks no object outside for its text."""

    def fails(self: Any) -> str:
        raise AssertionError

    space: dict[str, Any] = {"count": 1.0, "other": type("Other", (), {"__repr__": fails})()}
    assert "Other" not in repr(Global(space, "count")) + repr(Constant(space["other"], "other"))
