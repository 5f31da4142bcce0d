"""An array whose parts were made in its memory."""

from __future__ import annotations

from stagec.ir.core import Calls, Cost, Op
from stagec.ir.types import ArrayType
from stagec.ops.family import linear

# the array as it is once its parts are: they are views of it that were written to
put_together = linear(
    "put_together",
    calls=(),
    infer=lambda whole, *parts: _as_whole(whole),
    value=lambda whole, *parts: whole,
    vjp=lambda ct, out, whole, *parts: ct,
    batch=lambda args, axes: (args[0], axes[0]),
    source="{0}",
    scalar=Calls(
        lambda whole, *parts: (
            "{0}" + "".join(f"{{{k}:unsaid}}" for k in range(1, len(parts) + 1))
        )
    ),
    alias=0,
    cost=Cost.FREE,
)


def _as_whole(whole: ArrayType) -> ArrayType:
    if whole.kind != "array":
        raise TypeError(f"expected an array, got {whole}")
    return whole


OPS: tuple[Op, ...] = (put_together,)
