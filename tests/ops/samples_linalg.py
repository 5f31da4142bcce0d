"""Samples of linear algebra: square, tall, wide, stacked and complex matrices."""

import numpy as np

from stagec.ops.arithmetic import negative
from stagec.ops.attempts import attempt, tried
from stagec.ops.decompositions import eig, eigh, eigvals, eigvalsh, qr
from stagec.ops.linalg import cholesky, cofactor, cofactor_slope, det, inv, slogdet, solve
from stagec.ops.matrices import half_lower, inverse_gaps, peaks
from stagec.ops.norms import norm, norm_by
from stagec.ops.pseudoinverse import cond, lstsq, matrix_rank, pinv
from stagec.ops.rounding import floor_divide
from stagec.ops.singular import svd, svdvals
from stagec.ops.tensors import matrix_power, multi_dot, tensorinv, tensorsolve

RNG = np.random.default_rng(5)
M = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.5, 0.1, 1.2]])
Z = M + 1j * RNG.normal(size=(3, 3)) / 2
STACK = M + RNG.normal(size=(2, 3, 3)) / 5
S = M @ M.T + np.diag([0.0, 1.0, 3.0])
HERMITIAN = Z @ Z.conj().T + np.diag([0.0, 1.0, 3.0])
SPD = STACK @ np.matrix_transpose(STACK)
TALL = RNG.normal(size=(4, 3))
WIDE = TALL.T
ZTALL = TALL + 1j * RNG.normal(size=(4, 3))
B = RNG.normal(size=(3, 2))
V = RNG.normal(size=3)
TURN = np.array([[1.0, -2.0, 0.3], [2.5, 0.5, 0.1], [0.2, 0.4, 3.0]])
F32 = M.astype(np.float32)
CUBE = RNG.normal(size=(4, 2, 2)) + np.eye(4).reshape(4, 2, 2)


def _of(order, axes=(0, 1), keepdims=False, **more):
    return {"order": order, "axes": axes, "keepdims": keepdims, **more}


def _by(order, axes=(0, 1), matrix=True, keepdims=False):
    return _of(order, axes, keepdims, matrix=matrix)


SAMPLES = {
    half_lower: [((M,), {}), ((Z,), {}), ((STACK,), {})],
    inverse_gaps: [((np.array([1.0, 2.5, 4.0]),), {}), ((np.array([1.0, 2.5j]),), {})],
    peaks: [((M,), {}), ((STACK,), {})],
    solve: [
        ((M, V), {}),
        ((M, B), {}),
        ((Z, B), {}),
        ((M, ZTALL[:3]), {}),
        ((STACK, V), {}),
        ((STACK, B), {}),
        ((M, RNG.normal(size=(2, 3, 2))), {}),
        ((STACK[:, None], RNG.normal(size=(4, 3, 2))), {}),
        ((F32, V.astype(np.float32)), {}),
        ((F32, V), {}),
    ],
    attempt: [((2, 3), {"op": floor_divide, "options": (), "errors": (ZeroDivisionError,)})],
    tried: [((-2, 2), {"op": negative, "options": ()})],
    inv: [((M,), {}), ((Z,), {}), ((STACK,), {}), ((F32,), {})],
    cofactor: [((M,), {}), ((Z,), {}), ((STACK,), {})],
    cofactor_slope: [((M, M @ M), {}), ((Z, Z @ Z), {}), ((STACK, M), {})],
    det: [((M,), {}), ((Z,), {}), ((STACK,), {}), ((F32,), {})],
    slogdet: [((M,), {}), ((Z,), {}), ((-STACK,), {}), ((F32,), {})],
    cholesky: [((S,), {}), ((HERMITIAN,), {}), ((SPD,), {}), ((S + np.triu(M, 1),), {})],
    qr: [
        ((M,), {"mode": "reduced"}),
        ((TALL,), {"mode": "reduced"}),
        ((WIDE,), {"mode": "reduced"}),
        ((WIDE,), {"mode": "complete"}),
        ((ZTALL,), {"mode": "reduced"}),
        ((ZTALL.T,), {"mode": "reduced"}),
        ((STACK,), {"mode": "reduced"}),
    ],
    eigh: [((S,), {"triangle": "L"}), ((S + np.tril(M, -1),), {"triangle": "U"}),
           ((SPD,), {"triangle": "L"})],
    eigvalsh: [((S,), {"triangle": "L"}), ((HERMITIAN,), {"triangle": "U"})],
    eig: [((M,), {}), ((TURN,), {}), ((Z,), {}), ((STACK,), {})],
    eigvals: [((M,), {}), ((TURN,), {}), ((Z,), {})],
    svd: [
        ((M,), {"full": True}),
        ((TALL,), {"full": False}),
        ((WIDE,), {"full": False}),
        ((STACK,), {"full": False}),
    ],
    svdvals: [((TALL,), {}), ((ZTALL,), {}), ((STACK,), {})],
    norm: [
        ((V,), _of(None, (0,))),
        ((M,), _of(None)),
        ((Z,), _of(None)),
        ((M,), _of(None, (1,), True)),
        ((M,), _of(1, (0,))),
        ((Z,), _of(1, (0,))),
        ((M,), _of(3, (0,))),
        ((Z,), _of(2.5, (0, 1))),
        ((M,), _of(0.5, (1,), True)),
        ((STACK,), _of(None, (1, 2))),
        ((F32,), _of(None)),
    ],
    norm_by: [
        ((V,), _by(np.inf, (0,), False)),
        ((M,), _by(-np.inf, (1,), False, True)),
        ((M,), _by(0, (0,), False)),
        ((M,), _by(np.inf, (0, 1), False)),
        ((M,), _by(1)),
        ((Z,), _by(-1)),
        ((M,), _by(np.inf)),
        ((TALL,), _by(-np.inf, (1, 0))),
        ((TALL,), _by(2)),
        ((STACK,), _by(-2, (1, 2))),
        ((STACK,), _by("nuc", (0, 2), keepdims=True)),
        ((STACK,), _by(1, (0, 2), keepdims=True)),
    ],
    pinv: [
        ((M,), {"cut": None}),
        ((TALL,), {"cut": None}),
        ((WIDE,), {"cut": 1e-9}),
        ((ZTALL,), {"cut": None}),
    ],
    lstsq: [
        ((TALL, RNG.normal(size=4)), {"cut": None}),
        ((TALL, RNG.normal(size=(4, 2))), {"cut": 1e-9}),
        ((WIDE, RNG.normal(size=(3, 2))), {"cut": None}),
        ((ZTALL, RNG.normal(size=4)), {"cut": None}),
    ],
    matrix_rank: [((M,), {}), ((STACK, 1e-3), {})],
    cond: [((M,), {"order": o}) for o in (None, 1, -2, np.inf, "fro")]
    + [((STACK,), {"order": 2})],
    matrix_power: [((M,), {"n": n}) for n in (-2, 0, 1, 2, 3, 5)] + [((STACK,), {"n": 4})],
    multi_dot: [((V, M, B), {}), ((M, M, B, V[:2]), {}), ((V, M, V), {})],
    tensorinv: [((M,), {"ind": 1}), ((CUBE,), {"ind": 1})],
    tensorsolve: [((CUBE, RNG.normal(size=4)), {}), ((M, M[0]), {})],
}  # fmt: skip
