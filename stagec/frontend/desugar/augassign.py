"""`target op= value`: kept, its value and the parts of its target free of calls.

Python reads the target before it evaluates the value. Where the value calls something that
could write the target, the node's attribute `old` names a temporary that holds what was read
(see `old_value`); the result is then `target = old op value`, in place where `old` allows it.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x, i): x[i] += i * g(x)"))
def f(x, i):
    .t2 = x[i]
    .t1 = g(x)
    x[i] += i * .t1
>>> print(show("def f(x): x += g(x)"))
def f(x):
    .t1 = g(x)
    x += .t1
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat
from stagec.frontend.desugar.operands import operands, rebuild
from stagec.frontend.desugar.scope import bindings


def assign(flat: Flat, node: gast.AugAssign) -> None:
    """The in-place operation."""
    parts = flat.operands(operands(node.target))
    inner = flat.nested()
    value = inner.operand(node.value)
    whole = None
    if isinstance(node.target, gast.Subscript) and isinstance(parts[0], gast.Attribute):
        owner = flat.kept(parts[0].value, inner.out)
        whole = parts[0] = build.replace(parts[0], value=owner)
    parts = [flat.kept(part, inner.out) for part in parts]
    target = rebuild(node.target, parts) if parts else node.target
    result = build.replace(node, target=target, value=value)
    result.whole = whole
    read = build.replace(target, ctx=gast.Load())
    if _may_write(inner.out, target) and not flat.fixed(read, inner.out):
        result.old = flat.temporary(read).id
    flat.out.extend(inner.out)
    flat.emit(result)


def old_value(node: gast.AugAssign) -> str | None:
    """The name that holds the target's value from before the operand's calls, if it matters."""
    return getattr(node, "old", None)


def subscripted(node: gast.AugAssign) -> gast.expr:
    """What the target, a subscript, is of: `array.real` also where a temporary holds it."""
    return getattr(node, "whole", None) or node.target.value


def _may_write(emitted: list[gast.stmt], target: gast.expr) -> bool:
    """Whether the statements rebind the target or run code that could write anything."""
    if isinstance(target, gast.Name) and target.id in bindings(emitted):
        return True
    running = (s for s in emitted if not isinstance(s, gast.FunctionDef))
    return any(isinstance(n, gast.Call | gast.Yield) for s in running for n in gast.walk(s))
