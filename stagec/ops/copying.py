"""The op that makes a result fresh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import NATIVE, Cost, Op, Staged
from stagec.ir.types import ArrayType
from stagec.ops.family import make


def _copy_call(a: Any, order: str = "K", subok: bool = False) -> Any:
    return copy(a) if isinstance(a, Staged) else np.copy(a)


copy = make(
    "copy",
    calls=((np.copy, _copy_call),),
    infer=lambda a: ArrayType(a.dtype, a.shape),
    value=lambda a: np.array(a, order="K"),
    vjp=lambda ct, out, a: (ct,),
    jvp=lambda dxs, out, a: copy(dxs[0]),
    batch=lambda args, axes: (copy(args[0]), axes[0]),
    source=lambda a: "{}.copy()" if a.kind == "array" else "np.array({})",
    scalar=lambda a: NATIVE if a.rank else "{}",
    cost=Cost.CHEAP,
    any_width=True,
)

copy_if_set = replace(
    copy,
    name="copy_if_set",
    calls=(),
    source="None if {0} is None else {0}.copy()",
    value=lambda a: np.array(a, order="K") if isinstance(a, np.ndarray) else a,
    scalar=NATIVE,
    lenient=(0,),
)

OPS: tuple[Op, ...] = (copy, copy_if_set)
