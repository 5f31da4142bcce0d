"""`np.shape`, `np.ndim` and `np.size` of abstract values."""

from __future__ import annotations

import operator

from stagec.errors import Loc
from stagec.frontend import containers, numpy_calls, objects
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import NONE, Args, Known, Kwargs, Ref, TupleValue, Value
from stagec.ops.axes import normal_axes


def shape(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    """`np.shape(x)`."""
    (x,) = (*args, *kwargs.values())
    if isinstance(x, Ref | TupleValue):
        made = m.wrap(state, m.as_array(state, x, loc))
        if not isinstance(made, Known):  # an empty list is a known array
            return m.shape(state, made, loc)
        x = made
    if isinstance(x, Known) and isinstance(x.value, bool | int | float | complex):
        return TupleValue(())
    return objects.attribute(m, state, x, "shape", loc)


def ndim(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    """`np.ndim(x)`."""
    return Known(len(containers.unpack(m, state, shape(m, state, args, kwargs, loc), loc)))


def size(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    """`np.size(x)` and `np.size(x, axis)`, of one axis or several."""
    sizes = containers.unpack(m, state, shape(m, state, args[:1], {}, loc), loc)
    axis = (*args[1:], kwargs.get("axis", NONE))[0]
    if not (isinstance(axis, Known) and axis.value is None):
        if not isinstance(axis, TupleValue):
            axes = m.need_known(state, axis, loc, "an axis")
        else:
            axes = tuple(m.need_known(state, one, loc, "an axis") for one in axis.items)
        sizes = [sizes[k] for k in normal_axes(axes, len(sizes))]
    total: Value = Known(1)
    for one in sizes:
        first = isinstance(total, Known) and total.value == 1
        total = (
            one if first else numpy_calls.apply(m, state, operator.mul, (total, one), {}, loc)
        )
    return total
