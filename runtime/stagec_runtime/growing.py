"""Arrays of kernels that grow; needs Numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.core.ir import Loc
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable
from numba.np.arrayobj import make_array

from stagec_runtime.creations import WORD, new_array

PLACE = Loc(__file__, 1)


def doubled(rows: Any) -> Any:
    """An array of twice as many rows, which begins with these; the others hold anything."""
    return np.concatenate((rows, np.empty_like(rows)))


@type_callable(doubled)
def _typed(context: Any) -> Any:
    def typed(rows: Any) -> Any:
        in_order = isinstance(rows, types.Array) and rows.layout == "C" and rows.ndim
        return signature(rows.copy(readonly=False), rows) if in_order else None

    return typed


@lower_builtin(doubled, types.Array)
def _lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    def fail(text: str) -> None:
        context.call_conv.return_user_exc(builder, ValueError, (text,), PLACE, doubled.__name__)

    kind = signature.return_type
    rows = make_array(signature.args[0])(context, builder, value=args[0])
    length, *others = cgutils.unpack_tuple(builder, rows.shape, kind.ndim)
    shape = [builder.shl(length, WORD(1)), *others]
    out, count = new_array(context, builder, kind, shape, fail)
    half = builder.lshr(count, WORD(1))
    cgutils.raw_memcpy(builder, out.data, rows.data, half, rows.itemsize)
    return out._getvalue()
