"""Lengths known at run time: of an axis of an array, of a range; and places within them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import NATIVE, Cost, const
from stagec.ir.types import INT, ArrayType, Size, affine, clipped
from stagec.ops.family import constant


def _extent_infer(x: ArrayType, *, axis: int) -> ArrayType:
    dim = x.shape[axis]
    return replace(INT, size=dim) if isinstance(dim, Size) and not clipped(dim) else INT


def _static(x: Any, *, axis: int) -> Any:
    dim = x.shape[axis]
    return const(dim) if isinstance(dim, int) else None


# the length of `x` along `axis`, as a Python int
extent = constant(
    "extent",
    calls=(),
    infer=_extent_infer,
    value=lambda x, *, axis: np.shape(x)[axis] if isinstance(x, np.ndarray) else 0,
    batch=lambda args, axes, *, axis: (extent(args[0], axis=axis + (axes[0] <= axis)), None),
    source=lambda x, *, axis: f"{{}}.shape[{axis}]",
    scalar=NATIVE,
    cost=Cost.FREE,
    any_width=True,
    rewrites=(_static,),
    shapes=(0,),
    lenient=(0,),
)
extent_if_set = replace(
    extent,
    name="extent_if_set",
    rewrites=(),
    source=lambda x, *, axis: f"0 if {{0}} is None else {{0}}.shape[{axis}]",
)


def _range_batch(args: Any, axes: Any) -> Any:
    raise TypeError("vmap: the bounds of a range must not be batched")


# the trip count of `range(lo, hi, step)`
range_length = constant(
    "range_length",
    calls=(),
    infer=lambda lo, hi, step: INT,
    value=lambda lo, hi, step: len(range(lo, hi, step)),
    batch=_range_batch,
    source="len(range({}, {}, {}))",
    scalar=NATIVE,
    cost=Cost.FREE,
    any_width=True,
)

# a bound of a slice of an axis of length `n`, and `more`, counted from the start of the axis
from_start = constant(
    "from_start",
    calls=(),
    infer=lambda bound, n, *, more=0: INT,
    value=lambda bound, n, *, more=0: (bound if bound >= 0 else max(bound + n, -more)) + more,
    batch=_range_batch,
    source=lambda bound, n, *, more=0: _FROM_START[more],
    scalar=NATIVE,
    cost=Cost.FREE,
    any_width=True,
)
# how far it is from `low` to `high`, 0 if it is not further up: a length
distance = constant(
    "distance",
    calls=(),
    infer=lambda low, high: INT,
    value=lambda low, high: max(high - low, 0),
    batch=_range_batch,
    source="max({1} - {0}, 0)",
    scalar=NATIVE,
    cost=Cost.FREE,
    any_width=True,
)
_FROM_START = (
    "{0} if {0} >= 0 else max({0} + {1}, 0)",
    "{0} + 1 if {0} >= 0 else max({0} + {1} + 1, 0)",
)

# the place so many elements further on in a list: in memory, so the sum is no large integer
place = constant(
    "place",
    calls=(),
    infer=lambda start, index: INT,
    value=lambda start, index: start + index,
    batch=_range_batch,
    source="{} + {}",
    scalar="{} + {}",
    cost=Cost.FREE,
)


# the place of an element of so many, counted from the front
inside = constant(
    "inside",
    calls=(),
    infer=lambda index, length: INT,
    value=lambda index, length: range(length)[index],
    batch=_range_batch,
    source="range({1})[{0}]",
    scalar=lambda index, length: "kernels.inside({}, {})",
    may_raise=(IndexError,),
    cost=Cost.CHEAP,
    any_width=True,
)

# the same in front of a loop from `low` to `high`: 0 if the loop makes no trip
inside_if_any = constant(
    "inside_if_any",
    calls=(),
    infer=lambda index, length, low, high: INT,
    value=lambda index, length, low, high: range(length)[index] if low < high else 0,
    batch=_range_batch,
    source="range({1})[{0}] if {2} < {3} else 0",
    scalar=lambda index, length, low, high: "kernels.inside({}, {}) if {} < {} else 0",
    may_raise=(IndexError,),
    cost=Cost.CHEAP,
    any_width=True,
)
CHECKS = (inside, inside_if_any)  # their first operand is an index, the second a length

# an index that is surely not negative, where compiled code cannot see that itself
natural = constant(
    "natural",
    calls=(),
    infer=lambda index: INT,
    value=lambda index: index,
    batch=_range_batch,
    source="{}",
    scalar=lambda index: "kernels.natural({})",
    measure=lambda index: index,
    cost=Cost.FREE,
)

# the index of the element that comes so many before the one at an index; neither is negative
before = constant(
    "before",
    calls=(),
    infer=lambda index, count: INT,
    value=lambda index, count: index - count,
    batch=_range_batch,
    source="{} - {}",
    scalar=lambda index, count: "kernels.before({}, {})",
    measure=lambda index, count: affine((index, 1), (count, -1)),
    cost=Cost.FREE,
)
PLACES = (*CHECKS, natural, before)  # what they give is the index of an element

OPS = (
    *(extent, extent_if_set, range_length, from_start, distance, place),
    *PLACES,
)
