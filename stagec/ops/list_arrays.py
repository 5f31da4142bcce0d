"""Between lists and arrays: stacking, joining, splitting into rows."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import LIBRARY, Calls, Op, Staged
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ops.axes import move_axis
from stagec.ops.creation import dtype_text
from stagec.ops.list_form import element_type, list_op
from stagec.ops.paths import array_type


def _stack_infer(xs: Type, *, dtype: Any = None) -> ArrayType:
    element = element_type(xs)
    if not isinstance(element, ArrayType):
        raise TypeError(f"a list of {element} is not an array")
    if dtype and element.rank:
        raise TypeError(f"an empty list of {element} has no shape")
    return ArrayType(element.dtype, (None, *element.shape))


def _plain(xs: Any) -> bool:
    """Whether NumPy makes an array of this type of an empty list as well."""
    return xs.element.rank == 0 and xs.element.dtype == np.float64


def _stack_source(xs: Any, *, dtype: Any = None) -> str:
    # an empty list has no shape and dtype to give: np.stack raises, where they are needed
    if dtype and not _plain(xs):
        return f"np.array({{}}, {dtype_text(dtype)})"
    return "np.array({})" if _plain(xs) else "np.stack({})"


def _stack_call(xs: Any, *, dtype: Any = None) -> Any:
    if xs.element.rank:
        return LIBRARY
    return _stack_source(xs, dtype=dtype) if dtype or _plain(xs) else "kernels.stacked({})"


def _stack_raises(xs: Any, *, dtype: Any = None) -> tuple[type[BaseException], ...]:
    return () if dtype or _plain(xs.type) else (ValueError,)


def _stack_value(xs: Any, *, dtype: Any = None) -> Any:
    return np.stack(xs) if xs else np.array(xs, dtype or float)


# `dtype` is that of the elements where a list without any makes an array without any
list_stack = list_op(
    "list_stack",
    scalar=Calls(_stack_call),
    infer=_stack_infer,
    value=_stack_value,
    source=_stack_source,
    vjp=lambda ct, out, xs, *, dtype=None: (list_unstack(ct, kind=_kind(xs)),),
    jvp=lambda dxs, out, xs, *, dtype=None: list_stack(dxs[0]),
    batch=lambda args, axes, *, dtype=None: (list_stack(args[0]), axes[0] + 1),
    may_raise=_stack_raises,
)


def _kind(xs: Any) -> str:
    if isinstance(xs, Staged):
        return element_type(xs.type).kind  # type: ignore[attr-defined, union-attr]
    return array_type(xs[0]).kind if xs else "np"


def _unstack_infer(a: ArrayType, *, kind: str) -> ListType:
    if not a.rank:
        raise TypeError("a number is not a list")
    if (a.rank > 1) != (kind == "array"):
        raise TypeError(f"the rows of {a} are not of kind {kind!r}")
    return ListType(ArrayType(a.dtype, a.shape[1:], kind))  # type: ignore[arg-type]


def _unstack_batch(args: Any, axes: Any, *, kind: str) -> tuple[Any, int]:
    return list_unstack(move_axis(args[0], axes[0], 1), kind="array"), 0


list_unstack = list_op(
    "list_unstack",
    infer=_unstack_infer,
    value=lambda a, *, kind: a.tolist() if kind == "py" else list(a),
    source=lambda a, *, kind: "{}.tolist()" if kind == "py" else "list({})",
    vjp=lambda ct, out, a, *, kind: (list_rows(ct, a),),
    jvp=lambda dxs, out, a, *, kind: list_unstack(dxs[0], kind=kind),
    batch=_unstack_batch,
    alias=0,
)


def _rows_infer(xs: Type, like: ArrayType) -> ArrayType:
    element = element_type(xs)
    if not isinstance(element, ArrayType) or element.rank != like.rank - 1:
        raise TypeError(f"{xs} does not hold the rows of {like}")
    return ArrayType(element.dtype, like.shape)


list_rows = list_op(
    "list_rows",
    infer=_rows_infer,
    value=lambda xs, like: rt.rows_like(xs, like),
    source="rt.rows_like({}, {})",
    vjp=lambda ct, out, xs, like: (list_unstack(ct, kind=_kind(xs)), None),
    jvp=lambda dxs, out, xs, like: None if dxs[0] is None else list_rows(dxs[0], like),
    batch=None,
    shapes=(1,),
)


def _concatenate_infer(xs: Type, *, axis: int) -> ArrayType:
    element = element_type(xs)
    if not isinstance(element, ArrayType) or not element.rank:
        raise TypeError(f"a list of {element} cannot be concatenated")
    shape = (*element.shape[:axis], None, *element.shape[axis + 1 :])
    return ArrayType(element.dtype, shape)


# the elements joined along an axis
list_concatenate = list_op(
    "list_concatenate",
    infer=_concatenate_infer,
    value=lambda xs, *, axis: np.concatenate(xs, axis),
    source=lambda xs, *, axis: f"np.concatenate({{}}{f', axis={axis}' if axis else ''})",
    vjp=lambda ct, out, xs, *, axis: (list_split(ct, xs, axis=axis),),
    jvp=lambda dxs, out, xs, *, axis: list_concatenate(dxs[0], axis=axis),
    batch=lambda args, axes, *, axis: (list_concatenate(args[0], axis=axis + 1), 0),
    may_raise=(ValueError,),
)

# the pieces of an array that are as long as the elements of the list `like`
list_split = list_op(
    "list_split",
    infer=lambda a, like, *, axis: like,
    value=lambda a, like, *, axis: rt.split_like(a, like, axis),
    source=lambda a, like, *, axis: f"rt.split_like({{}}, {{}}, {axis})",
    vjp=lambda ct, out, a, like, *, axis: (list_concatenate(ct, axis=axis), None),
    jvp=lambda dxs, out, a, like, *, axis: (
        None if dxs[0] is None else list_split(dxs[0], like, axis=axis)
    ),
    batch=None,
    alias=0,
    shapes=(1,),
)


OPS: tuple[Op, ...] = (list_stack, list_unstack, list_rows, list_concatenate, list_split)
