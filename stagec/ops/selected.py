"""Reductions over the elements that a mask selects: the `where=` of NumPy's reductions.

The binders of np.sum, np.mean and np.prod live here, as they choose between the
plain reductions and these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType, same_shape
from stagec.ops.axes import dtype_of, normal_axes, np_shape
from stagec.ops.broadcast import broadcast_like, reduction_source, sum_, sum_call
from stagec.ops.cast import astype, to_dtype
from stagec.ops.composite import composite
from stagec.ops.cumulative import prod, prod_call
from stagec.ops.family import kept
from stagec.ops.masks import mask
from stagec.ops.reduction import Axes, mean_call
from stagec.ops.select import where


def _whole(chosen: Any, x: Any) -> Any:
    """The mask in the shape of the array."""
    return chosen if same_shape(np_shape(chosen), np_shape(x)) else broadcast_like(chosen, x)


def _sum(x: Any, chosen: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return sum_(mask(chosen, x), **kept(axes, keepdims))


def _mean(x: Any, chosen: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    count = sum_(_whole(chosen, x), **kept(axes, keepdims))
    total = _sum(x, chosen, axes=axes, keepdims=keepdims)
    return total / (astype(count, dtype=dtype_of(total)) if dtype_of(x).kind in "fc" else count)


def _prod(x: Any, chosen: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return prod(where(chosen, x, dtype_of(x).type(1)), **kept(axes, keepdims))


def _selecting(function: Callable[..., Any], plain: Callable[..., Any], expand: Any) -> Op:
    """A reduction with a mask as its second operand; its binder serves the plain one too."""
    name = function.__name__

    def call(a: Any, *args: Any, where: Any = None, **options: Any) -> Any:
        if where is None or where is True:
            return plain(a, *args, **options)
        names = ("axis", "dtype", "out", "keepdims")
        given = {**dict(zip(names, args, strict=False)), **options}
        initial = given.pop("initial", None)
        unknown = set(given) - set(names)
        if unknown or given.get("out") is not None:
            raise TypeError(
                f"{name}: {', '.join(unknown) or 'out'} is not supported with where="
            )
        axes = normal_axes(given.get("axis"), np.ndim(a))
        attrs = kept(axes, given.get("keepdims", False))
        dtype = given.get("dtype")
        found = to_dtype(op(to_dtype(a, dtype), where, **attrs), dtype)
        if initial is None:
            return found
        initial = to_dtype(initial, dtype_of(found))
        return found + initial if function is np.sum else found * initial

    def source(x: ArrayType, chosen: ArrayType, *, axes: Axes, keepdims: bool = False) -> str:
        text = reduction_source(f"np.{name}", x.rank, axes, keepdims)
        return f"{text[:-1]}, where={{}})"

    op = composite(
        f"{name}_where",
        calls=((function, call),),
        value=lambda x, chosen, *, axes, keepdims=False: function(
            x, axis=axes, keepdims=keepdims, where=chosen
        ),
        expand=expand,
        source=source,
    )
    return op


sum_where = _selecting(np.sum, sum_call, _sum)
mean_where = _selecting(np.mean, mean_call, _mean)
prod_where = _selecting(np.prod, prod_call, _prod)


OPS: tuple[Op, ...] = (sum_where, mean_where, prod_where)
