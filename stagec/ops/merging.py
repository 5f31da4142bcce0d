"""Sums of masked cotangents, which stay masked: see `stagec.ops.masks`.

A value that several branches use, none of which was taken for an element, has a cotangent that
is a sum of zeros there; the sum is masked too, so that no rule makes NaN of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.ops.comparison import logical_and, logical_not, logical_or
from stagec.ops.masks import Mask, covered, mask, peeled


def merged(add: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """`add(a, b)`, masked where both are; None if one of them is not masked."""
    (x, p), (y, q) = peeled(a), peeled(b)
    if not p or not q:
        return None
    common = _common(p, q)
    inner, outer = p[: len(p) - len(common)], q[: len(q) - len(common)]
    x, y = covered(x, inner), covered(y, outer)
    if common:
        total = merged(add, x, y) if inner and outer else None
        return covered(add(x, y) if total is None else total, common)
    if len(p) == len(q) == 1 and _same(p[0], q[0]):
        return None
    return mask(logical_or(_condition(p), _condition(q)), add(x, y))


def _same(one: Mask, other: Mask) -> bool:
    return one[0].operand is other[0].operand


def _common(p: tuple[Mask, ...], q: tuple[Mask, ...]) -> tuple[Mask, ...]:
    """The outermost masks that both have."""
    count = 0
    for one, other in zip(reversed(p), reversed(q), strict=False):
        if not _same(one, other) or one[1] != other[1]:
            break
        count += 1
    return p[len(p) - count :]


def _condition(masks: tuple[Mask, ...]) -> Any:
    """Where all masks let the cotangent through."""
    total = None
    for cond, keep in masks:
        through = cond if keep else logical_not(cond)
        total = through if total is None else logical_and(total, through)
    return total
