"""Lists of run-time length: the user's growing lists and the tapes of reverse mode.

All ops are functional here; those that overwrite operand 0 become the methods of a Python list.
The elements of a list share its memory.  The cotangent of a list is a list of the same length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import stagec_runtime as rt
from stagec.ir.core import Cost, Op, Staged
from stagec.ir.types import INT, ArrayType, ListType, Type
from stagec.ops.arithmetic import add
from stagec.ops.axes import move_axis
from stagec.ops.broadcast import batched, stretch
from stagec.ops.cast import NAMES, to_python
from stagec.ops.comparison import equal
from stagec.ops.creation import zeros_like
from stagec.ops.index_failures import outside_list
from stagec.ops.into import Into
from stagec.ops.list_batches import list_stretch
from stagec.ops.list_form import (
    Rule,
    element_type as element_type,
    join_elements as join_elements,
    list_op,
)
from stagec.ops.paths import array_type


def _is_list(x: Any) -> bool:
    return isinstance(x, list) or isinstance(getattr(x, "type", None), ListType)


def zeros_of(x: Any) -> Any:
    """A zero of the kind, dtype and shape of `x`; for a list, one of zeros."""
    if _is_list(x):
        return list_zeros(x)
    found = array_type(x)
    if found.kind == "array":
        return zeros_like(x, dtype=found.dtype)
    zero = found.dtype.type(0)
    return zero.item() if found.kind == "py" else zero


def _differentiable(element: Type) -> bool:
    if isinstance(element, ListType):
        return _differentiable(element.element)
    return isinstance(element, ArrayType) and element.inexact


def given(tangent: Any, x: Any) -> Any:
    """The tangent or cotangent of `x` as a list that holds `x` holds it; zero for None."""
    if tangent is None:
        return zeros_of(x)
    if _is_list(x) or array_type(x).kind != "py" or array_type(tangent).kind == "py":
        return tangent
    # the cotangent of a Python number may be NumPy's
    return to_python(tangent, kind=NAMES[array_type(x).dtype.kind])


def _aligned(args: Any, axes: Any, *, indices: int = 0) -> tuple[Any, ...]:
    """The list and the value that goes into it, both with the batch axis in front."""
    where = range(1, 1 + indices)
    if any(axes[k] is not None for k in where):
        raise TypeError("vmap: the index into a list cannot be batched")
    (xs, *_, v), (xs_axis, *_, v_axis) = args, axes
    if v_axis is None:
        v = _stretched(v, list_get(xs, 0))
    elif v_axis:
        v = move_axis(v, v_axis, 0)
    if xs_axis is None:
        xs = list_stretch(xs, v)
    return (xs, *(args[k] for k in where), v)


def _stretched(v: Any, like: Any) -> Any:
    return list_stretch(v, like) if _is_list(v) else stretch(v, like)


def _new_infer(*items: Type, element: Type) -> ListType:
    for item in items:
        element = join_elements(element, item)
    return ListType(element)


def _new_vjp(ct: Any, out: Any, *items: Any, element: Type) -> Any:
    if not _differentiable(element):
        return (None,) * len(items)
    return tuple(list_get(ct, k) for k in range(len(items)))


def _new_jvp(dxs: Any, out: Any, *items: Any, element: Type) -> Any:
    if all(dx is None for dx in dxs) or not _differentiable(element):
        return None
    return list_new(*(map(given, dxs, items)), element=element)


def _new_batch(args: Any, axes: Any, *, element: Type) -> tuple[Any, int]:
    items = batched(args, axes)
    types = [array_type(i) for i in items]
    return list_new(*items, element=_joined(types)), 0


def _joined(types: list[ArrayType]) -> Type:
    element: Type = types[0]
    for item in types[1:]:
        element = join_elements(element, item)
    return element


list_new = list_op(
    "list_new",
    infer=_new_infer,
    value=lambda *items, element: list(items),
    source=lambda *items, element: f"[{', '.join(f'{{{k}}}' for k in range(len(items)))}]",
    vjp=_new_vjp,
    jvp=_new_jvp,
    batch=_new_batch,
)


def _zeros_infer(xs: ListType) -> ListType:
    element_type(xs)
    return xs


list_zeros = list_op(
    "list_zeros",
    infer=_zeros_infer,
    value=lambda xs: rt.zeros_like_list(xs),
    source="rt.zeros_like_list({})",
    vjp=None,
    jvp=None,
    batch=lambda args, axes: (list_zeros(args[0]), axes[0]),
    shapes=(0,),
)


list_length = list_op(
    "list_length",
    infer=lambda xs: element_type(xs) and INT,
    value=len,
    source="len({})",
    vjp=None,
    jvp=None,
    batch=lambda args, axes: (list_length(args[0]), None),
    cost=Cost.FREE,
    shapes=(0,),
)


def _append_vjp(ct: Any, out: Any, xs: Any, v: Any) -> Any:
    return tuple(list_pop(ct))


def _append_jvp(dxs: Any, out: Any, xs: Any, v: Any) -> Any:
    return list_append(given(dxs[0], xs), given(dxs[1], v))


list_append = list_op(
    "list_append",
    infer=lambda xs, v: ListType(join_elements(element_type(xs), v)),
    value=lambda xs, v: [*xs, v],
    source="{0}.append({1})",
    vjp=_append_vjp,
    jvp=_append_jvp,
    batch=lambda args, axes: (list_append(*_aligned(args, axes)), 0),
    overwrites=0,
    lenient=(1,),
)


def _pop_vjp(cts: Any, outs: Any, xs: Any) -> Any:
    return (list_append(given(cts[0], outs[0]), given(cts[1], outs[1])),)


list_pop = list_op(
    "list_pop",
    infer=lambda xs: (xs, element_type(xs)),
    value=lambda xs: (xs[:-1], rt.last(xs)),
    source="{0}.pop()",
    vjp=_pop_vjp,
    jvp=lambda dxs, outs, xs: list_pop(dxs[0]),
    batch=lambda args, axes: (tuple(list_pop(args[0])), (axes[0], axes[0])),
    overwrites=0,
    may_raise=(IndexError,),
    failing=lambda xs: ((IndexError, ("pop from empty list",), equal(list_length(xs), 0)),),
)


def _index_infer(xs: Type, i: Type, v: Type | None = None) -> Type:
    element = element_type(xs)
    if not isinstance(i, ArrayType) or i.rank or i.dtype.kind not in "iub":
        raise TypeError(f"a list index must be an integer, got {i}")
    return element if v is None else ListType(join_elements(element, v))


def _get_vjp(ct: Any, out: Any, xs: Any, i: Any) -> Any:
    if isinstance(xs, Staged):
        return (Into(list_add, (i, ct), ()), None)
    return (list_add(list_zeros(xs), i, ct), None)


list_get = list_op(
    "list_get",
    infer=_index_infer,
    value=lambda xs, i: xs[i],
    source="{}[{}]",
    vjp=_get_vjp,
    jvp=lambda dxs, out, xs, i: list_get(dxs[0], i),
    batch=lambda args, axes: (_batched_get(args, axes), axes[0]),
    alias=0,
    may_raise=(IndexError,),
    failing=outside_list(lambda xs: list_length(xs), "list index out of range"),
    cost=Cost.FREE,
)


def _batched_get(args: Any, axes: Any) -> Any:
    if axes[1] is not None:
        raise TypeError("vmap: the index into a list cannot be batched")
    return list_get(*args)


def _set_value(xs: Any, i: Any, v: Any) -> list[Any]:
    out = list(xs)
    out[i] = v
    return out


def _set_vjp(ct: Any, out: Any, xs: Any, i: Any, v: Any) -> Any:
    v_bar = list_get(ct, i)
    # the element that was replaced may have had other sizes
    uniform = not _is_list(v) and isinstance(xs, Staged)
    uniform = uniform and None not in getattr(v_bar, "shape", ())
    old = v_bar if uniform else list_get(xs, i)
    return (list_set(ct, i, zeros_of(old)), None, v_bar)


def _set_jvp(dxs: Any, out: Any, xs: Any, i: Any, v: Any) -> Any:
    return list_set(given(dxs[0], xs), i, given(dxs[2], v))


def _replaced(op: Rule) -> Rule:
    def batch(args: Any, axes: Any) -> tuple[Any, int]:
        return op()(*_aligned(args, axes, indices=1)), 0

    return batch


list_set = list_op(
    "list_set",
    infer=_index_infer,
    value=_set_value,
    source="{0}[{1}] = {2}",
    vjp=_set_vjp,
    jvp=_set_jvp,
    batch=_replaced(lambda: list_set),
    overwrites=0,
    may_raise=(IndexError,),
    failing=outside_list(lambda xs: list_length(xs), "list assignment index out of range"),
)


def _add_infer(xs: Type, i: Type, v: Type) -> Type:
    element = _index_infer(xs, i)
    if isinstance(element, ArrayType) and isinstance(v, ArrayType) and not v.rank:
        v = replace(v, kind=element.kind)  # the cotangent of a Python number may be NumPy's
    return _index_infer(xs, i, v)


def _add_value(xs: Any, i: Any, v: Any) -> list[Any]:
    return _set_value(xs, i, rt.add_lists(xs[i], v) if isinstance(v, list) else add(xs[i], v))


def _add_jvp(dxs: Any, out: Any, xs: Any, i: Any, v: Any) -> Any:
    total = given(dxs[0], xs)
    return total if dxs[2] is None else list_add(total, i, dxs[2])


def _add_source(xs: ListType, i: ArrayType, v: Type) -> str:
    # not `+=`, which would write to an array that others may hold
    if isinstance(v, ListType):
        return "{0}[{1}] = rt.add_lists({0}[{1}], {2})"
    return "{0}[{1}] = {0}[{1}] + {2}"


list_add = list_op(
    "list_add",
    infer=_add_infer,
    value=_add_value,
    source=_add_source,
    vjp=lambda ct, out, xs, i, v: (ct, None, list_get(ct, i)),
    jvp=_add_jvp,
    batch=_replaced(lambda: list_add),
    overwrites=0,
    may_raise=(IndexError,),
)


# a list of its own; `deep`: of elements of its own
list_copy = list_op(
    "list_copy",
    infer=lambda xs, *, deep=False: ListType(element_type(xs)),
    value=lambda xs, *, deep=False: rt.copy_list(xs) if deep else list(xs),
    source=lambda xs, *, deep=False: "rt.copy_list({})" if deep else "{}.copy()",
    vjp=lambda ct, out, xs, *, deep=False: (ct,),
    jvp=lambda dxs, out, xs, *, deep=False: list_copy(dxs[0], deep=deep),
    batch=lambda args, axes, *, deep=False: (list_copy(args[0], deep=deep), axes[0]),
    alias=lambda *, deep=False: None if deep else 0,
)


def _assign_infer(xs: Type, ys: Type) -> Type:
    return join_elements(ListType(element_type(xs)), ListType(element_type(ys)))


# the list `xs` with the elements of `ys` in place of its own
list_assign = list_op(
    "list_assign",
    infer=_assign_infer,
    value=lambda xs, ys: list(ys),
    source="{0}[:] = {1}",
    vjp=lambda ct, out, xs, ys: (list_zeros(xs), ct),
    jvp=lambda dxs, out, xs, ys: list_assign(given(dxs[0], xs), given(dxs[1], ys)),
    batch=lambda args, axes: (list_assign(*_whole_lists(args, axes)), 0),
    overwrites=0,
)


def _whole_lists(args: Any, axes: Any) -> tuple[Any, Any]:
    """Both lists with the batch axis of their elements in front."""
    (xs, ys), (xs_axis, ys_axis) = args, axes
    if xs_axis is None:
        xs = list_stretch(xs, ys)
    return xs, list_stretch(ys, xs) if ys_axis is None else ys


OPS: tuple[Op, ...] = (
    list_new,
    list_zeros,
    list_length,
    list_append,
    list_pop,
    list_get,
    list_set,
    list_add,
    list_copy,
    list_assign,
)
