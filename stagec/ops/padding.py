"""np.pad: constants, or elements of the array itself, around an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Cost, Op, Staged, known
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, lengthened
from stagec.ops.axes import dtype_of, expand_dims, length, move_axis, to_front
from stagec.ops.broadcast import sum_
from stagec.ops.cast import fit_dtype
from stagec.ops.creation import zeros_like
from stagec.ops.family import make, number_text, static
from stagec.ops.indexing import read_at
from stagec.ops.ranges import counted

Width = tuple[tuple[int, int], ...]


def _widths(value: Any, rank: int, what: str) -> Width:
    """One (before, after) pair an axis, from any form that NumPy takes."""
    value = static(value, what)
    if isinstance(value, dict):
        pairs = {k % rank: v for k, v in value.items()}
        value = tuple(pairs.get(k, (0, 0)) for k in range(rank))
    found = np.broadcast_to(np.asarray(value), (rank, 2))
    return tuple((a.item(), b.item()) for a, b in found)


def _pad_call(
    array: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = 0,
    reflect_type: str = "even",
) -> Any:
    width = _widths(pad_width, np.ndim(array), "pad_width")
    if any(w < 0 for pair in width for w in pair):
        raise ValueError("index can't contain negative values")
    if mode == "constant":
        return _pad_constant(array, width, constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap") or reflect_type != "even":
        raise TypeError(
            f"pad: mode={mode!r} with reflect_type={reflect_type!r} is not supported"
        )
    return pad(array, width=width, mode=mode)


def _pad_constant(x: Any, width: Width, values: Any) -> Any:
    if not isinstance(values, tuple | list):
        return _filled(x, width, values)
    rank = np.ndim(x)
    for axis, pair in enumerate(_widths(values, rank, "constant_values")):
        for side, value in enumerate(pair):
            only = [[0, 0] for _ in range(rank)]
            only[axis][side] = width[axis][side]
            x = _filled(x, tuple((a, b) for a, b in only), value)
    return x


def _filled(x: Any, width: Width, value: Any) -> Any:
    """`x` with a number around it, an attribute if it is known."""
    plain = known(value) if isinstance(value, Staged) else value
    if plain is None:
        return pad_constant(x, value, width=width, fill=None)
    plain = plain.item() if isinstance(plain, np.generic) else plain
    return pad_constant(x, width=width, fill=plain)


def _width_text(width: Width) -> str:
    """The widths as they were most likely written."""
    sides = {n for pair in width for n in pair}
    if len(sides) < 2:
        return str(min(sides, default=0))
    return str(width[0] if len(width) == 1 else width)


def _padded(x: ArrayType, width: Width) -> ArrayType:
    dims = (lengthened(d, by=a + b) for d, (a, b) in zip(x.shape, width, strict=True))
    return ArrayType(x.dtype, tuple(dims))


def _inner(ct: Any, x: Any, width: Width) -> Any:
    """The part of the cotangent that belongs to the array itself."""
    items: list[Slice] = []
    for a, b in width:
        items.append(Slice(a or None, -b if b else None))
    return read_at(ct, (Index(tuple(items)),))


def _constant_source(x: ArrayType, *value: Any, width: Width, fill: Any) -> str:
    given = "{1}" if value else number_text(fill)
    tail = "" if given == "0" else f", constant_values={given}"
    return f"np.pad({{0}}, {_width_text(width)}{tail})"


def _constant_value(x: Any, *value: Any, width: Width, fill: Any) -> Any:
    return np.pad(x, width, constant_values=value[0] if value else fill)


def _constant_vjp(ct: Any, out: Any, x: Any, *value: Any, width: Width, fill: Any) -> Any:
    inner = _inner(ct, x, width)
    x_bar = inner if dtype_of(x).kind in "fc" else None
    if not value:
        return (x_bar,)
    if dtype_of(value[0]).kind not in "fc" or dtype_of(x).kind not in "fc":
        return x_bar, None
    every = tuple(range(np.ndim(x)))
    rest = sum_(ct, axes=every) - sum_(inner, axes=every)
    return x_bar, fit_dtype(rest, dtype_of(value[0]))


def _constant_jvp(dxs: Any, out: Any, x: Any, *value: Any, width: Width, fill: Any) -> Any:
    if dtype_of(x).kind not in "fc":
        return None
    dx = zeros_like(x, dtype=dtype_of(x)) if dxs[0] is None else dxs[0]
    if len(dxs) == 1 or dxs[1] is None:
        return pad_constant(dx, width=width, fill=0)
    return pad_constant(dx, dxs[1], width=width, fill=None)


def _constant_batch(args: Any, axes: Any, /, *, width: Width, fill: Any) -> tuple[Any, int]:
    if any(a is not None for a in axes[1:]):
        raise TypeError("vmap: np.pad needs the same constant in every batch element")
    x = move_axis(args[0], axes[0], 0)
    return pad_constant(x, *args[1:], width=((0, 0), *width), fill=fill), 0


pad_constant = make(
    "pad_constant",
    calls=((np.pad, _pad_call),),
    infer=lambda x, *value, width, fill: _padded(x, width),
    value=_constant_value,
    vjp=_constant_vjp,
    jvp=_constant_jvp,
    batch=_constant_batch,
    source=_constant_source,
    cost=Cost.CHEAP,
)


def _pad_expand(x: Any, *, width: Width, mode: str) -> Any:
    """Where each element comes from is itself a padding, of the positions along the axis."""
    rows = []
    for axis, pair in enumerate(width):
        row = pad(counted(length(x, axis), x), width=(pair,), mode=mode)
        after = tuple(range(1, np.ndim(x) - axis))
        rows.append(expand_dims(row, axes=after) if after else row)
    return read_at(x, (Index(tuple(Arg(k) for k in range(len(rows)))),), *rows)


pad = make(
    "pad",
    calls=(),
    infer=lambda x, *, width, mode: _padded(x, width),
    value=lambda x, *, width, mode: np.pad(x, width, mode=mode),
    vjp=None,
    jvp=None,
    expand=_pad_expand,
    batch=to_front(
        lambda: pad, lambda *, width, mode: {"width": ((0, 0), *width), "mode": mode}
    ),
    source=lambda x, *, width, mode: f"np.pad({{}}, {_width_text(width)}, mode={mode!r})",
    may_raise=(ValueError,),
    cost=Cost.CHEAP,
)


OPS: tuple[Op, ...] = (pad_constant, pad)
