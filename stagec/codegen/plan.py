"""What is printed at all, and how each block ends: decided once, before folding and naming.

Ops whose results no printed text mentions are left out (a template may ignore an operand).  The
end of a block is pushed into the branches of an `If` that closes it, so that they can break,
continue or return by themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from stagec.codegen.template import Template
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    Cost,
    Effect,
    For,
    If,
    Operand,
    Stmt,
    Value,
    While,
)
from stagec.ir.types import BOOL, ArrayType
from stagec.ir.walk import effectful, regions, statements

MAX_DEPTH = 8
MAX_WIDTH = 88
SHORT_BRANCH = 60


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """What happens when control reaches the end of a block.

    Attributes
    ----------
    kind : `assign` the results to the targets, the same and go to the next trip of a `loop`,
        `return` them, or be an expression with that `value`.
    results : the operands that are assigned or returned.
    targets : for each result the value that it becomes, None if nobody needs it.
    flag : the exit flag of the loop; it is tested after the assignments.
    """

    kind: Literal["assign", "loop", "return", "value"]
    results: tuple[Operand, ...]
    targets: tuple[Value | None, ...] = ()
    flag: Operand | None = None

    @property
    def moves(self) -> list[tuple[Value, Operand]]:
        """The assignments to make."""
        pairs = zip(self.targets, self.results, strict=False)
        return [(t, r) for t, r in pairs if t is not None]

    @property
    def shown(self) -> tuple[Operand, ...]:
        """The operands that the text of the end mentions."""
        flag = () if self.flag is None else (self.flag,)
        if self.kind in ("return", "value"):
            return (*self.results, *flag)
        return (*(r for _, r in self.moves), *flag)


@dataclass(slots=True, eq=False)
class Plan:
    """The decisions about one function.

    Attributes
    ----------
    templates : the source template of each op applied.
    needed : the values that printed text mentions.
    kept : the statements that are printed.
    ends : how each block ends.
    pushed : the `If` statements whose branches end the enclosing block.
    expressions : the `If` statements that are printed as expressions, with their widths.
    inline : the values that are folded into their consumers (filled in by `fold`).
    definer : the statement that each value is a result of.
    """

    templates: Mapping[Apply, Template]
    needed: set[Value] = field(default_factory=set[Value])
    kept: set[Stmt] = field(default_factory=set[Stmt])
    ends: dict[Block, End] = field(default_factory=dict[Block, End])
    pushed: set[If] = field(default_factory=set[If])
    expressions: dict[If, int] = field(default_factory=dict[If, int])
    inline: set[Value] = field(default_factory=set[Value])
    definer: dict[Value, Stmt] = field(default_factory=dict[Value, Stmt])

    def slots(self, stmt: Apply) -> tuple[Operand, ...]:
        """The operands that the text of the op mentions, in the order of evaluation."""
        return tuple(stmt.args[k] for k in self.templates[stmt].slots)

    def outs(self, stmt: Stmt) -> list[Value]:
        """The results of the statement that somebody needs."""
        return [v for v in stmt.outs if v in self.needed]

    def printed(self, block: Block) -> list[Stmt]:
        """The statements of the block that are not dead."""
        return [s for s in block.stmts if s in self.kept]

    def is_pushed(self, block: Block) -> bool:
        """Whether the branches of the last statement end the block."""
        stmts = self.printed(block)
        return bool(stmts) and stmts[-1] in self.pushed

    def leaves(self, operand: Operand) -> set[Value]:
        """The values with names of their own that the text of the operand mentions."""
        if not isinstance(operand, Value):
            return set()
        if operand not in self.inline:
            return {operand}
        return self.leaves_of(mentions(self, self.definer[operand]))

    def leaves_of(self, operands: Iterable[Operand]) -> set[Value]:
        """The values with names of their own that the text of the operands mentions."""
        return set().union(*map(self.leaves, operands))

    def carried(self, stmt: For | While) -> list[int]:
        """The numbers of the carries that somebody needs."""
        params = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
        return [k for k, p in enumerate(params) if p in self.needed]


def make_plan(body: Block, templates: Mapping[Apply, Template]) -> Plan:
    """The plan for a function with that body."""
    plan = Plan(templates)
    plan.definer.update((out, s) for s in statements(body) for out in s.outs)
    _Needs(plan).run(body)
    _Expressions(plan).block(body)
    _set_ends(plan, body, End("return", body.results))
    return plan


def parameters(stmt: For | While) -> tuple[Value, ...]:
    """The parameters of the loop body that stand for the carries."""
    return stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params


class _Needs:
    """Marks the values and statements that an effect or a result needs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pending: list[Value] = []
        self._sources: dict[Value, tuple[Operand, ...]] = {}
        self._owner: dict[Value, Stmt] = {}
        self._parent: dict[Stmt, Stmt | None] = {}

    def run(self, body: Block) -> None:
        """Fill in `needed` and `kept`."""
        self._enter(body, None)
        self._want(body.results)
        for stmt in statements(body):
            if isinstance(stmt, Apply | Call) and effectful(stmt):
                self._keep(stmt)
        while self._pending:
            value = self._pending.pop()
            if value in self._owner:
                self._keep(self._owner[value])
            self._want(self._sources.get(value, ()))

    def _enter(self, block: Block, parent: Stmt | None) -> None:
        for stmt in block.stmts:
            self._parent[stmt] = parent
            self._owner.update(dict.fromkeys(stmt.outs, stmt))
            match stmt:
                case If(then=then, orelse=orelse, outs=outs):
                    for out, *rest in zip(outs, then.results, orelse.results, strict=True):
                        self._sources[out] = tuple(rest)
                case For(init=init, body=body, carry=carry):
                    self._carry(stmt, init, body.results, carry, body.params[1:])
                case While(init=init, body=body, carry=carry, cond=cond):
                    self._carry(stmt, init, body.results, carry, body.params, cond.params)
                case _:
                    pass
            for region in regions(stmt):
                self._enter(region, stmt)

    def _carry(
        self,
        stmt: Stmt,
        init: tuple[Operand, ...],
        results: tuple[Operand, ...],
        *names: tuple[Value, ...],
    ) -> None:
        """All names of a carry stand and fall together."""
        for start, result, *column in zip(init, results, *names, strict=False):
            for value in column:
                self._sources[value] = (start, result, *column)
                self._owner[value] = stmt

    def _want(self, operands: Iterable[Operand]) -> None:
        for operand in operands:
            if isinstance(operand, Value) and operand not in self._plan.needed:
                self._plan.needed.add(operand)
                self._pending.append(operand)

    def _keep(self, stmt: Stmt | None) -> None:
        while stmt is not None and stmt not in self._plan.kept:
            self._plan.kept.add(stmt)
            self._want(_control(self._plan, stmt))
            stmt = self._parent[stmt]


def _control(plan: Plan, stmt: Stmt) -> tuple[Operand, ...]:
    """The operands that the statement mentions whichever of its results are needed."""
    match stmt:
        case Apply(op=op, args=args):
            written = () if op.overwrites is None else (args[op.overwrites],)
            return (*plan.slots(stmt), *written)
        case Call(args=args):
            return args
        case If(cond=cond):
            return (cond,)
        case For(lo=lo, hi=hi, step=step, init=init, body=body):
            return (lo, hi, step, *body.results[len(init) :])
        case While(init=init, cond=cond, body=body):
            return (*cond.results, *body.results[len(init) :])
        case _:
            assert_never(stmt)


def is_plain(plan: Plan, stmt: Stmt) -> bool:
    """Whether the statement computes one value and does nothing else."""
    if isinstance(stmt, If):
        return stmt in plan.expressions
    return (
        isinstance(stmt, Apply)
        and len(stmt.outs) == 1
        and stmt.op.effect is Effect.NONE
        and stmt.op.overwrites is None
        and plan.templates[stmt].is_expression
    )


def may_repeat(stmt: Stmt) -> bool:
    """Whether printing the op twice costs nothing and gives the same object or an equal one."""
    if not isinstance(stmt, Apply) or stmt.op.cost is not Cost.FREE:
        return False
    kind = stmt.out.type
    scalar = isinstance(kind, ArrayType) and kind.kind != "array"
    return scalar or stmt.op.aliased(stmt.kwargs) is not None


def atom_width(operand: Operand) -> int:
    """About how long the name or literal is."""
    if isinstance(operand, Const):
        return len(repr(operand.value))
    return max(len(operand.hint), 1) if isinstance(operand, Value) else 4


class _Expressions:
    """Finds the `If` statements that are one nameless value computed by two expressions."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def block(self, block: Block) -> None:
        """Fill in `expressions` for the block, the innermost first."""
        for stmt in self._plan.printed(block):
            for region in regions(stmt):
                self.block(region)
            if isinstance(stmt, If):
                width = self._width(stmt)
                if width is not None:
                    self._plan.expressions[stmt] = width

    def _width(self, stmt: If) -> int | None:
        outs = self._plan.outs(stmt)
        if len(outs) != 1 or outs[0].hint or effectful(stmt):
            return None
        k = stmt.outs.index(outs[0])
        widths = [self._branch(b, b.results[k]) for b in (stmt.then, stmt.orelse)]
        if None in widths:
            return None
        total = sum(w for w in widths if w is not None) + atom_width(stmt.cond) + 9
        return total if total <= SHORT_BRANCH else None

    def _branch(self, block: Block, result: Operand) -> int | None:
        """The width of the branch as an expression, None if it is not one."""
        stmts = self._plan.printed(block)
        if not isinstance(result, Value | Const):
            return None
        uses = Counter([result, *(o for s in stmts for o in self._operands(s))])
        width: dict[Operand, tuple[int, int]] = {}
        for stmt in stmts:
            outs = self._plan.outs(stmt)
            if len(outs) != 1 or outs[0].hint or not self._simple(stmt):
                return None
            parts = [width.get(o, (atom_width(o), 0)) for o in self._operands(stmt)]
            depth = 1 + max((d for _, d in parts), default=0)
            if uses[outs[0]] != 1 or depth > MAX_DEPTH // 2:
                return None
            width[outs[0]] = self._own(stmt) + sum(w for w, _ in parts), depth
        return width.get(result, (atom_width(result), 0))[0]

    def _simple(self, stmt: Stmt) -> bool:
        """Whether the statement may stand in a branch of an expression."""
        if not is_plain(self._plan, stmt):
            return False
        return isinstance(stmt, If) or not self._plan.templates[stmt].optional  # type: ignore[index]

    def _own(self, stmt: Stmt) -> int:
        if isinstance(stmt, If):
            return self._plan.expressions[stmt]
        assert isinstance(stmt, Apply)
        return self._plan.templates[stmt].width

    def _operands(self, stmt: Stmt) -> list[Operand]:
        """The operands of the statement, those of nested expressions included."""
        if isinstance(stmt, If) and stmt in self._plan.expressions:
            (out,) = self._plan.outs(stmt)
            k = stmt.outs.index(out)
            found: list[Operand] = [stmt.cond]
            for region in regions(stmt):
                inner = self._plan.printed(region)
                found += [o for s in inner for o in self._operands(s)]
                found.append(region.results[k])
            return found
        return list(_control(self._plan, stmt))


def mentions(plan: Plan, stmt: Stmt) -> tuple[Operand, ...]:
    """The operands that the text of the statement mentions besides its blocks.

    The branches of an `If` that is printed as an expression belong to its text.
    """
    match stmt:
        case Apply():
            return plan.slots(stmt)
        case Call(args=args):
            return args
        case If(cond=cond, then=then, orelse=orelse):
            if stmt not in plan.expressions:
                return (cond,)
            return (cond, *plan.ends[then].shown, *plan.ends[orelse].shown)
        case For(lo=lo, hi=hi, step=step, init=init):
            return (lo, hi, step, *(init[k] for k in plan.carried(stmt)))
        case While(init=init):
            return tuple(init[k] for k in plan.carried(stmt))
        case _:
            assert_never(stmt)


def _set_ends(plan: Plan, block: Block, end: End) -> None:
    """Fill in `ends` and `pushed` for the block and the blocks in it."""
    plan.ends[block] = end
    stmts = plan.printed(block)
    for stmt in stmts:
        match stmt:
            case If() if stmt in plan.expressions:
                (out,) = plan.outs(stmt)
                k = stmt.outs.index(out)
                for region in regions(stmt):
                    _set_ends(plan, region, End("value", (region.results[k],)))
            case If() if stmt is stmts[-1] and _pushable(plan, stmt, end):
                plan.pushed.add(stmt)
                for region in regions(stmt):
                    _set_ends(plan, region, _pushed_end(end, stmt, region))
            case If(outs=outs):
                targets = tuple(v if v in plan.needed else None for v in outs)
                for region in regions(stmt):
                    _set_ends(plan, region, End("assign", region.results, targets))
            case For() | While():
                targets = tuple(v if v in plan.needed else None for v in parameters(stmt))
                count = len(targets)
                results = stmt.body.results
                flag = results[count] if stmt.until else None
                _set_ends(plan, stmt.body, End("loop", results[:count], targets, flag))
                if isinstance(stmt, While):
                    _set_ends(plan, stmt.cond, End("value", stmt.cond.results))
            case _:
                pass


def _pushable(plan: Plan, stmt: If, end: End) -> bool:
    """Whether the branches can end the enclosing block without repeating work."""
    outs = set(stmt.outs)
    match end.kind:
        case "return":
            return bool(end.results) and all(
                r in outs or isinstance(r, Const) or (isinstance(r, Value) and bool(r.hint))
                for r in end.results
            )
        case "loop":
            settled = isinstance(end.flag, Const) or end.flag is None
            if not settled and end.flag not in outs:
                return False
            return all(r in outs or r is t for t, r in end.moves) or not settled
        case _:
            return False


def _pushed_end(end: End, stmt: If, region: Block) -> End:
    names = dict(zip(stmt.outs, region.results, strict=True))

    def inside(operand: Operand) -> Operand:
        return names.get(operand, operand) if isinstance(operand, Value) else operand

    flag = None if end.flag is None else inside(end.flag)
    return replace(end, results=tuple(map(inside, end.results)), flag=flag)


def condition(stmt: If) -> bool:
    """Whether the `If` is a connective of Python bools."""
    return stmt.cond.type == BOOL and all(o.type == BOOL for o in stmt.outs)
