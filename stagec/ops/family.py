"""Constructors of array-op families, and how binders tell static from staged arguments.

Nothing here depends on another op, so every family module may import it.  The result of each op
depends on its operands and attributes alone; attributes are normalised by binders (axes are
non-negative, sizes are numbers or `Arg`s), so rules never see NumPy's shorthands.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Apply, Cost, Effect, Op, Scalar, Staged, known
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Shape, Size, Type

Rule = Callable[..., Any]
Calls = tuple[tuple[Any, Rule], ...]


class NeedsValue(TypeError):
    """An argument whose value staging needs is known at run time only: `handle` says which."""

    def __init__(self, handle: Any, what: str) -> None:
        super().__init__(f"{what} must be known at staging")
        self.handle = handle


def static(value: Any, what: str) -> Any:
    """`value` with constants replaced by their plain values; raises `NeedsValue` if staged."""
    if isinstance(value, tuple | list):
        return tuple(static(v, what) for v in value)
    if not isinstance(value, Staged):
        return value.item() if isinstance(value, np.generic) else value
    plain = known(value)
    if plain is None:
        raise NeedsValue(value, what)
    return plain.item() if isinstance(plain, np.generic) else plain


def kept(axes: tuple[int, ...], keepdims: Any) -> dict[str, Any]:
    """The attributes of a reduction over `axes`; `keepdims` is among them only if it is set."""
    return {"axes": axes, "keepdims": True} if static(keepdims, "keepdims") else {"axes": axes}


def reject(name: str, **arguments: Any) -> None:
    """Raise `TypeError` for the first argument that is not None."""
    for key, value in arguments.items():
        if value is not None:
            raise TypeError(f"{name}: the argument {key}= is not supported")


def sizes(shape: Any, first: int = 0) -> tuple[tuple[int | Arg, ...], tuple[Any, ...]]:
    """`shape` as an attribute, and the staged sizes that its `Arg`s, from `first` on, mean."""
    entries = shape if isinstance(shape, tuple | list) else (shape,)
    plan: list[int | Arg] = []
    staged: list[Any] = []
    for entry in entries:
        size = known(entry) if isinstance(entry, Staged) else entry
        if size is None:
            plan.append(Arg(first + len(staged)))
            staged.append(entry)
        else:
            plan.append(int(size))
    return tuple(plan), tuple(staged)


def size_values(shape: tuple[int | Arg, ...], args: Sequence[Any]) -> tuple[int, ...]:
    """The run-time sizes of a shape attribute."""
    return tuple(int(args[s.position]) if isinstance(s, Arg) else s for s in shape)


def size_types(shape: tuple[int | Arg, ...], types: Sequence[Type]) -> Shape:
    """The static sizes of a shape attribute; None where only the run time knows."""
    return tuple(_size_type(types[s.position]) if isinstance(s, Arg) else s for s in shape)


def _size_type(operand: Type) -> Size | None:
    if not isinstance(operand, ArrayType) or operand.dtype.kind not in "iub":
        raise TypeError(f"a size must be an integer, not {operand}")
    if operand.rank:
        raise TypeError(f"a size must be one integer, not {operand}")
    return operand.size


def size_text(shape: tuple[int | Arg, ...]) -> str:
    """A shape attribute as the source of a tuple, or of its only entry."""
    parts = [f"{{{s.position}}}" if isinstance(s, Arg) else str(s) for s in shape]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def number_text(value: Any) -> str:
    """A number or a name of an attribute as source; inf and nan have names in NumPy only."""
    if isinstance(value, complex) and not cmath.isfinite(value):
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if value != value else "np.inf" if value > 0 else "-np.inf"
    return repr(value)


def near(anchors: Any, op: Op, *args: Any, **attrs: Any) -> Any:
    """`op(*args)`, staged if any of `anchors` is, though no operand may be."""
    for anchor in anchors if isinstance(anchors, tuple | list) else (anchors,):
        if isinstance(anchor, Staged):
            return anchor.apply(op, args, attrs)
    return op(*args, **attrs)


def scalar_kind(shape: Shape) -> Any:
    """The kind that NumPy functions give results of this shape."""
    return "array" if shape else "np"


def array(dtype: Any, shape: Shape) -> ArrayType:
    """The type of a function's result: a NumPy scalar where the rank is 0."""
    return ArrayType(np.dtype(dtype), shape, scalar_kind(shape))


def made_by(x: Any, op: Op) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Operands (as handles) and attributes of the `op` that computed the handle `x`, if so."""
    apply = x.builder.producer(x.operand) if isinstance(x, Staged) else None  # type: ignore[attr-defined]
    return _made(x, apply) if apply is not None and apply.op is op else None


def _made(x: Any, apply: Apply) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return tuple(type(x)(x.builder, a) for a in apply.args), apply.kwargs


def origin(x: Any) -> tuple[Op | None, tuple[Any, ...], dict[str, Any]]:
    """The op that computed `x`, also in the block that the one being built is made for."""
    apply = x.builder.origin(x.operand) if isinstance(x, Staged) else None  # type: ignore[attr-defined]
    return (None, (), {}) if apply is None else (apply.op, *_made(x, apply))


def flat(x: Any) -> bool:
    """Whether `x` is real and never negative, and has no slope where it is zero, as squares."""
    waiting, seen = [x], set[Any]()
    while waiting:
        y = waiting.pop()
        op, args, attrs = origin(y)
        rule = None if op is None or y.dtype.kind != "f" else op.flat
        needed = rule and rule(*args, **attrs)
        if needed is None:
            return False
        waiting += [n for n in needed if n.operand not in seen]
        seen.update(n.operand for n in needed)
    return True


def up(axes: Any) -> Any:
    """Axis numbers after a batch axis was put in front."""
    return tuple(a + 1 for a in axes) if isinstance(axes, tuple) else axes + 1


def same_axis(op: Callable[[], Op]) -> Rule:
    """The batch rule of an op of one operand that works element by element."""
    return lambda args, axes, **attrs: (op()(args[0], **attrs), axes[0])


def make(
    name: str,
    *,
    calls: Calls,
    infer: Rule,
    value: Rule,
    vjp: Rule | None,
    jvp: Rule | None,
    batch: Rule | None,
    source: str | Rule,
    expand: Rule | None = None,
    alias: int | Rule | None = None,
    cost: Cost | Callable[..., Cost] = Cost.COSTLY,
    scalar: Scalar = LIBRARY,
    may_raise: tuple[type[BaseException], ...]
    | Callable[..., tuple[type[BaseException], ...]] = (),
    rewrites: tuple[Rule, ...] = (),
    **others: Any,
) -> Op:
    """An op without effects that writes to none of its operands; `others` of its fields too."""
    return Op(
        name=name,
        calls=calls,
        infer=infer,
        value=value,
        vjp=vjp,
        jvp=jvp,
        expand=expand,
        batch=batch,
        source=source,
        scalar=scalar,
        alias=alias,
        overwrites=None,
        may_raise=may_raise,
        effect=Effect.NONE,
        cost=cost,
        rewrites=rewrites,
        **others,
    )


def linear(name: str, *, vjp: Rule, **rules: Any) -> Op:
    """An op linear in its first operand and constant in the others.

    `vjp` (ct, out, x, *rest, **attrs) returns the cotangent of the first operand.
    """

    def reverse(ct: Any, out: Any, *args: Any, **attrs: Any) -> tuple[Any, ...]:
        return vjp(ct, out, *args, **attrs), *(None,) * (len(args) - 1)

    def forward(dxs: Any, out: Any, *args: Any, **attrs: Any) -> Any:
        return None if dxs[0] is None else op(dxs[0], *args[1:], **attrs)

    op = make(name, vjp=reverse, jvp=forward, **rules)
    return op


def constant(name: str, **rules: Any) -> Op:
    """An op that is constant almost everywhere."""
    return make(name, vjp=None, jvp=None, **rules)
