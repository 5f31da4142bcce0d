"""What loops take the largest and the smallest element with."""

from __future__ import annotations

import numpy as np

from stagec.ir.core import Fold, Op
from stagec.ir.types import ArrayType
from stagec.ops.folding import Axes, combining
from stagec.ops.rounding import maximum, minimum

larger = combining("larger", np.maximum, "np.maximum({}, {})", maximum, -np.inf)
smaller = combining("smaller", np.minimum, "np.minimum({}, {})", minimum, np.inf)


def extreme(x: ArrayType, axes: Axes, sign: int) -> Fold | None:
    """The fold of a maximum (`sign` 1) or minimum (-1) of an axis that is not empty."""
    if x.dtype.kind == "f":
        start = x.dtype.type(-sign * np.inf)
    elif x.dtype.kind == "i":
        limits = np.iinfo(x.dtype)
        start = x.dtype.type(limits.min if sign > 0 else limits.max)
    else:
        return None
    return Fold(axes, larger if sign > 0 else smaller, start, None)


OPS: tuple[Op, ...] = (larger, smaller)
