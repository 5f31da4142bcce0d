"""What objects outside hold may change between calls: staging that read it notices."""

import functools
import math
import operator
from collections import Counter, deque
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import stagec

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "numba"])


class Bag:
    """An object whose special methods say what it holds."""

    def __init__(self) -> None:
        self.n = 0

    def __index__(self) -> int:
        return self.n

    def __str__(self) -> str:
        return str(self.n)

    def __format__(self, spec: str) -> str:
        return f"bag {self.n}{spec}"

    def __iter__(self) -> Any:
        return iter(range(self.n))

    def __len__(self) -> int:
        return self.n

    def __eq__(self, other: object) -> bool:
        return self.n == other

    def __hash__(self) -> int:
        return hash(self.n)


@dataclass
class Point:
    n: int = 0


class Slotted:
    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0

    def __float__(self) -> float:
        return 1.0 * self.n


BAG, POINT, SPACE, SLOTTED = Bag(), Point(), SimpleNamespace(n=0), Slotted()
LIST: list[Any] = []
NESTED: tuple[Any, ...] = (1, LIST)
POINTS = [POINT]
SET: set[int] = set()
QUEUE: deque[int] = deque()
COUNTS: Counter[str] = Counter()
LOOP: list[Any] = [LIST]
LOOP.append(LOOP)
ROW = np.zeros(2)
HOLDER = SimpleNamespace(row=ROW)
BYTES = bytearray(b"a")


def become(n: int) -> None:
    """Let everything hold `n`."""
    BAG.n = POINT.n = SPACE.n = SLOTTED.n = n
    LIST[:] = [n] * n
    SET.clear()
    SET.update(range(n))
    QUEUE.clear()
    QUEUE.extend(LIST)
    COUNTS.clear()
    COUNTS["a"] = n
    ROW[:] = n
    BYTES[:] = b"a" * n


PROGRAMS: dict[str, Any] = {
    "subscript": lambda x: x + [1, 2, 3, 4][BAG],
    "slice": lambda x: x + len([1, 2, 3, 4][:BAG]),
    "part": lambda x: x + np.zeros(5)[BAG:].shape[0],
    "range": lambda x: x + sum(range(BAG)),
    "range of": lambda x: x + range(5)[BAG],
    "str": lambda x: x + (str(BAG) == "2"),
    "f-string": lambda x: x + (f"{BAG:!}" == "bag 2!"),
    "conversion": lambda x: x + (f"{BAG!s}" == "2"),
    "format": lambda x: x + (format(BAG) == "bag 2"),
    "template": lambda x: x + ("{}".format(BAG) == "bag 2"),  # noqa: UP032
    "percent": lambda x: x + ("%s" % BAG == "2"),  # noqa: UP031
    "percents": lambda x: x + ("%s" % (BAG,) == "2"),  # noqa: UP031
    "list repeated": lambda x: x + ([1] * BAG).count(1),
    "extreme": lambda x: x + max(BAG, default=7),
    "sorted": lambda x: x + len(sorted(BAG)),
    "tuple": lambda x: x + len(tuple(BAG)),
    "starred": lambda x: x + len([*BAG]),
    "set of": lambda x: x + len(set(BAG)),
    "key": lambda x: x + {0: 1.0, 2: 3.0, 3: 5.0}[BAG],  # type: ignore[index]
    "count of": lambda x: x + [2, 3].count(BAG),  # type: ignore[arg-type]
    "math": lambda x: x + math.sqrt(BAG),
    "next": lambda x: x + operator.index(BAG),
    "reduce": lambda x: x + functools.reduce(operator.add, BAG, 0),
    "dataclass": lambda x: x + (str(POINT) == "Point(n=2)"),
    "dataclass in a list": lambda x: x + (repr([POINT]) == "[Point(n=2)]"),
    "list of dataclasses": lambda x: x + (str(POINTS) == "[Point(n=2)]"),
    "namespace": lambda x: x + (str(SPACE) == "namespace(n=2)"),
    "slots": lambda x: x + math.floor(math.sqrt(SLOTTED)),
    "list as text": lambda x: x + (f"{LIST}" == "[2, 2]"),
    "list counted": lambda x: x + LIST.count(2),
    "list of NumPy's": lambda x: x + np.sum(LIST),
    "nested": lambda x: x + (str(NESTED) == "(1, [2, 2])"),
    "itself": lambda x: x + len(str(LOOP)),
    "set": lambda x: x + sum(SET),
    "set's length": lambda x: x + len(SET),
    "set's member": lambda x: x + (1 in SET),
    "set's union": lambda x: x + len(SET | {7}),
    "set's method": lambda x: x + SET.issuperset({1}),
    "deque": lambda x: x + sum(QUEUE),
    "deque as list": lambda x: x + len(list(QUEUE)),
    "counter": lambda x: x + len(repr(COUNTS)),
    "bytes": lambda x: x + len(BYTES),
    "array held": lambda x: x + len(str(HOLDER)),
}


@BACKENDS
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_an_object_holds_is_relied_on_where_python_reads_it(
    name: str, backend: str
) -> None:
    """The object stays the same one; what it holds does not."""
    f = stagec.jit(PROGRAMS[name], backend=backend)
    for n in (0, 2, 2, 3, 0):
        become(n)
        assert f(1.0) == PROGRAMS[name](1.0)


def test_that_it_is_this_object_is_all_that_some_code_relies_on() -> None:
    """What it holds is not read by a comparison of identity, nor by the truth of it."""

    @stagec.jit
    def f(x: Any, m: Any = POINT) -> Any:
        return x * 2.0 if m is POINT and POINT else x

    for n in range(4):
        POINT.n = n
        assert f(1.0) == 2.0
    assert len(f.explain(1.0).specialisations) == 1


def with_options(x: Any, *, scale: Any = 1.0) -> Any:
    return x * scale


@BACKENDS
def test_a_default_set_in_place_is_noticed(backend: str) -> None:
    f = stagec.jit(with_options, backend=backend)
    held: Any = with_options.__kwdefaults__
    for scale in (1.0, 5.0, 5, 1.0):
        held["scale"] = scale
        found = f(2.0)
        assert (found, type(found)) == (2.0 * scale, float)


@BACKENDS
def test_a_class_that_begins_to_say_what_is_true_is_noticed(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = stagec.jit(lambda x: x * 2.0 if POINT else x, backend=backend)
    assert f(1.0) == 2.0
    with monkeypatch.context() as change:
        change.setattr(Point, "__bool__", lambda self: False, raising=False)
        assert f(1.0) == 1.0
    assert f(1.0) == 2.0


@BACKENDS
def test_a_class_that_begins_to_say_how_attributes_are_set_is_noticed(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(x: Any) -> Any:
        bag.held = x
        return bag.held

    bag: Any = Bag()
    f = stagec.jit(store, backend=backend)
    assert f(1.0) == bag.held == 1.0
    with monkeypatch.context() as change:
        change.setattr(Bag, "__setattr__", lambda s, k, v: object.__setattr__(s, k, v * 3.0))
        assert f(1.0) == bag.held == 3.0
    assert f(1.0) == bag.held == 1.0
