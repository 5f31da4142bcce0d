"""Polynomials as coefficients, highest power first: values, products, derivatives, roots.

Horner's scheme is a linear recurrence, so derivatives are exact at 0 too.  Roots are complex
numbers whatever their values, and the first coefficient must not be 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Op
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType, affine, same
from stagec.ops.arithmetic import add, divide, multiply, negative, subtract
from stagec.ops.arrays import vector
from stagec.ops.axes import dtype_of, expand_dims, length, move_axis, np_shape, shape_of
from stagec.ops.bilinear import convolve_full
from stagec.ops.broadcast import broadcast_to, sum_
from stagec.ops.cast import astype, conjugate, fit_dtype, real
from stagec.ops.composite import composite
from stagec.ops.creation import ones_like, zeros
from stagec.ops.cumulative import cumprod, recurrence
from stagec.ops.decompositions import eigvals
from stagec.ops.diagonals import eye
from stagec.ops.exponential import sqrt
from stagec.ops.family import make, near, reject, sizes, static
from stagec.ops.indexing import read_at
from stagec.ops.joining import concatenate, part_of
from stagec.ops.products import matmul
from stagec.ops.pseudoinverse import lstsq
from stagec.ops.ranges import counted
from stagec.ops.rearrange import reverse_axes
from stagec.ops.rounding import maximum

Plan = tuple[int | Arg, ...]


def _wide(x: Any, *lead: Any) -> Any:
    """`x` repeated along new axes in front."""
    plan, staged = sizes((*lead, *shape_of(x)), 1)
    return broadcast_to(x, *staged, shape=plan)


# --- values --------------------------------------------------------------------------------


def _polyval_expand(p: Any, x: Any) -> Any:
    """The last step of Horner's scheme, whose steps are a recurrence along the coefficients."""
    n = length(p, 0)
    column = expand_dims(p, axes=tuple(range(1, 1 + np.ndim(x)))) if np.ndim(x) else p
    plan, staged = sizes((n, *shape_of(x)), 1)
    steps = recurrence(_wide(x, n), broadcast_to(column, *staged, shape=plan), axis=0)
    return read_at(steps, (Index((-1,)),))


polyval = composite(
    "polyval",
    calls=((np.polyval, lambda p, x: polyval(p, x)),),
    value=np.polyval,
    expand=_polyval_expand,
    source="np.polyval({}, {})",
)


def _vander_expand(x: Any, *n: Any, shape: Plan, increasing: bool) -> Any:
    columns: Any = n[0] if n else shape[0]
    column = expand_dims(x, axes=(1,))
    plan, staged = sizes((length(x, 0), columns - 1), 1)
    factors = concatenate(
        ones_like(column, dtype=dtype_of(x)), broadcast_to(column, *staged, shape=plan), axis=1
    )
    powers = cumprod(factors, axis=1)
    return powers if increasing else reverse_axes(powers, (1,))


def _vander_value(x: Any, *n: Any, shape: Plan, increasing: bool) -> Any:
    columns: Any = n[0] if n else shape[0]
    return np.vander(x, columns, increasing)


def _vander_call(x: Any, N: Any = None, increasing: Any = False) -> Any:
    if np.ndim(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    plan, staged = sizes(length(x, 0) if N is None else N, 1)
    return vander(x, *staged, shape=plan, increasing=bool(static(increasing, "increasing")))


def _vander_source(x: ArrayType, *n: Any, shape: Plan, increasing: bool) -> str:
    tail = ", increasing=True" if increasing else ""
    return f"np.vander({{0}}, {'{1}' if n else shape[0]}{tail})"


vander = composite(
    "vander",
    calls=((np.vander, _vander_call),),
    value=_vander_value,
    expand=_vander_expand,
    source=_vander_source,
)


# --- derivatives and integrals -------------------------------------------------------------


def _downwards(like: Any) -> Any:
    """n, n - 1, ..., 1 for an array of n elements."""
    return reverse_axes(counted(length(like, 0), like) + 1, (0,))


def _polyder_expand(p: Any, *, m: int) -> Any:
    for _ in range(m):
        rest = part_of(p, 0, None, -1)
        p = multiply(rest, _downwards(rest))
    return p


polyder = composite(
    "polyder",
    calls=((np.polyder, lambda p, m=1: polyder(p, m=static(m, "m"))),),
    value=lambda p, *, m: np.polyder(p, m),
    expand=_polyder_expand,
    source=lambda p, *, m: f"np.polyder({{}}{'' if m == 1 else f', {m}'})",
    alias=lambda *, m: None if m else 0,
)


def _polyint_expand(p: Any, *, m: int) -> Any:
    for _ in range(m):
        scaled = divide(p, _downwards(p))
        last = near(p, zeros, shape=(1,), dtype=dtype_of(scaled))
        p = concatenate(scaled, last, axis=0)
    return p


def _polyint_call(p: Any, m: Any = 1, k: Any = None) -> Any:
    reject("polyint", k=k)
    return polyint(p, m=static(m, "m"))


polyint = composite(
    "polyint",
    calls=((np.polyint, _polyint_call),),
    value=lambda p, *, m: np.polyint(p, m),
    expand=_polyint_expand,
    source=lambda p, *, m: f"np.polyint({{}}{'' if m == 1 else f', {m}'})",
    alias=lambda *, m: None if m else 0,
)


def _sequences(a: Any, b: Any) -> tuple[Any, Any]:
    """Both operands as sequences, a number as a sequence of one."""
    return tuple(vector(v, w) if np.ndim(v) == 0 else v for v, w in ((a, b), (b, a)))


def _aligned(a: Any, b: Any) -> tuple[Any, Any]:
    """Both coefficient arrays at the length of the longer."""
    a, b = _sequences(a, b)
    n, m = length(a, 0), length(b, 0)
    if same(np_shape(a)[0], np_shape(b)[0]):
        return a, b
    if isinstance(n, int) and isinstance(m, int):
        return _padded(a, max(n, m) - n), _padded(b, max(n, m) - m)
    longer = maximum(n, m)
    return _padded(a, longer - n), _padded(b, longer - m)


def _padded(x: Any, count: Any) -> Any:
    """`x` with zeros in front."""
    if isinstance(count, int) and count == 0:
        return x
    plan, staged = sizes(count)
    lead = near(x, zeros, *staged, shape=plan, dtype=dtype_of(x))
    return concatenate(lead, x, axis=0)


# --- roots ---------------------------------------------------------------------------------


def _quotients(p: Any, z: Any) -> Any:
    """Row k: the coefficients of p divided by (x - z[k]), for roots z of p."""
    n = length(z, 0)
    rows = part_of(p, 0, None, -1)
    plan, staged = sizes((n, n), 1)
    column = broadcast_to(expand_dims(z, axes=(1,)), *staged, shape=plan)
    return recurrence(column, _wide(rows, n), axis=1)


def _poly_vjp(ct: Any, out: Any, z: Any) -> tuple[Any]:
    slopes = _quotients(out, z)
    return (
        fit_dtype(negative(matmul(conjugate(slopes), part_of(ct, 0, 1, None))), dtype_of(z)),
    )


def _poly_jvp(dxs: Any, out: Any, z: Any) -> Any:
    moved = negative(matmul(dxs[0], _quotients(out, z)))
    first = near(moved, zeros, shape=(1,), dtype=dtype_of(moved))
    return concatenate(first, moved, axis=0)


def _poly_infer(z: ArrayType) -> ArrayType:
    if z.rank != 1:
        raise TypeError(f"poly: expected a sequence of roots, got {z}")
    dtype = z.dtype if z.dtype.kind in "fc" else np.dtype(np.float64)
    return ArrayType(dtype, (affine((z.shape[0], 1), const=1),))


def _poly_value(z: Any) -> Any:
    return np.poly(z).astype(_poly_infer(ArrayType(z.dtype, z.shape)).dtype)


def _poly_call(seq_of_zeros: Any) -> Any:
    if np.ndim(seq_of_zeros) == 2:
        found = poly(eigvals(seq_of_zeros))
        return found if dtype_of(seq_of_zeros).kind == "c" else real(found)
    z = seq_of_zeros
    return poly(z if dtype_of(z).kind in "fc" else astype(z, dtype=np.dtype(np.float64)))


def _poly_batch(args: Any, axes: Any, /) -> tuple[Any, int]:
    """(x - z) multiplied up, one root after the other: the coefficients of each row."""
    z = move_axis(args[0], axes[0], 0)
    found = ones_like(part_of(z, 1, None, 1), dtype=dtype_of(z))
    for k in range(static(length(z, 1), "the number of roots")):
        root = negative(part_of(z, 1, k, k + 1))
        factor = concatenate(ones_like(root, dtype=dtype_of(z)), root, axis=1)
        found = convolve_full(found, factor)
    return found, 0


poly = make(
    "poly",
    calls=((np.poly, _poly_call),),
    infer=_poly_infer,
    value=_poly_value,
    vjp=_poly_vjp,
    jvp=_poly_jvp,
    batch=_poly_batch,
    source=lambda z: (
        "np.poly({})" if z.dtype.kind == "f" else f"np.poly({{}}).astype(np.{z.dtype.name})"
    ),
)


def _roots_expand(p: Any) -> Any:
    """The eigenvalues of the companion matrix."""
    top = divide(negative(part_of(p, 0, 1, None)), part_of(p, 0, None, 1))
    n = length(top, 0)
    plan, staged = sizes((n - 1, n))
    below = near(p, eye, *staged, shape=plan, k=0, dtype=dtype_of(top))
    return eigvals(concatenate(expand_dims(top, axes=(0,)), below, axis=0))


def _roots_call(p: Any) -> Any:
    return roots(p if dtype_of(p).kind in "fc" else astype(p, dtype=np.dtype(np.float64)))


roots = composite(
    "roots",
    calls=((np.roots, _roots_call),),
    value=rt.roots,
    expand=_roots_expand,
    source="rt.roots({})",
    may_raise=(ValueError, np.linalg.LinAlgError),
)


# --- fits ----------------------------------------------------------------------------------


def _polyfit_expand(x: Any, y: Any, *, degree: int) -> Any:
    columns = vander(x, shape=(degree + 1,), increasing=False)
    scale = sqrt(sum_(columns * columns, axes=(0,)))
    found = lstsq(columns / scale, y, cut=None)[0]
    return found / (expand_dims(scale, axes=(1,)) if np.ndim(y) == 2 else scale)


def _polyfit_call(
    x: Any,
    y: Any,
    deg: Any,
    rcond: Any = None,
    full: Any = False,
    w: Any = None,
    cov: Any = False,
) -> Any:
    reject("polyfit", rcond=rcond, w=w, full=full or None, cov=cov or None)
    x, y = (
        v if dtype_of(v).kind in "fc" else astype(v, dtype=np.dtype(np.float64)) for v in (x, y)
    )
    return polyfit(x, y, degree=static(deg, "deg"))


polyfit = composite(
    "polyfit",
    calls=(
        (np.polyfit, _polyfit_call),
        (np.polyadd, lambda a1, a2: add(*_aligned(a1, a2))),
        (np.polysub, lambda a1, a2: subtract(*_aligned(a1, a2))),
        (np.polymul, lambda a1, a2: convolve_full(*_sequences(a1, a2))),
    ),
    value=lambda x, y, *, degree: np.polyfit(x, y, degree),
    expand=_polyfit_expand,
    source=lambda x, y, *, degree: f"np.polyfit({{}}, {{}}, {degree})",
    batched=False,
)


OPS: tuple[Op, ...] = (polyval, vander, polyder, polyint, poly, roots, polyfit)
