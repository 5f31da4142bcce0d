"""The check that two lengths which only known at run time are equal."""

from __future__ import annotations

from typing import Any

import stagec_runtime as rt
from stagec.ir.core import Cost, Effect, Op


def _no_batch(args: Any, axes: Any) -> Any:
    raise TypeError("vmap: lengths must not be batched")


# raises ValueError, as broadcasting does, unless the two lengths are equal
agree = Op(
    name="agree",
    calls=(),
    infer=lambda n, m: (),
    value=lambda n, m: rt.agree(n, m) or (),
    vjp=None,
    jvp=None,
    expand=None,
    batch=_no_batch,
    source="rt.agree({}, {})",
    scalar=lambda n, m: "kernels.agree({}, {})",
    alias=None,
    overwrites=None,
    may_raise=(ValueError,),
    effect=Effect.CHECK,
    cost=Cost.CHEAP,
    rewrites=(),
)

OPS: tuple[Op, ...] = (agree,)
