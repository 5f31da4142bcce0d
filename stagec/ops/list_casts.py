"""Lists of numbers as lists of wider ones: what they become that get such a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType, ListType, type_of
from stagec.ops.axes import dtype_of
from stagec.ops.cast import NAMES, astype, real, to_python
from stagec.ops.family import made_by
from stagec.ops.list_form import element_type, list_op
from stagec.ops.list_full import list_full


def _cast_infer(xs: ListType, *, dtype: np.dtype, weak: bool) -> ListType:
    element = element_type(xs)
    if not isinstance(element, ArrayType):
        raise TypeError(f"a list of {element} has no numbers to convert")
    kind = "array" if element.kind == "array" else "py" if weak else "np"
    return ListType(replace(element, dtype=dtype, kind=kind, size=None))


def _item(x: Any, dtype: np.dtype, weak: bool) -> Any:
    if dtype.kind != "c" and dtype_of(x).kind == "c":
        x = real(x)
    if weak and not np.ndim(x):
        return to_python(x, kind=NAMES[dtype.kind])
    return astype(x, dtype=dtype)


def _cast_source(xs: ListType, *, dtype: np.dtype, weak: bool) -> str:
    element = element_type(xs)
    assert isinstance(element, ArrayType)
    item = "v.real" if element.dtype.kind == "c" != dtype.kind else "v"
    if element.kind == "array":
        return f"[{item}.astype(np.{dtype.name}) for v in {{}}]"
    name = NAMES[dtype.kind] if weak else f"np.{dtype.name}"
    return f"[{name}({item}) for v in {{}}]"


def _cast_vjp(ct: Any, out: Any, xs: Any, *, dtype: np.dtype, weak: bool) -> tuple[Any]:
    element = element_type(getattr(xs, "type", None) or type_of(xs))
    assert isinstance(element, ArrayType)
    if "f" != element.dtype.kind != "c":
        return (None,)
    return (list_cast(ct, dtype=element.dtype, weak=element.weak),)


def _cast_jvp(dxs: Any, out: Any, xs: Any, *, dtype: np.dtype, weak: bool) -> Any:
    return list_cast(dxs[0], dtype=dtype, weak=weak) if dtype.kind in "fc" else None


def _cast_full(xs: Any, *, dtype: np.dtype, weak: bool) -> Any:
    """One number many times is converted once."""
    made = made_by(xs, list_full)
    if made is None:
        return None
    value, count = made[0]
    return list_full(_item(value, dtype, weak), count)


# each number as one of this type, a Python number if `weak`
list_cast = list_op(
    "list_cast",
    infer=_cast_infer,
    value=lambda xs, *, dtype, weak: [_item(x, dtype, weak) for x in xs],
    source=_cast_source,
    vjp=_cast_vjp,
    jvp=_cast_jvp,
    batch=lambda args, axes, **attrs: (list_cast(args[0], **attrs), axes[0]),
    rewrites=(_cast_full,),
)

OPS: tuple[Op, ...] = (list_cast,)
