"""Sample calls of products, order statistics, NaN-ignoring reductions and differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Arg
from stagec.ops import (
    averages,
    bilinear,
    differences,
    distinct,
    polynomials,
    positions,
    products,
    quantiles,
    search,
    selected,
    sorting,
    statistics,
    subscripts,
)

Sample = tuple[tuple[Any, ...], dict[str, Any]]

X = np.array([0.3, 0.7, 1.3, 2.1, 0.9, 1.7])
Y = np.array([1.1, -0.4, 0.8, 0.25, 1.9, -1.2])
I = np.arange(6)  # noqa: E741
M = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.5, 0.15, 1.2], [-0.8, 0.6, 0.9]])
N = np.array([[0.25, -1.3, 0.7], [1.25, 0.55, -0.45], [0.35, 1.15, 2.2], [-0.3, 1.6, 0.75]])
S = M[:3].copy()
T = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4) ** 2 + 0.1
U = np.linspace(0.2, 1.9, 24).reshape(2, 4, 3) ** 3 - 0.7
Z = X + 1j * Y
ZM = M + 1j * N
F = X.astype(np.float32)
GAPS = np.array([0.3, np.nan, 1.3, 2.1, np.nan, 1.7])
HOLES = np.array([[0.3, np.nan, 1.3, 2.2], [2.1, 0.9, 1.75, 0.4], [0.05, np.nan, np.nan, 1.0]])
AX0, AX1, BOTH = {"axes": (0,)}, {"axes": (1,)}, {"axes": (0, 1)}
KEEP = {"keepdims": True}
GRID: list[dict[str, Any]] = [{**a, **k} for a in (AX0, AX1, BOTH) for k in ({}, KEEP)]


def matrix(x: Any = M, *samples: Any) -> list[Sample]:
    """A matrix over all axes and over each, with and without `keepdims`."""
    return [*(((x,), a) for a in GRID), *samples]


def with_ddof(op: Op) -> list[Sample]:
    """The moments of a matrix with gaps."""
    return matrix(HOLES[:2], ((GAPS,), {**AX0, "ddof": 1}), ((F,), AX0), ((ZM,), AX0))


def quantiles_of(q: float, *samples: Any) -> list[Sample]:
    """Quantiles of a matrix and of sequences, by each method."""
    grid = [((M, q), a) for a in GRID]
    methods = [((X, q), {**AX0, "method": m}) for m in quantiles.METHODS if m != "linear"]
    return [*grid, *methods, ((F, q), AX0), ((I, q), AX0), ((X, np.float64(q)), AX0), *samples]


SAMPLES: dict[Op, list[Sample]] = {
    products.matmul: [
        ((M, M.T.copy()), {}),
        ((X, Y), {}),
        ((M, X[:3]), {}),
        ((X[:4], M), {}),
        ((T, U), {}),
        ((T, M), {}),
        ((M.T.copy(), U), {}),
        ((T, X[:4]), {}),
        ((X[:3], T), {}),
        ((T[:, None], U), {}),
        ((ZM, M.T.copy()), {}),
        ((ZM, Z[:3]), {}),
        ((Z, Z), {}),
        ((F, X), {}),
        ((I, X), {}),
    ],
    products.outer: [((X, Y[:2]), {}), ((M, X), {}), ((Z, X), {}), ((F, X), {})],
    products.tensordot: [
        ((T, U), {"left": (1, 2), "right": (2, 1)}),
        ((T, M), {"left": (1,), "right": (1,)}),
        ((T, T), {"left": (2, 0), "right": (2, 0)}),
        ((X, Y), {"left": (0,), "right": (0,)}),
        ((M, X), {"left": (), "right": ()}),
        ((ZM, M), {"left": (0,), "right": (0,)}),
    ],
    subscripts.einsum: [
        ((M, N), {"subscripts": "ij,kj->ik"}),
        ((T, U), {"subscripts": "bij,bjk->bik"}),
        ((M,), {"subscripts": "ij->ji"}),
        ((M,), {"subscripts": "ij->"}),
        ((M,), {"subscripts": "ij->j"}),
        ((S,), {"subscripts": "ii->"}),
        ((S,), {"subscripts": "ii->i"}),
        ((S, S, M), {"subscripts": "ij,ij,kj->ik"}),
        ((S, X[:3]), {"subscripts": "ii,i->i"}),
        ((T[:, :2, :2].copy(), M), {"subscripts": "iij,kl->j"}),
        ((X, Y), {"subscripts": "i,j->ij"}),
        ((X, M), {"subscripts": "i,jk->k"}),
        ((ZM, M), {"subscripts": "ij,ij->i"}),
        ((F, X), {"subscripts": "i,i->"}),
        ((M, N), {"subscripts": "ij,kj->ik", "optimize": True}),
        ((M[:1], N), {"subscripts": "ij,ij->ij"}),
        ((M[:1], N), {"subscripts": "ij,ij->j"}),
        ((M[:, :1], N), {"subscripts": "ij,jk->k"}),
        ((M[:1], N[:, :1]), {"subscripts": "ij,ij->"}),
    ],
    bilinear.vdot: [((X, Y), {}), ((M, N), {}), ((Z, X), {}), ((X, Z), {})],
    bilinear.vecdot: [((X, Y), {}), ((M, N), {}), ((M, X[:3]), {}), ((ZM, N), {})],
    bilinear.kron: [((M, N[:2]), {}), ((X, M), {}), ((X, Y), {})],
    bilinear.cross: [
        ((M, N), {}),
        ((X[:3], Y[:3]), {}),
        ((M, X[:3]), {}),
        ((ZM, N), {}),
        ((M[:1], N), {}),
    ],
    bilinear.convolve_full: [
        ((X, Y[:3]), {}),
        ((X[:2], Y), {}),
        ((Z, X), {}),
        ((X[:3], Z), {}),
    ],
    bilinear.convolve: [
        (pair, {"mode": m})
        for m in ("same", "valid")
        for pair in ((X, Y[:3]), (X, Y[:4]), (X[:3], Y), (X[:2], Y), (X, Y), (Z, X[:2]))
    ],
    bilinear.correlate: [
        (pair, {"mode": m})
        for m in ("full", "same", "valid")
        for pair in ((X, Y[:3]), (X, Y[:4]), (X[:3], Y), (X[:2], Y), (X, Y), (Z, Z[:2]))
    ],
    search.nonzero: [((I,), {}), ((np.eye(3),), {})],
    search.flatnonzero: [((I,), {})],
    search.argwhere: [((I,), {}), ((np.eye(3),), {})],
    search.searchsorted: [
        ((I, X), {"side": "left"}),
        ((I, np.float64(1.0)), {"side": "right"}),
    ],
    search.digitize: [
        ((X, np.arange(3.0)), {"right": False}),
        ((X, np.arange(3.0)), {"right": True}),
    ],
    search.isin: [((I, np.array([1, 4])), {"invert": False}), ((X, X[:2]), {"invert": True})],
    positions.tril_indices: [
        ((), {"shape": (3, 4), "k": -1}),
        ((3,), {"shape": (Arg(0), 4), "k": 0}),
    ],
    positions.triu_indices: [
        ((), {"shape": (3, 4), "k": 1}),
        ((3,), {"shape": (Arg(0), 4), "k": 0}),
    ],
    positions.unravel_index: [
        ((I,), {"shape": (2, 3)}),
        ((np.int64(5), 4), {"shape": (3, Arg(1))}),
        ((I,), {"shape": (6,)}),
    ],
    distinct.unique: [
        ((np.array([0.5, 2.5, 1.5]),), {"index": False, "inverse": False, "counts": False}),
        ((np.array([[3.5, 1.5]]),), {"index": False, "inverse": True, "counts": False}),
        ((np.array([3, 1, 1, 2]),), {"index": False, "inverse": False, "counts": False}),
        ((np.array([[3, 1], [1, 2]]),), {"index": True, "inverse": True, "counts": True}),
    ],
    search.argsort: [
        ((X,), {"axis": 0}),
        ((M,), {"axis": 0}),
        ((M,), {"axis": 1, "kind": "stable"}),
    ],
    search.argpartition: [((X,), {"axis": 0, "kth": (2,)}), ((M,), {"axis": 0, "kth": (1, 2)})],
    sorting.take_along_axis: [
        ((X, np.array([3, 0, 0])), {"axis": 0}),
        ((M, np.array([[3, 0, 0], [1, 2, 2]])), {"axis": 0}),
        ((M, np.array([[2], [0], [0], [1]])), {"axis": 1}),
    ],
    sorting.sort: [
        ((X,), {"axis": 0}),
        ((M,), {"axis": 0}),
        ((T,), {"axis": 1}),
        ((Z,), {"axis": 0}),
    ],
    sorting.partition_order: [
        ((X,), {"axis": 0, "kth": (2,)}),
        ((M,), {"axis": 0, "kth": (1,)}),
    ],
    sorting.partition: [((X,), {"axis": 0, "kth": (2,)}), ((M,), {"axis": 0, "kth": (1, 3)})],
    quantiles.median: matrix(
        M,
        ((X,), AX0),
        ((X[:5],), AX0),
        ((T,), {"axes": (0, 2)}),
        ((F,), AX0),
        ((I,), AX0),
        ((GAPS,), AX0),
    ),
    quantiles.nanmedian: matrix(HOLES, ((GAPS,), AX0)),
    quantiles.quantile: quantiles_of(
        0.4, ((X, 0.2, 0.7), {**AX0, "many": True}), ((GAPS, 0.4), AX0)
    ),
    quantiles.percentile: quantiles_of(30, ((M, 20.0, 70.0), {**AX1, "many": True})),
    quantiles.nanquantile: [
        *(((HOLES, 0.4), a) for a in GRID),
        ((HOLES, 0.97), {**AX1, "method": "median_unbiased"}),
    ],
    quantiles.nanpercentile: [((GAPS, 40), AX0), ((HOLES, 25.0), AX1)],
    averages.nansum: matrix(HOLES, ((I,), AX0)),
    averages.nanprod: matrix(HOLES),
    averages.nanmean: matrix(HOLES, ((F,), AX0)),
    averages.nanvar: with_ddof(averages.nanvar),
    averages.nanstd: with_ddof(averages.nanstd),
    averages.average: [
        ((M, np.abs(N)), AX0),
        ((M, np.abs(N)), {**BOTH, **KEEP}),
        ((M, X[:3]), AX1),
        ((X, I + 1), AX0),
    ],
    differences.diff: [
        ((X,), {"axis": 0}),
        ((M,), {"axis": 0, "n": 2}),
        ((M,), {"axis": 1}),
        ((I,), {"axis": 0}),
    ],
    differences.ediff1d: [((X,), {}), ((M,), {})],
    differences.gradient: [
        ((X, 1.0), {"axis": 0}),
        ((X, 0.5), {"axis": 0, "edge_order": 2}),
        ((M, 0.5), {"axis": 0}),
        ((M, X[:3]), {"axis": 1}),
        ((X, np.array([0.0, 0.5, 1.5, 2.0, 3.5, 4.0])), {"axis": 0, "edge_order": 2}),
        ((T, np.array([0.0, 0.5, 1.5])), {"axis": 1, "edge_order": 2}),
    ],
    differences.trapezoid: [
        ((X, 0.5), {"axis": 0, "samples": False}),
        ((M, 1.0), {"axis": 0, "samples": False}),
        ((M, X[:4]), {"axis": 0, "samples": True}),
        ((M, N), {"axis": 1, "samples": True}),
    ],
    differences.unwrap: [
        ((X * 3,), {"axis": 0, "discont": None, "period": 2 * np.pi}),
        ((M,), {"axis": 0, "discont": None, "period": 1.5}),
    ],
    statistics.cov: [
        ((M,), {"rowvar": True, "ddof": 1}),
        ((M,), {"rowvar": False, "ddof": 0}),
        ((X,), {"rowvar": True, "ddof": 1}),
        ((ZM,), {"rowvar": True, "ddof": 1}),
    ],
    statistics.corrcoef: [((N,), {"rowvar": True}), ((N,), {"rowvar": False})],
    statistics.bincount: [
        ((np.array([0, 1, 0, 1, 3, 3]), X), {"minlength": 0}),
        ((np.array([0, 1, 0, 1, 3, 3]), X), {"minlength": 7}),
    ],
    statistics.histogram_counts: [
        ((X, np.array([0.0, 0.5, 1.0, 2.0])), {}),
        ((X, np.array([0.3, 0.7, 1.3, 2.1])), {}),
        ((X, np.array([0.0, 0.5, 1.0, 2.0]), Y), {}),
    ],
    statistics.histogram_edges: [((X,), {"bins": 4}), ((M,), {"bins": 3})],
    statistics.histogram_even: [
        ((X,), {"bins": 4, "span": (0.0, 2.0)}),
        ((M, M), {"bins": 3, "span": None}),
        ((X, Y), {"bins": 3, "span": (0.0, 1.5)}),
    ],
    statistics.interp: [
        ((np.array([0.5, 1.7, -1.0, 7.0]), np.arange(6.0), X), {}),
        ((1.3, np.array([0.0, 1.0, 2.5]), Y[:3]), {}),
        ((M, np.array([-1.0, 0.05, 0.33, 3.0]), Y[:4]), {}),
    ],
    polynomials.polyval: [
        ((X, Y), {}),
        ((X, 0.0), {}),
        ((X, M), {}),
        ((X, 1.5), {}),
        ((Z, X), {}),
    ],
    polynomials.vander: [
        ((X,), {"shape": (3,), "increasing": False}),
        ((X, 4), {"shape": (Arg(1),), "increasing": True}),
        ((np.array([0.0, 1.0, -2.0]),), {"shape": (3,), "increasing": False}),
    ],
    polynomials.polyder: [((X,), {"m": 1}), ((X,), {"m": 2})],
    polynomials.polyint: [((X,), {"m": 1}), ((X,), {"m": 2})],
    polynomials.poly: [((X,), {}), ((np.array([0.0, 0.0, 1.5]),), {}), ((Z,), {})],
    polynomials.roots: [((np.array([1.0, -3.5, 2.0, 0.7]),), {}), ((X,), {})],
    polynomials.polyfit: [
        ((X, Y), {"degree": 2}),
        ((X, np.stack((Y, X**2), 1)), {"degree": 1}),
    ],
    **{
        op: [
            ((M, N > 0.3), {"axes": (0,)}),
            ((M, N > 0.3), {**BOTH, **KEEP}),
            ((M, np.array([True, False, True])), AX1),
            ((F, F > 0.5), AX0),
        ]
        for op in (selected.sum_where, selected.mean_where, selected.prod_where)
    },
}
