"""Reading and writing parts of arrays through paths.

`read` and `accumulate` are each other's transpose; all three ops are functional here, and
`opt.bufferise` makes the writes happen in place.  Build them with `read_at`, `update_at` and
`accumulate_at`, which find the attribute `view`: whether a read shares the array's memory
(elements are NumPy scalars and share nothing).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import NATIVE, Cost, Effect, Op
from stagec.ir.path import Arg, Index, NewAxis, Path, Slice, Transpose
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import expand_dims, transpose
from stagec.ops.broadcast import fit
from stagec.ops.cast import imag, real
from stagec.ops.copying import copy as copy
from stagec.ops.family import Rule, made_by
from stagec.ops.form import to_numpy
from stagec.ops.index_failures import fits, outside_array, unstorable
from stagec.ops.into import into, zeros_like
from stagec.ops.lifting import batched_base, behind, lift, lift_value, write_last
from stagec.ops.paths import (
    apply_path as apply_path,
    array_type,
    is_array_index,
    is_mask,
    is_view as is_view,
    items_of,
    items_source,
    path_source as path_source,
    path_type as path_type,
)
from stagec.ops.writes import added, narrow, sign_out

WHOLE: Path = ()


def read_at(a: Any, path: Path, *index: Any) -> Any:
    """What the path selects from `a`."""
    types = tuple(array_type(i) for i in index)
    view = is_view(path, types) and path_type(array_type(a), path, types).kind == "array"
    return read(a, *index, path=path, view=view)


def update_at(a: Any, v: Any, path: Path, *index: Any) -> Any:
    """`a` with `v` stored where the path points."""
    return update(a, v, *index, path=path)


def accumulate_at(a: Any, v: Any, path: Path, *index: Any) -> Any:
    """`a` with `v` added where the path points; repeated elements add up."""
    return accumulate(a, v, *index, path=path)


def _read_infer(a: ArrayType, *index: ArrayType, path: Path, view: bool = True) -> ArrayType:
    return path_type(a, path, index)


def _read_value(a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    return apply_path(a, path, index)


def _read_vjp(ct: Any, out: Any, a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    whole = path == WHOLE or array_type(a).kind != "array"  # axes may be added to a number
    ct = fit(ct, a) if whole else into(accumulate, a, ct, *index, path=path)
    return (ct, *(None,) * len(index))


def _read_jvp(dxs: Any, out: Any, a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    return read(dxs[0], *index, path=path, view=view)


def _read_source(a: ArrayType, *index: ArrayType, path: Path, view: bool = True) -> str:
    return path_source(path, a, index)


def _whole(a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    """`a[...]` is `a`: neither is a copy."""
    return a if path == WHOLE else None


def _transposed(a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    """A path that only transposes is the op that does, which meets others of its kind."""
    step = path[0] if len(path) == 1 else None
    return transpose(a, axes=step.axes) if isinstance(step, Transpose) else None


def _widened(a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    """A path that only adds axes is the op that does, whose adjoint needs no zeros."""
    match path:
        case (Index(items),) if set(items) | {Slice()} == {Slice(), NewAxis()}:
            new = tuple(k for k, i in enumerate(items) if i == NewAxis())
            return expand_dims(a, axes=new) if array_type(a).kind == "array" else None
    return None


def _of_a_part(a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    """An element of `z.real` is the real part of an element, which loops compute."""
    found = ((op, inner[0][0]) for op in (real, imag) if (inner := made_by(a, op)))
    part, whole = next(found, (None, None))
    element = path_type(array_type(a), path, tuple(map(array_type, index))).kind == "np"
    return part(read_at(whole, path, *index)) if part and element else None


def _written(a: Any, *index: Any, path: Path, view: bool = True) -> Any:
    """The element that was stored just before through the same path."""
    source = a.builder.producer(a.operand) if isinstance(a, Handle) else None
    if source is None or source.op is not update or source.kwargs["path"] != path:
        return None
    _, stored, *where = source.args
    value = Handle(a.builder, stored)
    element = path_type(a.array, path, tuple(array_type(i) for i in index))
    if element.kind != "np" or array_type(value).dtype != element.dtype:
        return None
    if array_type(value).rank or [i.operand for i in index] != where:
        return None
    return value if array_type(value).kind == "np" else to_numpy(value)


def _read_batch(args: Any, axes: Any, /, *, path: Path, view: bool = True) -> tuple[Any, int]:
    (a, *index), (axis, *index_axes) = args, axes
    base = batched_base(a, axis, index, index_axes)
    lifted, operands, order = lift(base, path, tuple(index), tuple(index_axes))
    turn = () if order is None else (Transpose(order),)
    return read_at(base, (*lifted, *turn), *operands), 0


def _read_last(args: Any, wide: Any, *, path: Path, view: bool = True) -> Any:
    a, *index = args
    if any(wide[1:]):
        return None
    lifted, operands = behind(a, path, tuple(index))
    return read_at(a, lifted, *operands)


read = Op(
    name="read",
    calls=(),
    infer=_read_infer,
    value=_read_value,
    vjp=_read_vjp,
    jvp=_read_jvp,
    expand=None,
    batch=_read_batch,
    batch_last=_read_last,
    source=_read_source,
    scalar=NATIVE,
    alias=lambda *, path, view=True: 0 if view else None,
    overwrites=None,
    may_raise=(IndexError,),
    effect=Effect.NONE,
    cost=Cost.FREE,
    failing=lambda a, *index, path, view=True: outside_array(read_at, a, path, index),
    rewrites=(_whole, _transposed, _widened, _of_a_part, _written),
    any_width=True,
)


def _write_infer(op: str, a: ArrayType, v: ArrayType, index: Any, path: Path) -> ArrayType:
    if a.kind != "array":
        raise TypeError(f"{op}: expected an array to write to, got {a}")
    if not is_view(path[:-1], index):
        raise TypeError(f"{op}: an array index may only be the last step of the path")
    region = path_type(a, path, index).shape
    if not fits(v.shape, region):
        raise TypeError(
            f"{op}: {v} does not broadcast to the shape {ArrayType(a.dtype, region)}"
        )
    return ArrayType(a.dtype, a.shape)


def _target(a: Any, path: Path, index: tuple[Any, ...]) -> tuple[Any, Any]:
    """The view of `a` and the key with which `view[key]` is what the path selects."""
    if path and isinstance(path[-1], Index):
        return apply_path(a, path[:-1], index), items_of(path[-1], index)
    view = apply_path(a, path, index)
    if view.size and not np.may_share_memory(view, a):
        raise ValueError("a reshape of this array is a copy: writing to it changes nothing")
    return view, ...


def loses_part(value: np.dtype, into: np.dtype) -> bool:
    """Whether the imaginary part is lost where a value of one dtype is stored as the other."""
    return value.kind == "c" != into.kind


def _update_infer(a: ArrayType, v: ArrayType, *index: ArrayType, path: Path) -> ArrayType:
    if v.rank == 0 and loses_part(v.dtype, a.dtype):
        raise TypeError(f"update: cannot store {v} in {a}")
    return _write_infer("update", a, v, index, path)


def _update_value(a: Any, v: Any, *index: Any, path: Path) -> Any:
    out = np.array(a)
    view, key = _target(out, path, index)
    value = np.asarray(v)
    view[key] = np.real(value) if loses_part(value.dtype, out.dtype) else value
    return out


def _update_vjp(ct: Any, out: Any, a: Any, v: Any, *index: Any, path: Path) -> Any:
    rest = (None,) * len(index)
    if not array_type(out).inexact:
        return (None, None, *rest)
    if not array_type(v).inexact:
        return (update(ct, 0, *index, path=path), None, *rest)
    region = read_at(ct, path, *index)
    if path == WHOLE:
        return (None, _fit_value(region, v), *rest)
    types = tuple(array_type(i) for i in index)
    if any(i.rank and i.dtype.kind in "iu" for i in types):
        # of several values stored in one element only the last survives
        region = update(region, 0, overwritten(ct, *index, path=path), path=(Index((Arg(0),)),))
    return (update(ct, 0, *index, path=path), _fit_value(region, v), *rest)


def _fit_value(region: Any, v: Any) -> Any:
    """The cotangent of the region in the shape of `v`, which was broadcast to it."""
    extra = array_type(v).rank - array_type(region).rank
    if extra > 0:
        region = read_at(region, (Index((NewAxis(),) * extra),))
    return fit(region, v)


def _update_jvp(dxs: Any, out: Any, a: Any, v: Any, *index: Any, path: Path) -> Any:
    if not array_type(out).inexact:
        return None
    da, dv, *_ = dxs
    return update(
        zeros_like(a) if da is None else da, 0 if dv is None else dv, *index, path=path
    )


def _update_source(a: ArrayType, v: ArrayType, *index: ArrayType, path: Path) -> str:
    part = ".real" if loses_part(v.dtype, a.dtype) else ""
    return f"{_region_source(path, a, index)} = {{1}}{part}"


def _region_source(path: Path, a: ArrayType, index: tuple[ArrayType, ...]) -> str:
    text = path_source(path, a, index, 2)
    return text if path and isinstance(path[-1], Index) else f"{text}[...]"


def _write_batch(op: Op, args: Any, axes: Any, path: Path) -> tuple[Any, int]:
    (a, v, *index), (axis, v_axis, *index_axes) = args, axes
    base = batched_base(a, axis, args[1:], axes[1:])
    lifted, operands, order = lift(base, path, tuple(index), tuple(index_axes))
    rank = path_type(array_type(base), lifted, tuple(map(array_type, operands))).rank
    return op(base, lift_value(v, v_axis, rank, order), *operands, path=lifted), 0


def _write(
    name: str, infer: Rule, value: Rule, vjp: Rule, jvp: Rule, source: Rule, *simpler: Rule
) -> Op:
    """An op that writes to a part of its first operand, with `simpler` ways to say the same."""
    op = Op(
        name=name,
        calls=(),
        infer=infer,
        value=value,
        vjp=vjp,
        jvp=jvp,
        expand=None,
        batch=lambda args, axes, *, path: _write_batch(op, args, axes, path),
        batch_last=lambda args, wide, *, path: write_last(op, args, wide, path),
        source=source,
        scalar=NATIVE,
        alias=None,
        overwrites=0,
        may_raise=(IndexError, ValueError),
        failing=lambda a, v, *index, path: unstorable(read_at, a, v, path, index),
        effect=Effect.NONE,
        cost=Cost.CHEAP,
        any_width=True,
        rewrites=(lambda a, v, *index, path: narrow(op, a, v, index, path), *simpler),
    )
    return op


update = _write(
    "update", _update_infer, _update_value, _update_vjp, _update_jvp, _update_source
)


def _accumulate_infer(a: ArrayType, v: ArrayType, *index: ArrayType, path: Path) -> ArrayType:
    if not np.can_cast(v.dtype, a.dtype, "same_kind"):
        raise TypeError(f"accumulate: cannot add {v} in place to {a}")
    if path == WHOLE and a.kind != "array":
        return ArrayType(a.dtype, (), "np")
    return _write_infer("accumulate", a, v, index, path)


def _accumulate_value(a: Any, v: Any, *index: Any, path: Path) -> Any:
    if not isinstance(a, np.ndarray):
        return np.add(a, v)
    out = np.array(a)
    view, key = _target(out, path, index)
    np.add.at(view, key, v)
    return out


def _accumulate_vjp(ct: Any, out: Any, a: Any, v: Any, *index: Any, path: Path) -> Any:
    rest = (None,) * len(index)
    if not array_type(v).inexact:
        return (ct, None, *rest)
    return (ct, _fit_value(read_at(ct, path, *index), v), *rest)


def _accumulate_jvp(dxs: Any, out: Any, a: Any, v: Any, *index: Any, path: Path) -> Any:
    da, dv, *_ = dxs
    if dv is None:
        return da
    return accumulate(zeros_like(a) if da is None else da, dv, *index, path=path)


def _accumulate_source(a: ArrayType, v: ArrayType, *index: ArrayType, path: Path) -> str:
    if path == WHOLE:
        return "{0} += {1}"
    last = path[-1]
    if not isinstance(last, Index) or not any(
        is_array_index(i, index) and not is_mask(i, index) for i in last.items
    ):
        return f"{_region_source(path, a, index)} += {{1}}"
    prefix = path_source(path[:-1], a, index, 2)
    return f"np.add.at({prefix}, {_key_source(last, index)}, {{1}})"


def _key_source(step: Index, index: tuple[ArrayType, ...]) -> str:
    """The step as a value of its own."""
    text = items_source(step.items, len(step.items), 2)
    if all(isinstance(i, Arg | int) for i in step.items):
        return text if len(step.items) == 1 else f"({text})"
    return f"np.s_[{text}]"


accumulate = _write(
    "accumulate",
    _accumulate_infer,
    _accumulate_value,
    _accumulate_vjp,
    _accumulate_jvp,
    _accumulate_source,
    added,
    lambda a, v, *index, path: sign_out(accumulate, a, v, index, path),
)


def _overwritten_infer(a: ArrayType, *index: ArrayType, path: Path) -> ArrayType:
    return ArrayType(np.dtype(bool), path_type(a, path, index).shape)


def _overwritten_value(a: Any, *index: Any, path: Path) -> Any:
    view, key = _target(np.asarray(a), path, index)
    return rt.overwritten(view, key)


def _overwritten_source(a: ArrayType, *index: ArrayType, path: Path) -> str:
    prefix = path_source(path[:-1], a, index)
    last = path[-1]
    assert isinstance(last, Index)
    return f"rt.overwritten({prefix}, np.s_[{items_source(last.items, 1, 1)}])"


def _overwritten_batch(args: Any, axes: Any, /, *, path: Path) -> tuple[Any, int]:
    (a, *index), (axis, *index_axes) = args, axes
    base = batched_base(a, axis, index, index_axes)
    lifted, operands, order = lift(base, path, tuple(index), tuple(index_axes))
    found = overwritten(base, *operands, path=lifted)
    return (found if order is None else transpose(found, axes=order)), 0


overwritten = Op(
    name="overwritten",
    calls=(),
    infer=_overwritten_infer,
    value=_overwritten_value,
    vjp=None,
    jvp=None,
    expand=None,
    batch=_overwritten_batch,
    source=_overwritten_source,
    scalar=NATIVE,
    alias=None,
    overwrites=None,
    may_raise=(IndexError,),
    effect=Effect.NONE,
    cost=Cost.COSTLY,
    rewrites=(),
    shapes=(0,),
)


OPS: tuple[Op, ...] = (read, update, accumulate, overwritten)
