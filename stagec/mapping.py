"""Functions of one element applied to all, written in NumPy and staged like the user's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from stagec.api import Inside, Staged, Transform, name_of, unwrapped
from stagec.frontend import mapping


def _vmap(fun: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, **options: Any) -> Any:
    """A function that calls `fun` for each element along an axis of its arguments.

    Parameters
    ----------
    fun : called as for one element, of which it may return any tree of numbers and arrays.
    in_axes : the axis of each argument that the elements are along, an integer; None for an
        argument that is the same for all.  A tuple has one entry for each positional
        argument, which may be a container with the structure of the argument.  Keyword
        arguments are mapped along their first axis.
    out_axes : where the results have that axis, in the same form.
    options : those of `jit`.

    Returns
    -------
    A staged function.  On the NumPy target all elements are computed together, by operations
    on whole arrays, where all elements take the same branches and leave nothing behind
    (prints, random draws, changes to outer objects), else one after the other in a loop, as
    always on the Numba target.  `fun` may change its elements; the arguments stay as they are.

    Raises
    ------
    StagecError : for axes that the arguments do not have.
    ValueError : if the axes have different lengths.
    """
    inherited = dict(fun.options) if isinstance(fun, Staged) else {}
    axes = (in_axes if isinstance(in_axes, int) else tuple(in_axes), 0)
    units = Inside("units", partial(mapping.units, axes))
    call_of = Inside("call_of", partial(mapping.call_of, axes))
    result_of = Inside("result_of", partial(mapping.result_of, out_axes))

    def mapped(*args: Any, **kwargs: Any) -> Any:
        given = units((args, kwargs))
        count = len(given[0])
        for x in given[1:]:
            if len(x) != count:
                raise ValueError(f"vmap over axes of lengths {count} and {len(x)}")

        def one(*rows: Any) -> Any:
            positional, named = call_of((args, kwargs), rows)
            return result(fun(*positional, **named))

        found = together(one, given)
        if found is None:
            found = _one_by_one(one, given, count)
        return result_of(found, every(found))

    mapped.__name__ = name_of(fun, "vmap")
    vars(mapped)["operand"] = unwrapped(fun)  # parameters are called as there
    return Staged(mapped, distinct=True, **{**inherited, **options})


vmap = Transform("vmap", _vmap)
every = Inside("every", mapping.every)
result = Inside("result", mapping.result)
together = Inside("together", mapping.together)
like = Inside("like", mapping.like)
row_of = Inside("row_of", mapping.row_of)
with_leaves = Inside("with_leaves", partial(mapping.result_of, 0))


def _one_by_one(one: Any, given: Any, count: Any) -> Any:
    """The results of `one` for each row of the arrays, along a first axis."""
    tree = like(one, row_of(given, 0))
    acts = tree is None
    if acts:
        tree = one(*row_of(given, 0))
    first = every(tree)
    found = [np.empty((count, *np.shape(e)), np.asarray(e).dtype) for e in first]
    if acts:
        for k in range(len(found)):
            found[k][0] = first[k]
    for j in range(1 if acts else 0, count):
        parts = every(one(*row_of(given, j)))
        for k in range(len(found)):
            found[k][j] = parts[k]
    return with_leaves(tree, found)
