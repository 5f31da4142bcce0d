"""Products made of simpler ones: vdot, vecdot, kron, cross, convolution and correlation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Cost, Op, Staged
from stagec.ir.path import Index
from stagec.ir.types import ArrayType, affine, broadcast_shapes
from stagec.ops.arithmetic import multiply
from stagec.ops.arrays import array_of, as_array, vector
from stagec.ops.axes import dtype_of, expand_dims, length, move_axis, normal_axis, np_shape
from stagec.ops.bilinear_rules import bilinear_jvp
from stagec.ops.broadcast import batched, fit, sum_
from stagec.ops.cast import conjugate
from stagec.ops.comparison import less
from stagec.ops.composite import composite
from stagec.ops.family import make, sizes, static
from stagec.ops.indexing import read_at
from stagec.ops.joining import FULL, part_of, stack
from stagec.ops.products import matmul
from stagec.ops.rearrange import reverse_axes
from stagec.ops.rounding import floor_divide, maximum, minimum
from stagec.ops.shape import ravel, reshape


def _flat(x: Any) -> Any:
    return x if np.ndim(x) == 1 else ravel(x)


vdot = composite(
    "vdot",
    calls=((np.vdot, lambda a, b, /: vdot(a, b)),),
    value=np.vdot,
    expand=lambda a, b: matmul(conjugate(_flat(a)), _flat(b)),
    source="np.vdot({}, {})",
)


def _vecdot_call(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    if static(axis, "axis") != -1:
        x1, x2 = (move_axis(x, normal_axis(axis, np.ndim(x)), np.ndim(x) - 1) for x in (x1, x2))
    return vecdot(x1, x2)


def _vecdot_expand(a: Any, b: Any) -> Any:
    product = multiply(conjugate(a), b)
    return sum_(product, axes=(np.ndim(product) - 1,))


vecdot = composite(
    "vecdot",
    calls=((np.vecdot, _vecdot_call), (np.linalg.vecdot, _vecdot_call)),
    value=np.vecdot,
    expand=_vecdot_expand,
    source="np.vecdot({}, {})",
    may_raise=(ValueError,),
)


def _raised(x: Any, rank: int) -> Any:
    lead = tuple(range(rank - np.ndim(x)))
    return expand_dims(x, axes=lead) if lead else x


def _kron_expand(a: Any, b: Any) -> Any:
    rank = max(np.ndim(a), np.ndim(b))
    if rank == 0:
        return multiply(a, b)
    a, b = _raised(a, rank), _raised(b, rank)
    wide = multiply(
        expand_dims(a, axes=tuple(range(1, 2 * rank, 2))),
        expand_dims(b, axes=tuple(range(0, 2 * rank, 2))),
    )
    plan, staged = sizes(tuple(length(a, k) * length(b, k) for k in range(rank)))
    return reshape(wide, *staged, shape=plan)


kron = composite(
    "kron",
    calls=((np.kron, lambda a, b: kron(a, b)),),
    value=np.kron,
    expand=_kron_expand,
    source="np.kron({}, {})",
)


# --- cross products ------------------------------------------------------------------------


def _component(x: Any, k: int) -> Any:
    return read_at(x, (Index((FULL,) * (np.ndim(x) - 1) + (k,)),))


def _cross_expand(a: Any, b: Any) -> Any:
    p, q = ([_component(x, k) for k in range(3)] for x in (a, b))
    parts = [p[i] * q[j] - p[j] * q[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    if not np.ndim(parts[0]):
        return array_of(*parts, shape=(3,), dtype=None)
    return stack(*parts, axis=np.ndim(parts[0]))


def _cross_call(
    a: Any, b: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Any = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a = move_axis(a, normal_axis(axisa, np.ndim(a)), np.ndim(a) - 1)
    b = move_axis(b, normal_axis(axisb, np.ndim(b)), np.ndim(b) - 1)
    counts = {np_shape(x)[-1] for x in (a, b)}
    if 3 not in counts:  # with one of them known, the other is checked at run time
        for x in (a, b):
            static(length(x, np.ndim(x) - 1), "the number of components")
    if counts == {2}:  # of the third component, which alone is not zero
        found = _component(a, 0) * _component(b, 1) - _component(a, 1) * _component(b, 0)
        return found if np.ndim(found) else as_array(found, None)
    if any(isinstance(n, int) and n != 3 for n in counts):
        raise TypeError("cross: both operands must have 3 components")
    out = cross(a, b)
    return move_axis(out, np.ndim(out) - 1, normal_axis(axisc, np.ndim(out)))


def _cross_in_space(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    if any(np_shape(x)[normal_axis(axis, np.ndim(x))] == 2 for x in (x1, x2)):
        raise ValueError("cross: both operands must have 3 components")
    return _cross_call(x1, x2, axis=axis)


def _cross_vjp(ct: Any, out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return (
        fit(cross(conjugate(b), ct), a) if dtype_of(a).kind in "fc" else None,
        fit(cross(ct, conjugate(a)), b) if dtype_of(b).kind in "fc" else None,
    )


cross = replace(
    composite(
        "cross",
        calls=(
            (np.cross, _cross_call),
            (np.linalg.cross, _cross_in_space),
        ),
        value=np.cross,
        expand=_cross_expand,
        source="np.cross({}, {})",
        anywhere=True,
    ),
    vjp=_cross_vjp,
    jvp=bilinear_jvp(lambda: cross),
    expand=None,
)


# --- convolution ---------------------------------------------------------------------------


def _convolve_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    if a.rank < 1 or a.rank != b.rank:
        raise TypeError(f"convolve: expected two sequences, got {a} and {b}")
    size = affine((a.shape[-1], 1), (b.shape[-1], 1), const=-1)
    lead = broadcast_shapes(a.shape[:-1], b.shape[:-1])
    return ArrayType(np.result_type(a.dtype, b.dtype), (*lead, size))


def _correlate_valid(ct: Any, b: Any) -> Any:
    """The sums of `ct[k + j] * conj(b[j])` over `j`."""
    last = np.ndim(b) - 1
    whole = convolve_full(ct, reverse_axes(conjugate(b), (last,)))
    return part_of(whole, last, length(b, last) - 1, length(ct, last))


def _convolve_vjp(ct: Any, out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return (
        fit(_correlate_valid(ct, b), a) if dtype_of(a).kind in "fc" else None,
        fit(_correlate_valid(ct, a), b) if dtype_of(b).kind in "fc" else None,
    )


# of the rows along the last axis, if there are more axes
convolve_full = make(
    "convolve_full",
    calls=(),
    infer=_convolve_infer,
    value=lambda a, b: np.convolve(a, b) if np.ndim(a) == 1 else rt.convolve_rows(a, b),
    vjp=_convolve_vjp,
    jvp=bilinear_jvp(lambda: convolve_full),
    batch=lambda args, axes, /: (convolve_full(*batched(args, axes)), 0),
    source=lambda a, b: f"{'np.convolve' if a.rank == 1 else 'rt.convolve_rows'}({{}}, {{}})",
    cost=Cost.COSTLY,
    may_raise=(ValueError,),
)


def _window(whole: Any, n: Any, m: Any, mode: str, turned: Any = lambda n, m: 0) -> Any:
    """The part of a full convolution of `n` and `m` elements that a mode keeps."""
    if mode == "full":
        return whole
    if isinstance(n, Staged) or isinstance(m, Staged):
        small, large = minimum(n, m), maximum(n, m)
    else:
        small, large = min(n, m), max(n, m)
    if mode == "valid":
        return part_of(whole, 0, small - 1, large)
    cut = small - 1 + turned(n, m)
    cut = floor_divide(cut, 2) if isinstance(cut, Staged) else cut // 2
    return part_of(whole, 0, cut, cut + large)


def _convolve_expand(a: Any, b: Any, *, mode: str) -> Any:
    return _window(convolve_full(a, b), length(a, 0), length(b, 0), mode)


def _mode(mode: Any) -> str:
    found = static(mode, "mode")
    if found not in ("full", "same", "valid"):
        raise TypeError(f"convolve: mode={found!r} is not supported")
    return found


def _convolve_call(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = (vector(p, q) if np.ndim(p) == 0 else p for p, q in ((a, v), (v, a)))
    return convolve_full(a, v) if _mode(mode) == "full" else convolve(a, v, mode=_mode(mode))


convolve = composite(
    "convolve",
    calls=((np.convolve, _convolve_call),),
    value=lambda a, b, *, mode: np.convolve(a, b, mode),
    expand=_convolve_expand,
    source=lambda a, b, *, mode: f"np.convolve({{}}, {{}}, {mode!r})",
    may_raise=(ValueError,),
)


def _correlate_expand(a: Any, b: Any, *, mode: str) -> Any:
    whole = convolve_full(a, reverse_axes(conjugate(b), (0,)))
    # where NumPy exchanges the operands it turns the result around
    return _window(whole, length(a, 0), length(b, 0), mode, less)


def _correlate_text(mode: str) -> str:
    return "" if mode == "valid" else f", {mode!r}"


correlate = composite(
    "correlate",
    calls=((np.correlate, lambda a, v, mode="valid": correlate(a, v, mode=_mode(mode))),),
    value=lambda a, b, *, mode: np.correlate(a, b, mode),
    expand=_correlate_expand,
    source=lambda a, b, *, mode: f"np.correlate({{}}, {{}}{_correlate_text(mode)})",
    may_raise=(ValueError,),
)


OPS: tuple[Op, ...] = (vdot, vecdot, kron, cross, convolve_full, convolve, correlate)
