"""Values from outside the staged function that change between calls."""

import copy
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
    before = entry(3.0)
    assert f(3.0) == before
    with monkeypatch.context() as change:
        change.setattr(changed, part, by)
        assert f(3.0) == entry(3.0) != before
    assert f(3.0) == before
    assert not any(part in guard for guard in f.explain(3.0).guards)
