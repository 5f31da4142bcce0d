"""Discrete Fourier transforms.

The one-dimensional transforms are primitive and linear (over the reals where they take or give
reals); the others are written with them.  The transpose of a transform is the opposite one with
the opposite normalisation, so no rule divides by a length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Op
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Dim, Size, affine, same
from stagec.ops.axes import (
    axis_text,
    length,
    normal_axes,
    normal_axis,
    np_shape,
    shift_axis,
    to_front,
)
from stagec.ops.broadcast import fit
from stagec.ops.cast import conjugate, fit_dtype
from stagec.ops.composite import composite
from stagec.ops.family import (
    linear,
    make,
    near,
    reject,
    size_text,
    size_types,
    size_values,
    sizes,
)
from stagec.ops.rearrange import roll
from stagec.ops.rounding import floor_divide

Plan = tuple[int | Arg, ...]
Rule = Callable[..., Any]
OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


# --- lengths -------------------------------------------------------------------------------


def _fit_infer(x: ArrayType, *n: ArrayType, axis: int, size: Plan) -> ArrayType:
    dims = size_types(size, (x, *n))
    return ArrayType(x.dtype, (*x.shape[:axis], *dims, *x.shape[axis + 1 :]))


def _fit_vjp(ct: Any, out: Any, x: Any, *n: Any, axis: int, size: Plan) -> Any:
    plan, staged = sizes(length(x, axis), 1)
    return fit_axis(ct, *staged, axis=axis, size=plan)


# `x` cut or filled up with zeros along the axis
fit_axis = linear(
    "fit_axis",
    calls=(),
    infer=_fit_infer,
    value=lambda x, *n, axis, size: rt.fit_axis(x, size_values(size, (x, *n))[0], axis),
    vjp=_fit_vjp,
    batch=to_front(lambda: fit_axis, shift_axis),
    source=lambda x, *n, axis, size: f"rt.fit_axis({{0}}, {size_text(size)}, {axis})",
)


def fitted(x: Any, like: Any, axis: int) -> Any:
    """`x` as long as `like` along the axis."""
    if same(np_shape(x)[axis], np_shape(like)[axis]):
        return x
    plan, staged = sizes(length(like, axis), 1)
    return fit_axis(x, *staged, axis=axis, size=plan)


# half the spectrum of a real signal of the given size, frequencies that count twice doubled
double_inner = linear(
    "double_inner",
    calls=(),
    infer=lambda y, *n, axis, size: ArrayType(y.dtype, y.shape),
    value=lambda y, *n, axis, size: rt.double_inner(y, size_values(size, (y, *n))[0], axis),
    vjp=lambda ct, out, y, *n, axis, size: double_inner(ct, *n, axis=axis, size=size),
    batch=to_front(lambda: double_inner, shift_axis),
    source=lambda y, *n, axis, size: f"rt.double_inner({{0}}, {size_text(size)}, {axis})",
)


# --- one-dimensional transforms --------------------------------------------------------------


def _half(dim: Dim) -> Dim:
    """`dim // 2 + 1`."""
    if isinstance(dim, int):
        return dim // 2 + 1
    if dim is None or any(f % 2 for _, f in dim.terms):
        return None
    return Size(tuple((s, f // 2) for s, f in dim.terms), dim.const // 2 + 1)


def _along(op: Op, x: Any, n: Any, axis: int, norm: str) -> Any:
    plan, staged = ((), ()) if n is None else sizes(n, 1)
    return op(x, *staged, axis=axis, size=plan, norm=norm)


def _norm(norm: Any) -> str:
    if norm is not None and norm not in OPPOSITE:
        raise TypeError(f"norm must be 'backward', 'ortho' or 'forward', got {norm!r}")
    return norm or "backward"


def _common(function: Any, op: Callable[[], Op]) -> dict[str, Any]:
    """What all one-dimensional transforms share: call, value and source."""
    name = function.__name__

    def call(a: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
        return _along(op(), a, n, normal_axis(axis, np.ndim(a)), _norm(norm))

    def value(x: Any, *n: Any, axis: int, size: Plan, norm: str) -> Any:
        given = size_values(size, (x, *n))
        return function(x, n=given[0] if given else None, axis=axis, norm=norm)

    def source(x: ArrayType, *n: ArrayType, axis: int, size: Plan, norm: str) -> str:
        options = f", n={size_text(size)}" if size else ""
        options += f", axis={axis}" if axis != x.rank - 1 else ""
        return f"np.fft.{name}({{0}}{options}{_norm_source(norm)})"

    return {
        "calls": ((function, call),),
        "value": value,
        "source": source,
        "may_raise": (ValueError,),
    }


def _norm_source(norm: str) -> str:
    return f", norm={norm!r}" if norm != "backward" else ""


def _transform(function: Any, result: Callable[[Dim, bool], Dim], vjp: Rule) -> Op:
    """A transform along one axis; `result` tells its length from that given or the input's."""

    def infer(x: ArrayType, *n: ArrayType, axis: int, size: Plan, norm: str) -> ArrayType:
        dtype = function(np.ones(2, x.dtype)).dtype
        given = size_types(size, (x, *n))
        dim = result(given[0] if given else x.shape[axis], bool(given))
        return ArrayType(dtype, (*x.shape[:axis], dim, *x.shape[axis + 1 :]))

    def reverse(ct: Any, out: Any, x: Any, *n: Any, axis: int, size: Plan, norm: str) -> Any:
        found = vjp(ct, x, n, axis, size, OPPOSITE[norm])
        return fit_dtype(fitted(found, x, axis), np.dtype(x.dtype))

    op = linear(
        function.__name__,
        infer=infer,
        vjp=reverse,
        batch=to_front(lambda: op, shift_axis),
        **_common(function, lambda: op),
    )
    return op


def _rfft_vjp(ct: Any, x: Any, n: Any, axis: int, size: Plan, norm: str) -> Any:
    if size:
        return ifft(ct, *n, axis=axis, size=size, norm=norm)
    return _along(ifft, ct, length(x, axis), axis, norm)


def _irfft_vjp(ct: Any, x: Any, n: Any, axis: int, size: Plan, norm: str) -> Any:
    plan, staged = sizes(length(ct, axis), 1)
    half = rfft(ct, axis=axis, size=(), norm=norm)
    return double_inner(half, *staged, axis=axis, size=plan)


fft = _transform(
    np.fft.fft,
    lambda n, given: n,
    lambda ct, x, n, axis, size, norm: ifft(ct, axis=axis, size=(), norm=norm),
)
ifft = _transform(
    np.fft.ifft,
    lambda n, given: n,
    lambda ct, x, n, axis, size, norm: fft(ct, axis=axis, size=(), norm=norm),
)
rfft = _transform(np.fft.rfft, lambda n, given: _half(n), _rfft_vjp)
irfft = _transform(
    np.fft.irfft,
    lambda n, given: n if given else affine((n, 2), const=-2),
    _irfft_vjp,
)


def _hermitian(function: Any, expand: Rule) -> Op:
    op = composite(function.__name__, expand=expand, **_common(function, lambda: op))
    return op


def _hfft(x: Any, *n: Any, axis: int, size: Plan, norm: str) -> Any:
    return irfft(conjugate(x), *n, axis=axis, size=size, norm=OPPOSITE[norm])


def _ihfft(x: Any, *n: Any, axis: int, size: Plan, norm: str) -> Any:
    return conjugate(rfft(x, *n, axis=axis, size=size, norm=OPPOSITE[norm]))


hfft = _hermitian(np.fft.hfft, _hfft)
ihfft = _hermitian(np.fft.ihfft, _ihfft)


# --- transforms along several axes -----------------------------------------------------------


def _multi(function: Any, plane: Any, steps: Callable[[int], list[tuple[Op, int]]]) -> Op:
    """The transform that runs `steps(number of axes)`: (transform, which of the axes).

    `plane` is the same function with the last two axes as its default.
    """
    name = function.__name__

    def expand(x: Any, *n: Any, axes: tuple[int, ...], size: Plan, norm: str) -> Any:
        for transform, k in steps(len(axes)):
            part = size[k] if size else None
            given = n[part.position - 1] if isinstance(part, Arg) else part
            x = _along(transform, x, given, axes[k], norm)
        return x

    def value(x: Any, *n: Any, axes: tuple[int, ...], size: Plan, norm: str) -> Any:
        return function(x, s=size_values(size, (x, *n)) or None, axes=axes, norm=norm)

    def source(
        x: ArrayType, *n: ArrayType, axes: tuple[int, ...], size: Plan, norm: str
    ) -> str:
        sizes_text = size_text(size) if len(size) != 1 else f"({size_text(size)},)"
        options = f", s={sizes_text}" if size else ""
        options += f", axes={axes}" if size or axes != tuple(range(x.rank)) else ""
        return f"np.fft.{name}({{0}}{options}{_norm_source(norm)})"

    op = composite(
        name,
        calls=(
            (function, _binder(lambda: op, None)),
            (plane, _binder(lambda: op, (-2, -1))),
        ),
        value=value,
        expand=expand,
        source=source,
        may_raise=(ValueError,),
    )
    return op


def _binder(op: Callable[[], Op], default: Any) -> Rule:
    """The call of a transform along several axes; `default` are the axes if none are given."""

    def call(a: Any, s: Any = None, axes: Any = default, norm: Any = None) -> Any:
        rank = np.ndim(a)
        if axes is None:
            axes = range(0 if s is None else rank - len(s), rank)
        where = tuple(normal_axis(k, rank) for k in axes)
        lengths = () if s is None else tuple(s)
        if s is not None and len(lengths) != len(where):
            raise TypeError(f"{op().name}: s and axes have different lengths")
        lengths = [
            length(a, k) if isinstance(n, int) and n == -1 else n
            for n, k in zip(lengths, where, strict=False)
        ]
        plan, staged = sizes(lengths, 1)
        return op()(a, *staged, axes=where, size=plan, norm=_norm(norm))

    return call


def _backwards(transform: Op) -> Callable[[int], list[tuple[Op, int]]]:
    return lambda count: [(transform, k) for k in reversed(range(count))]


fftn = _multi(np.fft.fftn, np.fft.fft2, _backwards(fft))
ifftn = _multi(np.fft.ifftn, np.fft.ifft2, _backwards(ifft))
rfftn = _multi(
    np.fft.rfftn,
    np.fft.rfft2,
    lambda count: [(rfft, count - 1), *_backwards(fft)(count - 1)],
)
irfftn = _multi(
    np.fft.irfftn,
    np.fft.irfft2,
    lambda count: [*((ifft, k) for k in range(count - 1)), (irfft, count - 1)],
)


# --- shifts and frequencies --------------------------------------------------------------


def _shift(function: Any, amount: Rule) -> Op:
    name = function.__name__

    def call(x: Any, axes: Any = None) -> Any:
        return op(x, axes=normal_axes(axes, np.ndim(x)))

    def expand(x: Any, *, axes: tuple[int, ...]) -> Any:
        plan, staged = sizes(tuple(amount(length(x, a)) for a in axes), 1)
        return roll(x, *staged, shift=plan, axes=axes)

    def source(x: ArrayType, *, axes: tuple[int, ...]) -> str:
        every = axes == tuple(range(x.rank))
        return f"np.fft.{name}({{}}{'' if every else f', axes={axis_text(axes)}'})"

    op = composite(
        name,
        calls=((function, call),),
        value=lambda x, *, axes: function(x, axes=axes),
        expand=expand,
        source=source,
    )
    return op


fftshift = _shift(np.fft.fftshift, lambda n: floor_divide(n, 2))
ifftshift = _shift(np.fft.ifftshift, lambda n: -floor_divide(n, 2))


def _frequencies(function: Any, result: Callable[[Dim], Dim]) -> Op:
    name = function.__name__

    def call(n: Any, d: Any = 1.0, device: Any = None) -> Any:
        reject(name, device=device)
        plan, staged = sizes(n, 1)
        return near((d, n), op, d, *staged, size=plan)

    def infer(d: ArrayType, *n: ArrayType, size: Plan) -> ArrayType:
        if d.rank or d.dtype.kind == "c":
            raise TypeError(f"{name}: the spacing must be a real number, got {d}")
        return ArrayType(np.dtype(float), (result(size_types(size, (d, *n))[0]),))

    op = make(
        name,
        calls=((function, call),),
        infer=infer,
        value=lambda d, *n, size: function(*size_values(size, (d, *n)), d),
        vjp=lambda ct, out, d, *n, size: (fit(ct * -out / d, d), *(None,) * len(n)),
        jvp=lambda dxs, out, d, *n, size: -out / d * dxs[0],
        batch=None,
        source=lambda d, *n, size: f"np.fft.{name}({size_text(size)}, {{0}})",
        may_raise=(ZeroDivisionError, ValueError),
    )
    return op


fftfreq = _frequencies(np.fft.fftfreq, lambda n: n)
rfftfreq = _frequencies(np.fft.rfftfreq, _half)


OPS: tuple[Op, ...] = (
    fit_axis,
    double_inner,
    fft,
    ifft,
    rfft,
    irfft,
    hfft,
    ihfft,
    fftn,
    ifftn,
    rfftn,
    irfftn,
    fftshift,
    ifftshift,
    fftfreq,
    rfftfreq,
)
