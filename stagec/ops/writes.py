"""Simplifications of writes to arrays (`update`, `accumulate`): what NumPy does anyway."""

from __future__ import annotations

from typing import Any

from stagec.ir.core import Op, operand_of
from stagec.ir.path import Path
from stagec.ir.types import ArrayType, negates_alike, same_shape
from stagec.ops.arithmetic import add, divide, multiply, negative, twice
from stagec.ops.broadcast import broadcast_like, filled
from stagec.ops.copying import copy
from stagec.ops.family import made_by
from stagec.ops.paths import array_type


def narrow(op: Op, a: Any, v: Any, index: tuple[Any, ...], path: Path) -> Any:
    """The write without a broadcast that it makes itself."""
    wide = made_by(v, broadcast_like) or made_by(v, filled)
    if not wide or not array_type(v).rank or not array_type(a).rank:
        return None
    return op(a, wide[0][0], *index, path=path)


def added(a: Any, v: Any, *index: Any, path: Path) -> Any:
    """What is added to a copy, to copies of one number or to an equal product is a sum."""
    if path:
        return None
    if operand_of(a) is operand_of(v):
        return twice(a, v)
    base = made_by(a, copy) or made_by(a, filled)
    if not base:
        return None
    twin = made_by(v, copy)
    v = twin[0][0] if twin else v
    total = add.infer(base[0][0].type, array_type(v))
    assert isinstance(total, ArrayType)
    whole = array_type(a)
    same = total.kind == whole.kind and total.dtype == whole.dtype  # a 0-d array stays one
    same = same and same_shape(total.shape, whole.shape)
    return add(base[0][0], v) if same else None


def sign_out(op: Op, a: Any, v: Any, index: tuple[Any, ...], path: Path) -> Any:
    """`a += -x * y` as `a += -(x * y)`, which is `a -= x * y`."""
    for product in (multiply, divide):
        made = made_by(v, product)
        inner = made and made_by(made[0][0], negative)
        total = array_type(v)
        fits = inner and negates_alike(array_type(inner[0][0]), total.dtype)
        if made and inner and fits and total.dtype.kind == "f":
            term = negative(product(inner[0][0], made[0][1]))
            return op(a, term, *index, path=path)
    return None
