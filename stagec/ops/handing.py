"""What a kernel hands to its caller as an object of Python that Numba would not make."""

from __future__ import annotations

import numpy as np

from stagec.ir.core import Cost, Op
from stagec.ir.types import ArrayType
from stagec.ops.family import linear

# NumPy scalars that compiled code makes itself
HANDED = (np.dtype(np.float64), np.dtype(np.int64))


def _handed_infer(x: ArrayType) -> ArrayType:
    if x.rank or x.kind != "np" or x.dtype not in HANDED:
        raise TypeError(f"expected a NumPy scalar that kernels make, got {x}")
    return x


# a NumPy scalar as it is; in a kernel the last that happens to a result
handed = linear(
    "handed",
    calls=(),
    infer=_handed_infer,
    value=lambda x: x,
    vjp=lambda ct, out, x: ct,
    batch=lambda args, axes: (args[0], axes[0]),
    source="{}",
    scalar=lambda x: f"kernels.{x.dtype.name}({{}})",
    lenient=(0,),
    cost=Cost.FREE,
)

OPS: tuple[Op, ...] = (handed,)
