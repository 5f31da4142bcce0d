"""Jacobians and Hessians, written in NumPy and staged like the user's own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stagec.api import Staged, Transform, each, grad, jvp, name_of, unwrapped, vjp


def _jacrev(fun: Callable[..., Any], argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """A function that returns the Jacobian of `fun` by reverse mode, all rows at once.

    Shape: that of the result, then that of the argument.
    """
    return _jacobian(fun, argnums, _by_rows, "jacrev", options)


def _jacfwd(fun: Callable[..., Any], argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """A function that returns the Jacobian of `fun` by forward mode, all columns together.

    Shape: that of the result, then that of the argument.
    """
    return _jacobian(fun, argnums, _by_columns, "jacfwd", options)


def _hessian(fun: Callable[..., Any], argnums: int = 0, **options: Any) -> Any:
    """A function that returns the Hessian of the scalar function `fun`."""
    return jacfwd(grad(fun, argnums), argnums, **options)


jacrev = Transform("jacrev", _jacrev)
jacfwd = Transform("jacfwd", _jacfwd)
hessian = Transform("hessian", _hessian)


def hvp(fun: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The Hessian of the scalar function `fun` times `tangents`, forward over reverse.

    `primals` and `tangents` are tuples of arguments and directions, or one array each; the
    derivatives are with respect to the first argument.
    """
    points = primals if isinstance(primals, tuple) else (primals,)
    directions = tangents if isinstance(tangents, tuple) else (tangents,)
    return jvp(grad(fun), points, directions)[1]


def _jacobian(
    fun: Any, argnums: Any, rule: Callable[..., Any], kind: str, options: dict[str, Any]
) -> Any:
    inherited = dict(fun.options) if isinstance(fun, Staged) else {}

    def jacobian(*args: Any, **kwargs: Any) -> Any:
        if isinstance(argnums, int):
            return rule(fun, argnums, args, kwargs)
        return tuple([rule(fun, k, args, kwargs) for k in argnums])

    jacobian.__name__ = name_of(fun, kind)
    vars(jacobian)["operand"] = unwrapped(fun)  # parameters are called as there
    return Staged(jacobian, distinct=True, **{**inherited, **options})


def _by_rows(fun: Any, k: int, args: Any, kwargs: Any) -> Any:
    def of(x: Any) -> Any:
        return fun(*args[:k], x, *args[k + 1 :], **kwargs)

    x = args[k]
    out, pull = vjp(of, x)
    if np.ndim(out) == 0:
        return pull(1.0)[0]
    rows = each(lambda unit: pull(unit)[0], *_units(out))
    if rows is None:
        count = np.size(out)
        rows = np.empty((count, *np.shape(x)))
        for i in range(count):
            rows[i] = pull(_unit(np.shape(out), i))[0]
    return rows if np.ndim(out) == 1 else rows.reshape((*np.shape(out), *np.shape(x)))


def _by_columns(fun: Any, k: int, args: Any, kwargs: Any) -> Any:
    def of(x: Any) -> Any:
        return fun(*args[:k], x, *args[k + 1 :], **kwargs)

    x = args[k]
    if np.ndim(x) == 0:
        return jvp(of, (x,), (1.0,))[1]
    columns = each(lambda unit: jvp(of, (x,), (unit,))[1], *_units(x))
    if columns is None:
        columns = _one_by_one(of, x)
    found = columns if np.ndim(columns) == 1 else np.moveaxis(columns, 0, -1)
    if np.ndim(x) == 1:
        return found
    return found.reshape((*np.shape(columns)[1:], *np.shape(x)))


def _one_by_one(of: Any, x: Any) -> Any:
    """The columns of the Jacobian, where they cannot be had together."""
    count = np.size(x)
    columns = np.empty((count, *np.shape(of(x))))
    for j in range(count):
        columns[j] = jvp(of, (x,), (_unit(np.shape(x), j),))[1]
    return columns


def _units(x: Any) -> Any:
    """All arrays like `x` that are 1 in one place and 0 elsewhere, along a first axis, and
    along a last one.
    """
    count = np.size(x)
    units = np.eye(count)
    if np.ndim(x) == 1:
        return units, units
    return units.reshape((count, *np.shape(x))), units.reshape((*np.shape(x), count))


def _unit(shape: tuple[int, ...], k: int) -> Any:
    """Zeros, and 1 at the k-th place; the shape has an axis."""
    unit = np.zeros(shape)
    if len(shape) == 1:
        unit[k] = 1.0
    else:
        unit.reshape(-1)[k] = 1.0
    return unit
