"""Jacobians and Hessians, written in NumPy and staged like the user's own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stagec.api import (
    Staged,
    Transform,
    each,
    grad,
    jvp,
    leaves,
    name_of,
    place,
    rebuild,
    unwrapped,
    vjp,
)


def _jacrev(fun: Callable[..., Any], argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """A function that returns the Jacobian of `fun` by reverse mode, all rows at once.

    Shape: that of the result, then that of the argument.  For trees it is the tree of the
    result whose leaves are trees like the argument; several arguments count as a tuple.  Parts
    of the result or the argument that have no derivative get None.

    Raises
    ------
    StagecError : for complex arguments or results, and for those that have no derivative.
    """
    return _jacobian(fun, argnums, _by_rows, "jacrev", options)


def _jacfwd(fun: Callable[..., Any], argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """A function that returns the Jacobian of `fun` by forward mode, all columns together.

    Shapes and trees as those of `jacrev`.

    Raises
    ------
    StagecError : for complex arguments or results, and for those that have no derivative.
    """
    return _jacobian(fun, argnums, _by_columns, "jacfwd", options)


def _hessian(fun: Callable[..., Any], argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """A function that returns the Hessian of the scalar function `fun`.

    Shapes and trees as those of `jacrev` of the gradient.
    """
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
            k = place(args, argnums)

            def of(x: Any) -> Any:
                return fun(*args[:k], x, *args[k + 1 :], **kwargs)

            return rule(of, args[k])

        def of_several(xs: Any) -> Any:
            given = list(args)
            for k, x in zip(argnums, xs, strict=True):
                given[k] = x
            return fun(*given, **kwargs)

        return rule(of_several, tuple([args[place(args, k)] for k in argnums]))

    jacobian.__name__ = name_of(fun, kind)
    vars(jacobian)["operand"] = unwrapped(fun)  # parameters are called as there
    return Staged(jacobian, distinct=True, **{**inherited, **options})


def _by_rows(of: Any, x: Any) -> Any:
    inputs = leaves(x, "argument")
    out, pull = vjp(of, x)
    outputs = leaves(out, "result")
    rows = _derivatives(lambda unit: pull(rebuild(out, unit))[0], outputs, lambda: x)
    found = leaves(rows, "argument")
    parts = [_parts(found[i], outputs) for i in range(len(inputs))]
    blocks = [
        rebuild(x, [_row_block(parts[i][k], y, inputs[i]) for i in range(len(inputs))])
        for k, y in enumerate(outputs)
    ]
    return rebuild(out, blocks)


def _by_columns(of: Any, x: Any) -> Any:
    inputs = leaves(x, "argument")
    columns = _derivatives(
        lambda unit: jvp(of, (x,), (rebuild(x, unit),))[1], inputs, lambda: of(x)
    )
    blocks = []
    for found in leaves(columns, "result"):
        parts = _parts(found, inputs)
        blocks.append(
            rebuild(x, [_column_block(parts[i], inputs[i]) for i in range(len(inputs))])
        )
    return rebuild(columns, blocks)


def _derivatives(derivative: Any, given: Any, like: Any) -> Any:
    """`derivative` of each unit of the leaves `given`, along a first axis of each leaf of the
    result; without that axis if there is one unit, that of a number.

    `like()` is a tree like a derivative.
    """
    if len(given) == 1 and np.ndim(given[0]) == 0:
        return derivative((1.0,))
    rows, columns = _units(given[0]) if len(given) == 1 else _flat_units(given)
    found = each(lambda unit: derivative(_cut(unit, given)), rows, columns)
    return _one_by_one(derivative, given, like()) if found is None else found


def _parts(found: Any, given: Any) -> Any:
    """What belongs to each of the leaves `given` along the first axis."""
    if len(given) == 1:
        return [found]
    parts = []
    at = 0
    for x in given:
        if np.ndim(x) == 0:
            parts.append(found[at])
        else:
            parts.append(found[at : at + np.size(x)])
        at = at + np.size(x)
    return parts


def _row_block(part: Any, out: Any, x: Any) -> Any:
    return part if np.ndim(out) < 2 else part.reshape((*np.shape(out), *np.shape(x)))


def _column_block(part: Any, x: Any) -> Any:
    if np.ndim(x) == 0:
        return part
    found = part if np.ndim(part) == 1 else np.moveaxis(part, 0, -1)
    return found if np.ndim(x) == 1 else found.reshape((*np.shape(part)[1:], *np.shape(x)))


def _cut(unit: Any, given: Any) -> Any:
    """A unit as one array like each of the leaves `given`."""
    if len(given) == 1:
        return (unit,)
    return [
        p if np.ndim(x) < 2 else p.reshape(np.shape(x))
        for p, x in zip(_parts(unit, given), given, strict=True)
    ]


def _one_by_one(derivative: Any, given: Any, like: Any) -> Any:
    """What `_derivatives` returns, where units cannot be had together."""
    count = _size(given)
    found = [
        np.empty((count, *np.shape(e)), np.asarray(e).dtype) for e in leaves(like, "result")
    ]
    for j in range(count):
        one = leaves(derivative(_cut_of(given, j)), "result")
        for k in range(len(found)):
            found[k][j] = one[k]
    return rebuild(like, found)


def _cut_of(given: Any, j: Any) -> Any:
    """The j-th unit as one array like each of the leaves `given`."""
    if len(given) == 1:
        return (_unit(np.shape(given[0]), j),)
    return _cut(_unit((_size(given),), j), given)


def _size(given: Any) -> Any:
    """How many elements the leaves have together."""
    count = np.size(given[0])
    for x in given[1:]:
        count = count + np.size(x)
    return count


def _flat_units(given: Any) -> Any:
    """All units of the leaves together, as rows and as columns."""
    units = np.eye(_size(given))
    return units, units


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
