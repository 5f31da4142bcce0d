"""The op that says of an array how long it is, where only a check at run time tells."""

from __future__ import annotations

from stagec.ir.core import Cost, Moves, Op
from stagec.ir.types import ArrayType
from stagec.ops.broadcast import batched
from stagec.ops.family import array, linear


def _infer(x: ArrayType, like: ArrayType) -> ArrayType:
    return array(x.dtype, like.shape)


# `x`, whose axes are as long as those of `like`: whoever builds it has checked that
as_long = linear(
    "as_long",
    calls=(),
    infer=_infer,
    value=lambda x, like: x,
    vjp=lambda ct, out, x, like: ct,
    batch=lambda args, axes: (as_long(*batched(args, axes)), 0),
    source="{0}",
    scalar=Moves(lambda at: at, native=True),
    alias=0,
    cost=Cost.FREE,
    shapes=(1,),
)

OPS: tuple[Op, ...] = (as_long,)
