"""Operations that are tried, where the program would catch what they raise.

    u, singular, why = attempt(a, b, op=solve, ...)
    if singular: ...                                    # the handler
    else:
        x = tried(u, a, b, op=solve, ...)               # what it is, if nothing was raised

Only `tried` has derivatives, those of the op: it is never computed on the path of the handler.
"""

from __future__ import annotations

from typing import Any

import stagec_runtime as rt
from stagec.ir.core import Attrs, Cost, Op
from stagec.ir.types import BOOL, TEXT, Type, type_of
from stagec.ops.effects import exception_source
from stagec.ops.family import constant, make


def _results(op: Op, types: tuple[Type, ...], attrs: Attrs) -> tuple[Type, ...]:
    """The types of what the op gives."""
    found = op.infer(*types, **dict(attrs))
    return found if isinstance(found, tuple) else (found,)


def _refuse_batch(args: Any, axes: Any, *, op: Op, **attrs: Any) -> Any:
    raise TypeError(f"vmap: what {op.name} of a batched value raises cannot be caught")


def _attempt_source(
    *types: Type, op: Op, options: Attrs, errors: tuple[type[BaseException], ...]
) -> str:
    text = op.source if isinstance(op.source, str) else op.source(*types, **dict(options))
    named = ", ".join(map(exception_source, errors))
    return f"rt.attempt(lambda: {text}, {len(_results(op, types, options))}, {named})"


# the results of `op(*args, **options)`, for each of the errors whether it was raised, its text
attempt = constant(
    "attempt",
    calls=(),
    infer=lambda *types, op, options, errors: (
        *_results(op, types, options),
        *[BOOL] * len(errors),
        TEXT,
    ),
    value=lambda *args, op, options, errors: rt.attempt(
        lambda: op.value(*args, **dict(options)),
        len(_results(op, tuple(map(type_of, args)), options)),
        *errors,
    ),
    batch=_refuse_batch,
    source=_attempt_source,
)


def _tried_vjp(ct: Any, out: Any, given: Any, *args: Any, op: Op, options: Attrs) -> Any:
    assert op.vjp is not None
    return (None, *op.vjp(ct, out, *args, **dict(options)))


def _tried_jvp(dxs: Any, out: Any, given: Any, *args: Any, op: Op, options: Attrs) -> Any:
    assert op.jvp is not None
    return op.jvp(dxs[1:], out, *args, **dict(options))


# `given`, the result of the op of the other operands that was tried and did not raise
tried = make(
    "tried",
    calls=(),
    infer=lambda given, *types, op, options: given,
    value=lambda given, *args, op, options: given,
    vjp=_tried_vjp,
    jvp=_tried_jvp,
    batch=_refuse_batch,
    source="{0}",
    alias=lambda *, op, options: 0,
    cost=Cost.FREE,
    # it means nothing where the op has raised: it stays in its branch
    may_raise=(BaseException,),
)


def may_be_tried(op: Op) -> bool:
    """Whether `tried` can stand for the op, whose rules are then its own."""
    return op.vjp is not None and op.jvp is not None and op.expand is None


OPS: tuple[Op, ...] = (attempt, tried)
