"""Arrays that grow row by row, as the tapes of compiled loops do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import Calls, Cost, Op
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import INT, ArrayType
from stagec.ops.axes import move_axis
from stagec.ops.extent import extent
from stagec.ops.family import constant, linear
from stagec.ops.indexing import read


def _doubled_infer(rows: ArrayType) -> ArrayType:
    if not rows.rank:
        raise TypeError("a number has no rows")
    return replace(rows, shape=(None, *rows.shape[1:]))


def _first_rows(ct: Any, out: Any, rows: Any) -> Any:
    count = extent(rows, axis=0)
    return read(ct, count, path=(Index((Slice(None, Arg(0)),)),), view=False)


def _doubled_batch(args: Any, axes: Any) -> tuple[Any, int]:
    return doubled(move_axis(args[0], axes[0], 1)), 1


# an array of twice as many rows, which begins with those of `rows`; the others hold anything
doubled = linear(
    "doubled",
    calls=(),
    infer=_doubled_infer,
    # reproducible values are as good as any
    value=lambda rows: np.concatenate((rows, np.zeros_like(rows))),
    vjp=_first_rows,
    batch=_doubled_batch,
    source="np.concatenate(({0}, np.zeros_like({0})))",
    scalar=Calls(lambda rows: "kernels.doubled({})"),
    cost=Cost.CHEAP,
    may_raise=(MemoryError,),
)

# the number of a row that the array is known to have by how the program was made
kept = constant(
    "kept",
    calls=(),
    infer=lambda index: INT,
    value=lambda index: index,
    batch=lambda args, axes: (kept(args[0]), axes[0]),
    source="{}",
    scalar="{}",
    measure=lambda index: index,
    cost=Cost.FREE,
)

OPS: tuple[Op, ...] = (doubled, kept)
