"""Evenly spaced numbers: arange, linspace, logspace, geomspace.

Differentiable in their bounds; the number of elements is constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, NATIVE, Cost, Library, Op, Staged, known
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Dim, affine, broadcast_shapes
from stagec.ops.arithmetic import divide, multiply, power
from stagec.ops.axes import dtype_of, length, move_axis, normal_axis
from stagec.ops.broadcast import align, broadcast_like, fit, pad_rank, sum_
from stagec.ops.cast import astype, fit_dtype
from stagec.ops.composite import composite
from stagec.ops.creation import dtype_option, no_batch, zeros_like
from stagec.ops.family import (
    make,
    near,
    reject,
    size_text,
    size_types,
    size_values,
    sizes,
    static,
)
from stagec.ops.form import to_numpy
from stagec.ops.rounding import floor

Plan = tuple[int | Arg, ...]
WEAK = {"b": 0, "i": 0, "f": 0.0, "c": 0j}

Bounds = tuple[int | float | Arg, ...]


def _arange_call(
    start: Any = None,
    stop: Any = None,
    step: Any = None,
    dtype: Any = None,
    *,
    device: Any = None,
    like: Any = None,
) -> Any:
    reject("arange", like=like)
    if start is None and stop is None:
        raise TypeError("arange() requires stop to be specified.")
    start, stop = (stop, None) if start is None else (start, stop)
    given = (start,) if stop is None else (start, stop)
    given = given if step is None else (*((0, start) if stop is None else given), step)
    bounds: list[Any] = []
    staged: list[Any] = []
    for bound in given:
        plain = known(bound) if isinstance(bound, Staged) else bound
        bounds.append(Arg(len(staged)) if plain is None else plain)
        staged += [bound] if plain is None else []
    attrs = {"bounds": tuple(bounds), "dtype": None if dtype is None else np.dtype(dtype)}
    return near(given, arange, *staged, **attrs)


def _full_bounds(bounds: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Start, stop and step."""
    return (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]  # type: ignore[return-value]


def _arange_infer(*types: ArrayType, bounds: Bounds, dtype: np.dtype | None) -> ArrayType:
    if all(not isinstance(b, Arg) for b in bounds):
        made = np.arange(*bounds, dtype=dtype)  # type: ignore[arg-type]
        return ArrayType(made.dtype, made.shape)
    kinds = [types[b.position].dtype if isinstance(b, Arg) else dtype_of(b) for b in bounds]
    found = np.result_type(*kinds)
    # one integer makes a range of integers, whatever its width
    found = np.dtype(np.int64) if found.kind in "bi" and found.itemsize < 8 else found
    start, stop, step = (
        types[b.position].size if isinstance(b, Arg) else b for b in _full_bounds(bounds)
    )
    size: Dim = None
    if step == 1 and isinstance(start, int) and start >= 0 and not isinstance(stop, float):
        size = affine((stop, 1), const=-start)
    return ArrayType(dtype or found, (size,))


def _arange_values(bounds: Bounds, args: Any) -> tuple[Any, ...]:
    return tuple(args[b.position] if isinstance(b, Arg) else b for b in bounds)


def _arange_source(*types: ArrayType, bounds: Bounds, dtype: np.dtype | None) -> str:
    parts = [f"{{{b.position}}}" if isinstance(b, Arg) else repr(b) for b in bounds]
    return f"np.arange({', '.join(parts)}{dtype_option(dtype, None)})"


def _arange_vjp(ct: Any, out: Any, *args: Any, bounds: Bounds, dtype: Any) -> Any:
    start, _, step = _full_bounds(bounds)
    found: list[Any] = [None] * len(args)
    for bound, weight in ((start, None), (step, True)):
        if isinstance(bound, Arg) and dtype_of(args[bound.position]).kind == "f":
            part = ct if weight is None else ct * _trips(out)
            found[bound.position] = fit_dtype(
                sum_(part, axes=(0,)), dtype_of(args[bound.position])
            )
    return tuple(found)


def _arange_jvp(dxs: Any, out: Any, *args: Any, bounds: Bounds, dtype: Any) -> Any:
    start, _, step = _full_bounds(bounds)
    total = zeros_like(out, dtype=dtype_of(out))
    if isinstance(start, Arg) and dxs[start.position] is not None:
        total = total + dxs[start.position]
    if isinstance(step, Arg) and dxs[step.position] is not None:
        total = total + dxs[step.position] * _trips(out)
    return fit_dtype(total, dtype_of(out))


def counted(n: Any, anchor: Any) -> Any:
    """The integers from 0 to `n`, which is static or staged; staged if `anchor` is."""
    bounds, staged = sizes(n)
    return near((anchor, n), arange, *staged, bounds=bounds, dtype=None)


def _trips(like: Any) -> Any:
    """0, 1, 2, ... along the only axis of `like`, in its element type."""
    return astype(counted(length(like, 0), like), dtype=dtype_of(like))


def _arange_scalar(*types: ArrayType, bounds: Bounds, dtype: np.dtype | None) -> Library:
    """Of integers; of floats, Numba rounds in another way than NumPy."""
    whole = all(t.dtype.kind in "iu" for t in types) and all(
        isinstance(b, int | Arg) for b in bounds
    )
    return NATIVE if whole and (dtype is None or dtype == np.int64) else LIBRARY


arange = make(
    "arange",
    calls=((np.arange, _arange_call),),
    infer=_arange_infer,
    value=lambda *n, bounds, dtype: np.arange(*_arange_values(bounds, n), dtype=dtype),
    vjp=_arange_vjp,
    jvp=_arange_jvp,
    batch=no_batch("arange"),
    source=_arange_source,
    scalar=_arange_scalar,
    cost=Cost.CHEAP,
    may_raise=(ZeroDivisionError, ValueError, MemoryError),
    noun="numbers",
)


def _linspace_call(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    plan, lengths = sizes(num, 2)
    endpoint = static(endpoint, "endpoint")
    out = near(num, linspace, start, stop, *lengths, shape=plan, endpoint=endpoint)
    if static(axis, "axis") != 0:
        out = move_axis(out, 0, normal_axis(axis, np.ndim(out)))
    if dtype is not None and np.dtype(dtype) != dtype_of(out):
        if np.dtype(dtype).kind in "iu":
            out = floor(out)
        out = astype(out, dtype=np.dtype(dtype))
    if not static(retstep, "retstep"):
        return out
    steps = num - 1 if endpoint else num
    return out, (to_numpy(stop - start) if np.ndim(stop - start) == 0 else stop - start) / steps


def _linspace_infer(
    start: ArrayType, stop: ArrayType, *n: Any, shape: Plan, endpoint: bool
) -> ArrayType:
    dtype = np.result_type(
        *(WEAK[t.dtype.kind] if t.weak else t.dtype for t in (start, stop)), 1.0
    )
    lengths = size_types(shape, (start, stop, *n))
    return ArrayType(dtype, (*lengths, *broadcast_shapes(start.shape, stop.shape)))


def _linspace_value(start: Any, stop: Any, *n: Any, shape: Plan, endpoint: bool) -> Any:
    return np.linspace(start, stop, *size_values(shape, (start, stop, *n)), endpoint=endpoint)


def _linspace_source(
    start: ArrayType, stop: ArrayType, *n: Any, shape: Plan, endpoint: bool
) -> str:
    tail = "" if endpoint else ", endpoint=False"
    return f"np.linspace({{0}}, {{1}}, {size_text(shape)}{tail})"


def _fractions(out: Any, n: tuple[Any, ...], **attrs: Any) -> Any:
    """How far each result is from start to stop, as a column over the other axes."""
    t = near(out, linspace, 0.0, 1.0, *n, **attrs)
    real = np.finfo(dtype_of(out)).dtype
    return pad_rank(fit_dtype(t, real), np.ndim(out))


def _linspace_vjp(ct: Any, out: Any, start: Any, stop: Any, *n: Any, **attrs: Any) -> Any:
    t = _fractions(out, n, **attrs)

    def part(weight: Any, bound: Any) -> Any:
        if dtype_of(bound).kind not in "fc":
            return None
        return fit(sum_(ct * weight, axes=(0,)), bound)

    return (part(1.0 - t, start), part(t, stop), *(None,) * len(n))


def _linspace_jvp(dxs: Any, out: Any, start: Any, stop: Any, *n: Any, **attrs: Any) -> Any:
    t = _fractions(out, n, **attrs)
    total: Any = 0.0
    if dxs[0] is not None:
        total = total + dxs[0] * (1.0 - t)
    if dxs[1] is not None:
        total = total + dxs[1] * t
    return broadcast_like(fit_dtype(total, dtype_of(out)), out)


def _linspace_batch(args: Any, axes: Any, **attrs: Any) -> tuple[Any, int]:
    if any(a is not None for a in axes[2:]):
        raise TypeError("vmap: linspace needs the same sizes in every batch element")
    return linspace(*align(args[:2], axes[:2]), *args[2:], **attrs), 1


linspace = make(
    "linspace",
    calls=((np.linspace, _linspace_call),),
    infer=_linspace_infer,
    value=_linspace_value,
    vjp=_linspace_vjp,
    jvp=_linspace_jvp,
    batch=_linspace_batch,
    source=_linspace_source,
    cost=Cost.CHEAP,
    may_raise=(ValueError, MemoryError),
)


def _logspace(start: Any, stop: Any, base: Any, *n: Any, shape: Plan, endpoint: bool) -> Any:
    plan = tuple(Arg(s.position - 1) if isinstance(s, Arg) else s for s in shape)
    return power(base, linspace(start, stop, *n, shape=plan, endpoint=endpoint))


def _geomspace(start: Any, stop: Any, *n: Any, shape: Plan, endpoint: bool) -> Any:
    t = near((start, stop), linspace, 0.0, 1.0, *n, shape=shape, endpoint=endpoint)
    t = pad_rank(t, 1 + max(np.ndim(start), np.ndim(stop)))
    return multiply(start, power(to_numpy(divide(stop, start)), t))


def _spaced_source(name: str, *, base: bool) -> Any:
    def source(*types: ArrayType, shape: Plan, endpoint: bool) -> str:
        tail = ("" if endpoint else ", endpoint=False") + (", base={2}" if base else "")
        return f"np.{name}({{0}}, {{1}}, {size_text(shape)}{tail})"

    return source


def _logspace_value(*args: Any, shape: Plan, endpoint: bool) -> Any:
    start, stop, base = args[:3]
    return np.logspace(start, stop, *size_values(shape, args), endpoint=endpoint, base=base)


def _geomspace_value(*args: Any, shape: Plan, endpoint: bool) -> Any:
    return np.geomspace(*args[:2], *size_values(shape, args), endpoint=endpoint)


def _logspace_call(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    endpoint = static(endpoint, "endpoint")
    if rank := np.ndim(base):
        steps = _linspace_call(start, stop, num, endpoint)
        out = power(base, pad_rank(steps, max(rank + 1, np.ndim(steps))))
    else:
        plan, lengths = sizes(num, 3)
        out = near(num, logspace, start, stop, base, *lengths, shape=plan, endpoint=endpoint)
    return _placed(out, axis, dtype)


def _placed(out: Any, axis: int, dtype: Any) -> Any:
    """The result with its steps along `axis`, of the dtype that was asked for."""
    out = move_axis(out, 0, normal_axis(axis, np.ndim(out)))
    kind = dtype_of(out) if dtype is None else np.dtype(dtype)
    return out if kind == dtype_of(out) else astype(out, dtype=kind)


def _geomspace_call(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if dtype is not None and np.dtype(dtype).kind == "c":
        reject("geomspace", dtype=dtype)
    plan, lengths = sizes(num, 2)
    endpoint = static(endpoint, "endpoint")
    out = near(num, geomspace, start, stop, *lengths, shape=plan, endpoint=endpoint)
    return _placed(out, axis, dtype)


logspace = composite(
    "logspace",
    calls=((np.logspace, _logspace_call),),
    value=_logspace_value,
    expand=_logspace,
    source=_spaced_source("logspace", base=True),
)
geomspace = composite(
    "geomspace",
    calls=((np.geomspace, _geomspace_call),),
    value=_geomspace_value,
    expand=_geomspace,
    source=_spaced_source("geomspace", base=False),
)


OPS: tuple[Op, ...] = (arange, linspace, logspace, geomspace)
