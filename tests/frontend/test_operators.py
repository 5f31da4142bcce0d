"""Functions that do what syntax does: the operator module, `slice`, `isinstance` and others."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc


def of_lists(x: Any, n: Any) -> Any:
    return (
        operator.add([x], [n]),
        operator.mul((x,), 2),
        operator.getitem([x, n], 1),
        operator.lt((x, 1), (x, n)),
        functools.reduce(operator.concat, [[x], [n], [x]]),
    )


def equal_or_not(x: Any, n: Any) -> Any:
    return (
        *(operator.eq(x, None), operator.ne(n, None), operator.eq("a", n), n != "a"),
        *(operator.eq([x], [x]), operator.contains([1, n], n)),
        *(operator.is_(x, None), operator.is_not(x, None)),
    )


def in_place(x: Any, n: Any) -> Any:
    a = np.ones(3) * x
    operator.iadd(a, n)
    b = operator.imul(a, 2)
    operator.setitem(a, 1, x)
    items = [x]
    operator.iadd(items, [n])
    return b, operator.isub(x, n), operator.ior(n, 8), items, operator.neg(a)


def slices(x: Any, n: Any) -> Any:
    a = np.arange(10) * x
    return a[slice(1, n)], a[slice(n)], a[slice(1, n, 2)], a[slice(None, n)], a[slice(1, 3)]


def classes(x: Any, n: Any) -> Any:
    return (
        *(isinstance(x, (int, (float, complex))), isinstance(n, (str, (int, str)))),
        *(isinstance([x], (tuple, (list,))), isinstance(x, float | None), isinstance(n, str)),
        *(str(object=3), str(object=x), str(object=x > 1)),
    )


@pytest.mark.parametrize(
    "program", [of_lists, equal_or_not, in_place, slices, classes], ids=lambda p: p.__name__
)
def test_as_python(program: Callable[..., Any]) -> None:
    for n in (3, 5):
        assert repr(sc.jit(program)(2.0, n)) == repr(program(2.0, n))


def attributes(x: Any) -> Any:
    names = ("__len__", "__iter__", "__hash__", "__add__", "shape", "append", "real", "other")
    return [hasattr(x, name) for name in names]


@pytest.mark.parametrize("x", [1.5, 3, True, (1.0, 2), [1.0], {"a": 1.0}, "s", np.ones(3)])
def test_whether_there_is_an_attribute(x: Any) -> None:
    assert sc.jit(attributes)(x) == attributes(x)


def no_classes(x: Any) -> Any:
    return isinstance(x, ("float",))  # pyright: ignore


def no_start(x: Any) -> Any:
    return sum(k * v for k, v in enumerate((x, x), 1.5))  # pyright: ignore


def one_operand(x: Any) -> Any:
    return operator.add(x)  # pyright: ignore


@pytest.mark.parametrize("program", [no_classes, no_start, one_operand])
def test_errors_as_in_python(program: Callable[..., Any]) -> None:
    for run in (program, sc.jit(program)):
        with pytest.raises(TypeError):
            run(2.0)


def test_gradient_through_operators_and_slices() -> None:
    def f(x: Any, n: int) -> Any:
        total = functools.reduce(operator.iadd, [x[0], x[1] * x[2], 2.0])
        return operator.mul(total, np.sum(x[slice(n)]))

    np.testing.assert_allclose(sc.grad(f)(np.array([1.0, 2.0, 3.0]), 2), [12.0, 18.0, 6.0])
