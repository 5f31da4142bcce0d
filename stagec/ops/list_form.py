"""What all ops on lists share: their constructor and the types of elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stagec.ir.core import NATIVE, Cost, Effect, Op
from stagec.ir.types import ArrayType, ListType, Type, same

Rule = Callable[..., Any]


def list_op(
    name: str,
    *,
    infer: Rule,
    value: Rule,
    source: str | Rule,
    vjp: Rule | None,
    jvp: Rule | None,
    batch: Rule | None,
    alias: int | Rule | None = None,
    overwrites: int | None = None,
    may_raise: tuple[type[BaseException], ...] | Rule = (),
    cost: Cost = Cost.CHEAP,
    shapes: tuple[int, ...] = (),
    lenient: tuple[int, ...] = (),
    scalar: Any = NATIVE,
    failing: Rule | None = None,
    rewrites: tuple[Rule, ...] = (),
) -> Op:
    """An op on lists, without effect and expansion."""
    return Op(
        name=name,
        calls=(),
        infer=infer,
        value=value,
        vjp=vjp,
        jvp=jvp,
        expand=None,
        batch=batch,
        source=source,
        scalar=scalar,
        alias=alias,
        overwrites=overwrites,
        may_raise=may_raise,
        effect=Effect.NONE,
        cost=cost,
        rewrites=rewrites,
        shapes=shapes,
        lenient=lenient,
        failing=failing,
    )


def element_type(xs: Type) -> Type:
    """The type of the elements; raises TypeError for what is no list."""
    if not isinstance(xs, ListType):
        raise TypeError(f"expected a list, got {xs}")
    return xs.element


def join_elements(a: Type, b: Type) -> Type:
    """The type of elements that are `a` or `b`: sizes may differ, nothing else."""
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        if (a.dtype, a.kind, a.rank) != (b.dtype, b.kind, b.rank):
            raise TypeError(f"a list of {a} cannot hold {b}")
        shape = tuple(d if same(d, e) else None for d, e in zip(a.shape, b.shape, strict=True))
        return replace(a, shape=shape, size=a.size if a.size == b.size else None)
    if isinstance(a, ListType) and isinstance(b, ListType):
        return ListType(join_elements(a.element, b.element))
    if a != b:
        raise TypeError(f"a list of {a} cannot hold {b}")
    return a
