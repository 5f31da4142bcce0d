"""What is spelled differently in a kernel, which Numba compiles: templates, loops, gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gast
import numpy as np

from stagec.codegen.bounds import GROWING, small_integers
from stagec.codegen.lanes import alone
from stagec.codegen.template import Template, parse_template
from stagec.codegen.tree import attribute, call, constant, literal, name
from stagec.errors import InternalError
from stagec.ir.core import Apply, Const, For, Op, Value, known
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer, kernel_source, whole_source
from stagec.ir.types import ArrayType, ListType, Type, rank_of
from stagec.ir.walk import statements
from stagec.ops.index_bounds import Indices, in_bounds


def kernel_templates(fn: Function) -> Mapping[Apply, Template]:
    """The template of each op of the kernel."""
    small, single = small_integers(fn), alone(fn)
    return {
        s: parse_template(_source(s, all(o in small for o in s.outs), s in single))
        for s in statements(fn.body)
        if isinstance(s, Apply)
    }


def _source(stmt: Apply, small: bool, single: bool) -> str:
    """The text of the op, which may be computed for one element at a time only (`single`);
    where an integer may overflow, with a check of that.
    """
    text = kernel_source(stmt, single) or whole_source(stmt)
    if text is None:
        raise InternalError(f"{stmt.op.name} has no form in a kernel")
    computed = (a.type for a in stmt.args)
    if small or stmt.op not in GROWING or not is_integer(stmt.outs[0].type):
        return text
    if not all(map(is_integer, computed)):
        return text
    holes = [f"{{{k}}}" for k in range(len(stmt.args))]
    return (
        f"kernels.whole({text.format(*holes)}, {text.format(*(f'float({h})' for h in holes))})"
    )


def plain(value: Any) -> Any:
    """A constant as a person writes it: compiled code knows one kind of double and of bool."""
    return value.item() if isinstance(value, np.float64 | np.bool_) else value


def unset(type: Type) -> Any:
    """Any value of the type, for a variable that is not set on a path."""
    if isinstance(type, ListType):
        raise InternalError("a list that may be unset cannot be in a kernel")
    assert isinstance(type, ArrayType)
    if type.rank:
        empty = call(attribute(name("np"), "empty"), constant((0,) * type.rank))
        kind = attribute(name("np"), "bool_" if type.dtype.kind == "b" else type.dtype.name)
        empty.keywords = [gast.keyword(arg="dtype", value=kind)]
        return empty
    return constant(np.zeros((), type.dtype)[()].item())


def backwards(lo: Any, hi: Any, step: Any) -> Any:
    """The indices of `range(lo, hi, step)` from last to first, without `reversed`."""
    if not (isinstance(step, gast.Constant) and step.value == 1):
        return call(attribute(name("kernels"), "backwards"), lo, hi, step)
    return call(name("range"), _less_one(hi), _less_one(lo), constant(-1))


def _less_one(tree: Any) -> Any:
    if isinstance(tree, gast.BinOp) and isinstance(tree.op, gast.Add | gast.Sub):
        right = tree.right
        if isinstance(right, gast.Constant) and type(right.value) is int:
            less = right.value + (1 if isinstance(tree.op, gast.Sub) else -1)
            if not less:
                return tree.left
            return gast.BinOp(left=tree.left, op=tree.op, right=literal(less))
    if isinstance(tree, gast.Constant) and isinstance(tree.value, int):
        return constant(tree.value - 1)
    return gast.BinOp(left=tree, op=gast.Sub(), right=literal(1))


def trips(whole: Function, lo: Any, hi: Any) -> Any:
    """The trips from `lo` to `hi` of the loop of a kernel."""
    (loop,) = (s for s in whole.body.stmts if isinstance(s, For))
    least = loop.lo.value if isinstance(loop.lo, Const) else 0
    return call(
        attribute(name("kernels"), "trips"), lo, hi, *([literal(least)] if least else [])
    )


def natural_loops(fn: Function) -> frozenset[For]:
    """The innermost loops whose numbers are not negative, which `range` hides from LLVM."""
    whole = fn.whole or fn
    found = Indices.of(whole).natural(whole.body)
    return frozenset(s for s in found if s.reverse or not isinstance(s.lo, Const))


def falls_around(loop: For) -> bool:
    """Whether its numbers fall, and there are loops inside, which LLVM then slows down."""
    step = known(loop.step)
    falls = isinstance(step, int) and (step > 0) == loop.reverse
    return falls and any(isinstance(s, For) for s in statements(loop.body))


def falling(indices: Any) -> Any:
    """The numbers, of which LLVM then does not know that they fall."""
    return call(attribute(name("kernels"), "falling"), indices)


def counting(lo: Any, hi: Any, down: bool) -> Any:
    """The numbers from `lo` to `hi`, which are not negative; LLVM is told so."""
    numbers = call(attribute(name("kernels"), "trips"), lo, hi)
    return call(name("reversed"), numbers) if down else numbers


def step_function(op: Op, kind: Type) -> Any:
    """The function that does a step of a reduction, of numbers or arrays of this type."""
    if rank_of(kind):
        return attribute(name("np"), op.value.__name__)
    value = Value(kind)
    template = parse_template(kernel_source(Apply(op, (value, value), (), (value,))) or "")
    return template.fill([constant(0.0), constant(0.0)]).func


def integers(fn: Function) -> tuple[int, ...]:
    """The positions of the Python integers among the parameters, which may be large."""
    first = 0 if fn.whole is None else 2  # a range of trips is no longer than an axis
    return tuple(k for k, p in enumerate(fn.params) if k >= first and is_integer(p.type))


def compiled(definition: Any, fn: Function) -> Any:
    """The definition under the decorator that compiles it."""
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True}
    if not in_bounds(fn.whole or fn):
        options["boundscheck"] = True
    decorator = call(name("njit"))
    decorator.keywords = [gast.keyword(arg=k, value=literal(v)) for k, v in options.items()]
    definition.decorator_list = [decorator]
    return definition
