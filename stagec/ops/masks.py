"""Masked cotangents: zeros where the primal did not use a value.

A rule applied to a masked cotangent could make NaN of a zero (0 / 0, 0 * inf) on a branch that
was never taken.  Rules of elementwise ops are therefore applied to the cotangent before masking
(`masked`), and their result is masked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Op, known, operand_of
from stagec.ir.types import ArrayType, broadcast_shapes, same_shape
from stagec.ops.axes import align_last, dtype_of
from stagec.ops.broadcast import align, fit, number_behind
from stagec.ops.cast import astype, conj, imag, real, strong
from stagec.ops.family import made_by, make

Mask = tuple[Any, bool]


def _mask_infer(cond: ArrayType, ct: ArrayType, *, keep: bool = True) -> ArrayType:
    if cond.dtype.kind != "b":
        raise TypeError(f"mask needs a boolean condition, got {cond}")
    shape = broadcast_shapes(cond.shape, ct.shape)
    return ArrayType(ct.dtype, shape, "array" if shape else ct.kind)


def _mask_value(cond: Any, ct: Any, *, keep: bool = True) -> Any:
    if np.ndim(cond) or isinstance(ct, np.ndarray):
        return np.where(cond, ct, 0) if keep else np.where(cond, 0, ct)
    return ct if bool(cond) == keep else type(ct)(0)


def _mask_source(cond: ArrayType, ct: ArrayType, *, keep: bool = True) -> str:
    if cond.rank or ct.kind == "array":
        return "np.where({0}, {1}, 0)" if keep else "np.where({0}, 0, {1})"
    name = {"f": "0.0", "c": "0j"}.get(ct.dtype.kind, "0")
    zero = name if ct.weak else f"np.{ct.dtype.name}(0)"
    return f"{{1}} if {{0}} else {zero}" if keep else f"{zero} if {{0}} else {{1}}"


def _mask_vjp(bar: Any, out: Any, cond: Any, ct: Any, *, keep: bool = True) -> Any:
    varies = dtype_of(ct).kind in "fc"
    return None, fit(mask(cond, bar, keep=keep), ct) if varies else None


def _masked_twice(cond: Any, ct: Any, *, keep: bool = True) -> Any:
    """What is masked already is not masked again."""
    inner = made_by(ct, mask)
    same = inner and operand_of(inner[0][0]) == operand_of(cond)
    return ct if inner and same and inner[1].get("keep", True) == keep else None


def _filled_masked(cond: Any, ct: Any, *, keep: bool = True) -> Any:
    """A number that fills an array need not fill one before it is masked."""
    fill = number_behind(ct) if np.ndim(ct) else None
    if fill is None or not same_shape(cond.shape, ct.shape):
        return None
    return mask(cond, strong(fill), keep=keep)


def _plain(cond: Any, ct: Any, *, keep: bool = True) -> Any:
    """Between arrays a number of 64 bits is one of Python."""
    value = known(ct) if cond.shape else None
    return mask(cond, value.item(), keep=keep) if isinstance(value, np.float64) else None


mask = make(
    "mask",
    calls=(),
    infer=_mask_infer,
    value=_mask_value,
    vjp=_mask_vjp,
    jvp=lambda dxs, out, cond, ct, *, keep=True: mask(cond, dxs[1], keep=keep),
    batch=lambda args, axes, *, keep=True: (mask(*align(args, axes), keep=keep), 0),
    batch_last=lambda args, wide, *, keep=True: mask(*align_last(args, wide), keep=keep),
    source=_mask_source,
    scalar=_mask_source,
    cost=Cost.CHEAP,
    rewrites=(_masked_twice, _filled_masked, _plain),
)


def peeled(ct: Any) -> tuple[Any, tuple[Mask, ...]]:
    """`ct` computed without its masks, and the masks, innermost first."""
    inner = made_by(ct, mask)
    if inner:
        (cond, body), attrs = inner
        body, masks = peeled(body)
        return body, (*masks, (cond, attrs.get("keep", True)))
    for op in (astype, real, imag, conj):
        inner = made_by(ct, op)
        if inner:
            body, masks = peeled(inner[0][0])
            return (op(body, **inner[1]), masks) if masks else (ct, ())
    return ct, ()


def masked(rule: Callable[[Any], Any], ct: Any) -> Any:
    """`rule(ct)` for a rule linear element by element, with the masks of `ct` applied after."""
    body, masks = peeled(ct)
    if not masks:
        return rule(ct)
    bar = rule(body)
    if bar is None or bar is body:
        return None if bar is None else ct
    return covered(bar, masks)


def covered(ct: Any, masks: tuple[Mask, ...]) -> Any:
    """`ct` under the masks, the first one innermost."""
    for cond, keep in masks:
        ct = mask(cond, ct, keep=keep)
    return ct


OPS: tuple[Op, ...] = (mask,)
