"""Operands and plain statements as Python expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gast
import numpy as np

from stagec.codegen.kernels import plain, step_function, unset
from stagec.codegen.names import Naming
from stagec.codegen.plan import Plan
from stagec.codegen.tree import (
    STORE,
    attribute,
    call,
    connective,
    constant,
    literal,
    name,
    negation,
    same_tree,
    truth,
    tuple_of,
)
from stagec.errors import InternalError, Loc
from stagec.ir.core import Apply, Block, Call, Const, If, Operand, Value
from stagec.ir.types import BOOL, ArrayType, negates_alike

IN_PLACE = (
    gast.Add, gast.Sub, gast.Mult, gast.Div, gast.Pow, gast.FloorDiv, gast.Mod, gast.MatMult,
    gast.BitAnd, gast.BitOr, gast.BitXor, gast.LShift, gast.RShift,
)  # fmt: skip


class Expressions:
    """Spells operands; `trail` collects where the folded parts come from."""

    def __init__(
        self, plan: Plan, naming: Naming, functions: dict[str, str], kernel: bool
    ) -> None:
        self.trail: list[Loc] = []
        self._kernel = kernel
        self._plan = plan
        self._naming = naming
        self._functions = functions

    def operand(self, operand: Operand) -> Any:
        """The expression for the operand; None stands for a value that is not set."""
        if isinstance(operand, Const):
            return constant(plain(operand.value) if self._kernel else operand.value)
        if not isinstance(operand, Value):
            return unset(operand.type) if self._kernel else literal(None)
        if operand not in self._plan.inline:
            return name(self._naming.names[operand])
        stmt = self._plan.definer[operand]
        if stmt.loc is not None:
            self.trail.append(stmt.loc)
        if isinstance(stmt, If):
            return self.choice(stmt)
        if isinstance(stmt, Call):
            return self.call(stmt)
        assert isinstance(stmt, Apply)
        return self.applied(stmt, self.operands(stmt))

    def operands(self, stmt: Apply) -> list[Any]:
        """The expressions for the operands that the template mentions, None for the others."""
        mentioned = set(self._plan.templates[stmt].slots)
        trees = [self.operand(a) if k in mentioned else None for k, a in enumerate(stmt.args)]
        partner = self._partner(stmt)
        for k, operand in enumerate(stmt.args):
            if k in mentioned and isinstance(operand, Const) and _weak(operand, partner):
                trees[k] = constant(operand.value.item())
        return trees

    def _partner(self, stmt: Apply) -> Operand | None:
        """The operand that decides which type a number beside it gets."""
        if stmt.op.overwrites is not None:
            return stmt.args[stmt.op.overwrites]
        if not isinstance(self._plan.templates[stmt].body, gast.BinOp):
            return None
        return next((a for a in stmt.args if isinstance(a, Value)), None)

    def applied(self, stmt: Apply, operands: Sequence[Any]) -> Any:
        """The expression or statements for the op."""
        return self._plan.templates[stmt].fill(operands)

    def choice(self, stmt: If) -> Any:
        """The `If` as an expression; a connective where it is one of Python bools."""
        test = self.operand(stmt.cond)
        then, orelse = (self._result(b) for b in (stmt.then, stmt.orelse))
        (out,) = self._plan.outs(stmt)
        if stmt.cond.type == BOOL == out.type:
            if _is_literal(then, True) and _is_literal(orelse, False):
                return test
            if _is_literal(then, False) and _is_literal(orelse, True):
                return negation(test)
            if _is_literal(orelse, False):
                return connective(gast.And, test, then)
            if _is_literal(then, True):
                return connective(gast.Or, test, orelse)
        return gast.IfExp(test=truth(test), body=then, orelse=orelse)

    def _result(self, block: Block) -> Any:
        return self.operand(self._plan.ends[block].results[0])

    def call(self, stmt: Call) -> Any:
        """The call."""
        if stmt.function not in self._functions:
            raise InternalError(f"call of the unknown function {stmt.function}")
        function = name(self._functions[stmt.function])
        given = [self.operand(o) for o in self._plan.mentions(stmt)]
        if stmt.work is None:
            return call(function, *given)
        steps = [
            step_function(op, out.type) for op, out in zip(stmt.combine, stmt.outs, strict=True)
        ]
        combine = [steps[0] if len(steps) == 1 else tuple_of(steps)] if steps else []
        way = attribute(name("threads"), "fold" if steps else "run")
        made = call(way, *combine, function, *given)
        if stmt.step != 1:
            made.keywords = [gast.keyword(arg="step", value=literal(stmt.step))]
        return made


def _weak(number: Const, partner: Operand | None) -> bool:
    """Whether the double may be a Python number, as NumPy makes a double of it all the same."""
    if type(number.value) is not np.float64 or not isinstance(partner, Value):
        return False
    type_ = partner.type
    return isinstance(type_, ArrayType) and type_.kind != "py" and type_.dtype == np.float64


def _is_literal(tree: Any, value: Any) -> bool:
    return isinstance(tree, gast.Constant) and tree.value is value


def in_place(plan: Plan, stmt: Apply, operands: Sequence[Any], node: Any) -> Any:
    """`x[i] = x[i] + v` as `x[i] += v` where NumPy does the same, and `+= -v` as `-= v`."""
    if isinstance(node, gast.AugAssign) and isinstance(node.op, gast.Add):
        value = node.value
        negated = isinstance(value, gast.UnaryOp) and isinstance(value.op, gast.USub)
        if negated and not isinstance(value.operand, gast.Constant) and _negates(stmt):
            return gast.AugAssign(target=node.target, op=gast.Sub(), value=value.operand)
        return node
    if not isinstance(node, gast.Assign) or not isinstance(node.value, gast.BinOp):
        return node
    (target,) = node.targets
    left, op = node.value.left, node.value.op
    if not isinstance(op, IN_PLACE) or not _fits(plan, stmt, operands, node.value):
        return node
    if same_tree(target, left):
        return gast.AugAssign(target=target, op=op, value=node.value.right)
    whole = isinstance(target, gast.Subscript) and _is_literal(target.slice, ...)
    if whole and same_tree(target.value, left) and isinstance(left, gast.Name):
        stored = name(left.id, STORE)
        return gast.AugAssign(target=stored, op=op, value=node.value.right)
    return node


def _negates(stmt: Apply) -> bool:
    """Whether taking away is the same as adding the negative to what is written to.

    It is for signed integers of another type but for their least number: what the program takes
    away arrives here as a negative, too.
    """
    whole, term = (v.type for v in stmt.args[:2])
    if not isinstance(whole, ArrayType) or not isinstance(term, ArrayType):
        return False
    return term.dtype.kind == "i" or negates_alike(term, whole.dtype)


def _fits(plan: Plan, stmt: Apply, operands: Sequence[Any], value: Any) -> bool:
    """Whether the array takes the value without a cast or a shape that `+=` would refuse."""
    array = stmt.args[stmt.op.overwrites or 0].type
    stored = [a for a, tree in zip(stmt.args, operands, strict=True) if tree is value]
    source = plan.definer.get(stored[0]) if stored and isinstance(stored[0], Value) else None
    if not isinstance(array, ArrayType) or not isinstance(source, Apply) or not source.args:
        return False
    left, result = source.args[0].type, source.outs[0].type
    if not isinstance(left, ArrayType) or not isinstance(result, ArrayType):
        return False
    if left.rank != result.rank or (isinstance(value.op, gast.MatMult) and left.rank < 2):
        return False
    return np.can_cast(result.dtype, array.dtype, "same_kind")
