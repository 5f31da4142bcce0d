"""Lists of one number many times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stagec.ir.core import Op
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ops.broadcast import sum_
from stagec.ops.list_arrays import list_stack
from stagec.ops.list_form import list_op
from stagec.ops.lists import given
from stagec.ops.paths import array_type


def _infer(value: Type, count: ArrayType) -> ListType:
    if not isinstance(value, ArrayType) or value.kind == "array":
        raise TypeError(f"a list of {value}, which its elements would share")
    if count.rank or count.dtype.kind not in "iu":
        raise TypeError(f"a list cannot be repeated {count} times")
    return ListType(replace(value, size=None))


def _vjp(ct: Any, out: Any, value: Any, count: Any) -> Any:
    kind = array_type(value)
    if not kind.inexact:
        return None, None
    return sum_(list_stack(ct, dtype=kind.dtype), axes=(0,)), None


def _jvp(dxs: Any, out: Any, value: Any, count: Any) -> Any:
    return None if dxs[0] is None else list_full(given(dxs[0], value), count)


list_full = list_op(
    "list_full",
    infer=_infer,
    value=lambda value, count: [value] * count,
    source="[{}] * {}",
    vjp=_vjp,
    jvp=_jvp,
    batch=None,
)


OPS: tuple[Op, ...] = (list_full,)
