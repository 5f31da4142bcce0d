"""Ops that are defined by simpler ops: `expand` says which, everything else follows from it.

The op keeps NumPy's name and value in the graph and in the source; its type, its batching and
its derivatives are those of its expansion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Cost, Expands, Op, Operand, Staged, Value, operand_of
from stagec.ir.types import ArrayType, Type, type_of
from stagec.ops.arithmetic import Handle
from stagec.ops.family import Calls, make


def composite(
    name: str,
    *,
    value: Callable[..., Any],
    expand: Callable[..., Any],
    source: str | Callable[..., str],
    calls: Calls = (),
    alias: int | Callable[..., int | None] | None = None,
    batched: bool = True,
    may_raise: tuple[type[BaseException], ...] = (),
    rewrites: tuple[Callable[..., Any], ...] = (),
    anywhere: bool = False,
) -> Op:
    """An op whose rules are those of `expand` (*args, **attrs), made of simpler ops.

    `anywhere`: see `Expands`.
    """

    def infer(*types: Type, **attrs: Any) -> Type | tuple[Type, ...]:
        _, results = _trace(expand, types, attrs)
        found = tuple(r.type for r in results)
        return found[0] if len(found) == 1 else found

    def batch(args: Any, axes: Any, /, **attrs: Any) -> tuple[Any, Any]:
        return _batch(expand, args, axes, attrs)

    return make(
        name,
        calls=calls,
        infer=infer,
        value=value,
        vjp=None,
        jvp=None,
        expand=expand,
        batch=batch if batched else None,
        source=source,
        alias=alias,
        cost=Cost.COSTLY,
        may_raise=may_raise,
        rewrites=rewrites,
        scalar=Expands(
            lambda *types, **attrs: None if may_raise else expand, anywhere=anywhere
        ),
    )


def _trace(
    expand: Callable[..., Any], types: tuple[Type, ...], attrs: dict[str, Any]
) -> tuple[tuple[tuple[Value, ...], Builder], tuple[Operand, ...]]:
    """The statements and results of the expansion over operands of the given types."""
    builder = Builder()
    params = tuple(Value(t) for t in types)
    out = expand(*(Handle(builder, p) for p in params), **attrs)
    results = out if isinstance(out, tuple) else (out,)
    return (params, builder), tuple(operand_of(r) for r in results)


def _element(x: Any, axis: int | None) -> Type:
    """The type of one batch element of `x`."""
    found = x.type if isinstance(x, Handle) else type_of(x)
    if axis is None or not isinstance(found, ArrayType):
        return found
    shape = (*found.shape[:axis], *found.shape[axis + 1 :])
    return ArrayType(found.dtype, shape, "array" if shape else "np")


def _batch(
    expand: Callable[..., Any], args: Any, axes: Any, attrs: dict[str, Any]
) -> tuple[Any, Any]:
    types = tuple(_element(x, a) for x, a in zip(args, axes, strict=True))
    (params, builder), results = _trace(expand, types, attrs)
    known: dict[Operand, tuple[Any, int | None]] = dict(
        zip(params, zip(args, axes, strict=True), strict=True)
    )
    anchor = next((x for x in args if isinstance(x, Staged)), None)
    for stmt in builder.stmts:
        assert isinstance(stmt, Apply)
        inputs = [known.get(a) or (getattr(a, "value", a), None) for a in stmt.args]
        found = _batch_stmt(stmt, inputs, anchor)
        known.update(zip(stmt.outs, found, strict=True))
    out = tuple(known.get(r) or (getattr(r, "value", r), None) for r in results)
    return out[0] if len(out) == 1 else (tuple(v for v, _ in out), tuple(a for _, a in out))


def _batch_stmt(stmt: Apply, inputs: list[Any], anchor: Any) -> list[tuple[Any, int | None]]:
    """Results of one statement of the expansion with their batch axes."""
    args, axes = [v for v, _ in inputs], [a for _, a in inputs]
    if all(a is None for a in axes):
        near = next((v for v in (*args, anchor) if isinstance(v, Staged)), None)
        out = (
            stmt.op(*args, **stmt.kwargs)
            if near is None
            else near.apply(stmt.op, tuple(args), stmt.kwargs)
        )
        return [(v, None) for v in (out if isinstance(out, tuple) else (out,))]
    if stmt.op.batch is None:
        raise TypeError(f"vmap needs `batch` of op {stmt.op.name}")
    out, axis = stmt.op.batch(tuple(args), tuple(axes), **stmt.kwargs)
    if len(stmt.outs) == 1:
        return [(out, axis)]
    each = axis if isinstance(axis, tuple) else (axis,) * len(stmt.outs)
    return list(zip(out, each, strict=True))
