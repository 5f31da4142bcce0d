"""Sample calls of the ops that shape, join, move, count and reduce arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Arg
from stagec.ops import (
    arrays,
    axes,
    broadcast,
    creation,
    cumulative,
    diagonals,
    extremum_positions,
    filling,
    grids,
    joining,
    padding,
    ranges,
    rearrange,
    reduction,
    shape,
    sliding,
)
from stagec.ops.as_long import as_long
from stagec.ops.assembling import put_together
from stagec.ops.extent import (
    before,
    distance,
    extent,
    extent_if_set,
    from_start,
    inside,
    inside_if_any,
    natural,
    place,
    range_length,
)
from stagec.ops.growing import doubled, kept

Sample = tuple[tuple[Any, ...], dict[str, Any]]

X = np.array([0.3, 0.7, 1.3, 2.1, 0.9, 1.7])
Y = np.array([1.1, -0.4, 0.8, 0.25, 1.9, -1.2])
I = np.arange(6)  # noqa: E741
M = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.5, 0.15, 1.2], [-0.8, 0.6, 0.9]])
N = np.array([[0.2, -1.3, 0.7], [1.2, 0.5, -0.4], [0.55, 1.15, 2.2], [-0.3, 1.6, 0.35]])
S = M[:3]
T = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4) ** 2 + 0.1
Z = X + 1j * Y
ZM = M + 1j * N
F = X.astype(np.float32)
HOLES = np.array([[0.3, 0.0, 1.3], [2.1, 0.9, 1.7], [0.0, 0.4, 0.0]])
GAPS = np.array([0.3, np.nan, 1.3, 2.1, np.nan, 1.7])
F64 = np.dtype(np.float64)
F32 = np.dtype(np.float32)
I64 = np.dtype(np.int64)
C128 = np.dtype(np.complex128)
AX0, AX1, BOTH = {"axes": (0,)}, {"axes": (1,)}, {"axes": (0, 1)}
KEEP = {"keepdims": True}


def over(*samples: Any) -> list[Sample]:
    """Reductions of a matrix over all axes and over each, with and without `keepdims`."""
    grid = [((M,), {**a, **k}) for a in (AX0, AX1, BOTH) for k in ({}, KEEP)]
    return [*grid, ((T,), {"axes": (0, 2)}), ((X,), {"axes": (0,)}), *samples]


SAMPLES: dict[Op, list[Sample]] = {
    put_together: [((X, Y), {}), ((M, N, T), {}), ((Z, X), {})],
    extent: [((M,), {"axis": 0}), ((M,), {"axis": 1})],
    extent_if_set: [((M,), {"axis": 0}), ((M,), {"axis": 1})],
    distance: [((2, 5), {}), ((5, 2), {})],
    from_start: [((3, 4), {}), ((-1, 4), {"more": 1}), ((-9, 4), {}), ((-9, 4), {"more": 1})],
    range_length: [((0, 5, 2), {}), ((4, 1, -1), {})],
    place: [((3, 4), {})],
    inside: [((2, 3), {}), ((-1, 3), {})],
    inside_if_any: [((2, 3, 0, 4), {}), ((-1, 3, 0, 1), {}), ((7, 3, 2, 2), {})],
    natural: [((2,), {})],
    before: [((5, 2), {})],
    doubled: [((M,), {}), ((np.arange(3.0),), {})],
    kept: [((2,), {})],
    axes.expand_dims: [
        ((M,), {"axes": (0,)}),
        ((M,), {"axes": (1, 3)}),
        ((1.5,), {"axes": (0,)}),
    ],
    axes.squeeze: [((M[None],), {"axes": (0,)}), ((X[None, :, None],), {"axes": (0, 2)})],
    axes.transpose: [
        ((M,), {"axes": (1, 0)}),
        ((T,), {"axes": (2, 0, 1)}),
        ((T,), {"axes": (0, 2, 1)}),
    ],
    as_long: [((X, Y), {}), ((M, M + 1), {})],
    broadcast.filled: [((1.5, X), {}), ((np.float32(0.5), N), {})],
    broadcast.broadcast_like: [((X, np.ones((2, 6))), {}), ((N[:, :1], M), {}), ((1.5, X), {})],
    broadcast.unbroadcast: [
        ((np.ones((2, 6)) * X, Y), {}),
        ((M, M[:, :1]), {}),
        ((M, np.float64(1.0)), {}),
    ],
    broadcast.stretch: [((X, M), {}), ((np.float64(1.5), X), {})],
    broadcast.broadcast_to: [
        ((X,), {"shape": (2, 6)}),
        ((M[:, None], 2), {"shape": (4, Arg(1), 3)}),
        ((np.float64(0.5),), {"shape": (3,)}),
    ],
    broadcast.broadcast_with: [((X, np.ones((3, 1))), {}), ((N[:, :1], M, X[:3]), {})],
    broadcast.sum_: over(
        ((I,), {"axes": (0,)}), ((ZM,), AX1), ((F,), AX0), ((1.5,), {"axes": ()})
    ),
    creation.zeros: [
        ((), {"shape": (2, 3), "dtype": F64}),
        ((4,), {"shape": (Arg(0),), "dtype": F32}),
    ],
    creation.ones: [((), {"shape": (3,), "dtype": I64}), ((), {"shape": (), "dtype": F64})],
    creation.empty: [((0,), {"shape": (Arg(0), 3), "dtype": F64})],
    creation.zeros_like: [
        ((M,), {"dtype": F64}),
        ((I,), {"dtype": F32}),
        ((2.5,), {"dtype": F64}),
    ],
    creation.ones_like: [((M,), {"dtype": F64})],
    creation.empty_like: [((M[:0],), {"dtype": F64})],
    filling.full: [
        ((1.5,), {"shape": (2, 3), "dtype": F64}),
        ((X, 2), {"shape": (Arg(1), 6), "dtype": F64}),
        ((3,), {"shape": (2,), "dtype": F64}),
    ],
    filling.full_like: [
        ((M, 1.5), {"dtype": F64}),
        ((M, X[:3]), {"dtype": F64}),
        ((I, 2), {"dtype": I64}),
    ],
    ranges.arange: [
        ((), {"bounds": (5,), "dtype": None}),
        ((4,), {"bounds": (1, Arg(0)), "dtype": None}),
        ((0.5, 2.7), {"bounds": (Arg(0), Arg(1), 0.5), "dtype": None}),
        ((0.5, 0.3), {"bounds": (Arg(0), 2.15, Arg(1)), "dtype": None}),
        ((3,), {"bounds": (Arg(0),), "dtype": F32}),
    ],
    ranges.linspace: [
        ((0.5, 2.5), {"shape": (5,), "endpoint": True}),
        ((0.5, 2.5, 4), {"shape": (Arg(2),), "endpoint": False}),
        ((X, 1.0), {"shape": (3,), "endpoint": True}),
        ((np.float32(0.5), 2.5), {"shape": (3,), "endpoint": True}),
        ((0.5j, 2.5), {"shape": (3,), "endpoint": True}),
    ],
    ranges.logspace: [
        ((0.5, 1.5, 10.0), {"shape": (4,), "endpoint": True}),
        ((X[:2], 1.5, 2.0, 3), {"shape": (Arg(3),), "endpoint": False}),
    ],
    ranges.geomspace: [((0.5, 4.5), {"shape": (4,), "endpoint": True})],
    shape.reshape: [
        ((X,), {"shape": (2, 3)}),
        ((M, 6), {"shape": (Arg(0), -1)}),
        ((T,), {"shape": (-1,)}),
        ((1.5,), {"shape": (1, 1)}),
    ],
    shape.reshape_like: [((X, np.ones((2, 3))), {}), ((T, np.ones((3, 8))), {})],
    shape.ravel: [((M,), {}), ((X,), {}), ((M.T,), {}), ((1.5,), {})],
    shape.flatten: [((M,), {}), ((X,), {})],
    joining.concatenate: [
        ((X, Y), {"axis": 0}),
        ((M, M[:2], N), {"axis": 0}),
        ((M, N[:, :1]), {"axis": 1}),
        ((X, I), {"axis": 0}),
        ((F, X), {"axis": 0}),
        ((Z, X), {"axis": 0}),
    ],
    joining.stack: [
        ((X, Y), {"axis": 0}),
        ((M, N), {"axis": 1}),
        ((1.5, 2.5, 0.5), {"axis": 0}),
    ],
    joining.vstack: [((X, Y), {}), ((M, X[:3]), {})],
    joining.hstack: [((X, Y), {}), ((M, N), {}), ((1.5, 2.5), {})],
    joining.dstack: [((X, Y), {}), ((M, N), {})],
    joining.column_stack: [((X, Y), {}), ((M, M[:, 0]), {})],
    rearrange.roll: [
        ((X,), {"shift": (2,), "axes": (0,)}),
        ((M, 1), {"shift": (Arg(1), -1), "axes": (0, 1)}),
    ],
    rearrange.repeat: [
        ((X,), {"axis": 0, "count": 3}),
        ((M, 2), {"axis": 1, "count": Arg(1)}),
        ((X, np.array([1, 0, 2, 1, 3, 1])), {"axis": 0, "count": Arg(1)}),
    ],
    rearrange.tile: [
        ((X,), {"reps": (2,)}),
        ((M,), {"reps": (2,)}),
        ((X, 3), {"reps": (2, Arg(1))}),
        ((T,), {"reps": (1, 2, 2)}),
    ],
    padding.pad_constant: [
        ((X,), {"width": ((2, 1),), "fill": 0}),
        ((M, 1.5), {"width": ((1, 1), (1, 1)), "fill": None}),
        ((M,), {"width": ((0, 1), (2, 0)), "fill": 1.5}),
    ],
    padding.pad: [
        ((X,), {"width": ((2, 2),), "mode": "edge"}),
        ((X,), {"width": ((2, 3),), "mode": "reflect"}),
        ((M,), {"width": ((2, 1), (0, 2)), "mode": "symmetric"}),
        ((M,), {"width": ((1, 2), (2, 1)), "mode": "wrap"}),
    ],
    diagonals.diagonal: [
        ((M,), {"offset": 0, "axis1": 0, "axis2": 1}),
        ((M,), {"offset": -1, "axis1": 0, "axis2": 1}),
        ((T,), {"offset": 1, "axis1": 2, "axis2": 0}),
    ],
    diagonals.embed_diagonal: [
        ((X[:3], M), {"offset": -1, "axis1": 0, "axis2": 1}),
        ((np.ones((3, 2)) * X[:3, None], T), {"offset": 1, "axis1": 0, "axis2": 2}),
    ],
    sliding.sliding_windows: [
        ((X,), {"window": (3,), "axis": 0}),
        ((M, 2), {"window": (Arg(1),), "axis": 0}),
        ((T,), {"window": (3,), "axis": 1}),
    ],
    diagonals.diag: [((X,), {"k": 0}), ((X,), {"k": -2})],
    diagonals.diag_rows: [((M,), {"k": 0}), ((M,), {"k": 1})],
    diagonals.trace: [
        ((S,), {"offset": 0, "axis1": 0, "axis2": 1}),
        ((T,), {"offset": 1, "axis1": 0, "axis2": 2}),
        ((I.reshape(2, 3),), {"offset": 1, "axis1": 0, "axis2": 1}),
    ],
    diagonals.tril: [((M,), {"k": 0}), ((T,), {"k": 1})],
    diagonals.triu: [((M,), {"k": -1})],
    diagonals.eye: [
        ((), {"shape": (3,), "k": 0, "dtype": F64}),
        ((4,), {"shape": (3, Arg(0)), "k": 1, "dtype": F32}),
    ],
    diagonals.tri: [((3,), {"shape": (Arg(0),), "k": -1, "dtype": F64})],
    reduction.size_of: [((M,), {})],
    reduction.mean: over(((I,), {"axes": (0,)}), ((F,), AX0), ((ZM,), AX1)),
    reduction.var: over(((F,), AX0), ((ZM,), AX1), ((M,), {**AX0, "ddof": 1}), ((I,), AX0)),
    reduction.std: over(
        ((F,), AX0),
        ((ZM,), AX1),
        ((M,), {**AX0, "ddof": 1}),
        ((np.float64(2.0),), {"axes": ()}),
    ),
    reduction.max_: over(((F,), AX0), ((I,), AX0)),
    reduction.min_: over(((F,), AX0), ((I,), AX0)),
    reduction.nanmax: over(((GAPS,), AX0)),
    reduction.nanmin: over(((GAPS,), AX0)),
    reduction.ptp: over(),
    reduction.any_: over(),
    reduction.all_: over(((HOLES,), AX1)),
    reduction.count_nonzero: over(((HOLES,), AX1), ((HOLES,), {**BOTH, **KEEP})),
    **{
        op: [
            ((X,), {"axis": 0}),
            ((M,), {"axis": None}),
            ((M,), {"axis": 1}),
            ((M,), {"axis": 0, **KEEP}),
            ((M,), {"axis": None, **KEEP}),
        ]
        for op in (
            extremum_positions.argmax,
            extremum_positions.argmin,
            extremum_positions.nanargmax,
            extremum_positions.nanargmin,
        )
    },
    cumulative.recurrence: [
        ((X, Y), {"axis": 0}),
        ((M, N), {"axis": 1}),
        ((HOLES, M[:3]), {"axis": 0}),
        ((Z, Y + 1j), {"axis": 0}),
        ((F, F), {"axis": 0}),
    ],
    cumulative.cumsum: [
        ((X,), {"axis": 0}),
        ((M,), {"axis": 1}),
        ((I,), {"axis": 0}),
        ((T,), {"axis": 1}),
    ],
    cumulative.cumprod: [
        ((X,), {"axis": 0}),
        ((HOLES,), {"axis": 1}),
        ((HOLES,), {"axis": 0}),
        ((Z,), {"axis": 0}),
        ((F,), {"axis": 0}),
    ],
    cumulative.nancumsum: [((GAPS,), {"axis": 0}), ((M,), {"axis": 1})],
    cumulative.nancumprod: [((GAPS,), {"axis": 0}), ((M,), {"axis": 0})],
    cumulative.other_factors: [((X,), {"axis": 0}), ((HOLES,), {"axis": 1})],
    cumulative.prod: over(
        ((HOLES,), BOTH), ((HOLES,), AX1), ((I,), AX0), ((Z,), AX0), ((F,), AX0)
    ),
    arrays.array_of: [
        ((1.5, 2.0, 0.5, np.float32(2)), {"shape": (2, 2), "dtype": None}),
        ((1.5, 2, 3), {"shape": (3,), "dtype": None}),
        ((np.float32(1.5), 2.5), {"shape": (2,), "dtype": F32}),
        ((M, N), {"shape": (2,), "dtype": None}),
        ((X, 1j * Y), {"shape": (1, 2), "dtype": None}),
    ],
    arrays.to_array: [((1.5,), {}), ((np.float32(1.5),), {})],
    arrays.ascontiguousarray: [((M,), {}), ((M.T,), {})],
    arrays.asfortranarray: [((M,), {}), ((M.T,), {})],
    grids.indices: [
        ((3,), {"shape": (2, Arg(0)), "dtype": I64}),
        ((), {"shape": (2,), "dtype": F64}),
    ],
    grids.meshgrid: [((X, Y[:3]), {"indexing": "xy"}), ((X, Y[:3], F[:2]), {"indexing": "ij"})],
}
