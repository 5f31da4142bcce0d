"""The decisions that come before printing, and the questions that the later steps ask of them.

A plan is filled in by `choices` (which branches are expressions), `ends` (how blocks end),
`needs` (what is printed at all) and `fold` (what is folded into its consumer).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
from stagec.ir.types import ArrayType
from stagec.ir.walk import regions, statements

MAX_DEPTH = 8
MAX_WIDTH = 88


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """What happens when control reaches the end of a block.

    Attributes
    ----------
    kind : `assign` the results to the targets, the same and go to the next trip of a `loop`,
        `return` them, or be an expression with that `value`.
    results : the operands that are assigned or returned.
    targets : for each result the value that it becomes.
    flag : the exit flag of the loop; it is tested after the assignments.
    leave : what the function returns if the flag is set; None: control goes on after the loop.
    """

    kind: Literal["assign", "loop", "return", "value"]
    results: tuple[Operand, ...]
    targets: tuple[Value, ...] = ()
    flag: Operand | None = None
    leave: tuple[Operand, ...] | None = None

    @property
    def returned(self) -> tuple[Operand, ...] | None:
        """What the function surely returns here, None if it goes on."""
        if self.kind == "return":
            return self.results
        return self.leave if isinstance(self.flag, Const) and self.flag.value else None

    @property
    def tested(self) -> tuple[Operand, ...]:
        """The operands that decide how a trip of a loop ends."""
        if self.flag is None or isinstance(self.flag, Const):
            return self.returned or () if self.kind == "loop" else ()
        return (self.flag, *(self.leave or ()))


@dataclass(slots=True, eq=False)
class Plan:
    """The decisions about one function.

    Attributes
    ----------
    templates : the source template of each op applied.
    definer : the statement that each value is a result of.
    expressions : the `If` statements that are printed as expressions, with their widths.
    ends : how each block ends.
    pushed : the `If` statements whose branches end the enclosing block.
    absorbed : those of them whose first branch a loop before them has taken over.
    needed : the values that printed text mentions.
    kept : the statements that are printed.
    inline : the values that are folded into their consumers.
    """

    templates: Mapping[Apply, Template]
    definer: dict[Value, Stmt] = field(default_factory=dict[Value, Stmt])
    expressions: dict[If, int] = field(default_factory=dict[If, int])
    ends: dict[Block, End] = field(default_factory=dict[Block, End])
    pushed: set[If] = field(default_factory=set[If])
    absorbed: set[If] = field(default_factory=set[If])
    needed: set[Value] = field(default_factory=set[Value])
    kept: set[Stmt] = field(default_factory=set[Stmt])
    inline: set[Value] = field(default_factory=set[Value])

    def regions(self, stmt: Stmt) -> tuple[Block, ...]:
        """The blocks of the statement that are printed."""
        found = regions(stmt)
        return found[1:] if stmt in self.absorbed else found

    def slots(self, stmt: Apply) -> tuple[Operand, ...]:
        """The operands that the text of the op mentions, in the order of evaluation."""
        return tuple(stmt.args[k] for k in self.templates[stmt].slots)

    def outs(self, stmt: Stmt) -> list[Value]:
        """The results of the statement that somebody needs."""
        return [v for v in stmt.outs if v in self.needed]

    def printed(self, block: Block) -> list[Stmt]:
        """The statements of the block that are not dead."""
        return [s for s in block.stmts if s in self.kept]

    def moves(self, end: End) -> list[tuple[Value, Operand]]:
        """The assignments to make at the end of the block."""
        if end.returned is not None:
            return []
        pairs = zip(end.targets, end.results, strict=False)
        return [(t, r) for t, r in pairs if t in self.needed]

    def shown(self, end: End) -> tuple[Operand, ...]:
        """The operands that the text of the end mentions."""
        if end.kind in ("return", "value"):
            return end.results
        return (*(r for _, r in self.moves(end)), *end.tested)

    def is_pushed(self, block: Block) -> bool:
        """Whether the branches of the last statement end the block."""
        return bool(block.stmts) and block.stmts[-1] in self.pushed

    def tails(self, block: Block) -> list[Block]:
        """The blocks whose ends are the end of this block."""
        if not self.is_pushed(block):
            return [block]
        return [t for region in self.regions(block.stmts[-1]) for t in self.tails(region)]

    def leaves(self, operand: Operand) -> set[Value]:
        """The values with names of their own that the text of the operand mentions."""
        if not isinstance(operand, Value):
            return set()
        if operand not in self.inline:
            return {operand}
        return self.leaves_of(self.mentions(self.definer[operand]))

    def leaves_of(self, operands: Iterable[Operand]) -> set[Value]:
        """The values with names of their own that the text of the operands mentions."""
        return set().union(*map(self.leaves, operands))

    def carried(self, stmt: For | While) -> list[int]:
        """The numbers of the carries that somebody needs."""
        return [k for k, p in enumerate(parameters(stmt)) if p in self.needed]

    def condition(self, stmt: If) -> tuple[Operand, ...]:
        """The condition, if the text mentions it."""
        return () if stmt in self.absorbed else (stmt.cond,)

    def mentions(self, stmt: Stmt) -> tuple[Operand, ...]:
        """The operands that the text of the statement mentions besides its blocks.

        The branches of an `If` that is printed as an expression belong to its text.
        """
        match stmt:
            case Apply():
                return self.slots(stmt)
            case Call(args=args, work=work):
                return args if work is None else (work, *args)
            case If(cond=cond, then=then, orelse=orelse):
                if stmt not in self.expressions:
                    return self.condition(stmt)
                return (cond, *self.ends[then].results, *self.ends[orelse].results)
            case For(lo=lo, hi=hi, step=step, init=init):
                return (lo, hi, step, *(init[k] for k in self.carried(stmt)))
            case While(init=init):
                return tuple(init[k] for k in self.carried(stmt))
            case _:
                assert_never(stmt)

    def is_plain(self, stmt: Stmt) -> bool:
        """Whether the statement computes one value and does nothing else."""
        if isinstance(stmt, If):
            return stmt in self.expressions
        return (
            isinstance(stmt, Apply)
            and len(stmt.outs) == 1
            and stmt.op.effect is Effect.NONE
            and stmt.op.overwrites is None
            and self.templates[stmt].is_expression
        )


def new_plan(body: Block, templates: Mapping[Apply, Template]) -> Plan:
    """A plan without decisions."""
    return Plan(templates, {out: s for s in statements(body) for out in s.outs})


def parameters(stmt: For | While) -> tuple[Value, ...]:
    """The parameters of the loop body that stand for the carries."""
    return stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params


def may_repeat(stmt: Stmt) -> bool:
    """Whether printing the op twice costs nothing and gives the same object or an equal one."""
    if not isinstance(stmt, Apply) or stmt.cost is not Cost.FREE:
        return False
    kind = stmt.out.type
    scalar = isinstance(kind, ArrayType) and kind.kind != "array"
    return scalar or stmt.op.aliased(stmt.kwargs) is not None


def atom_width(operand: Operand) -> int:
    """About how long the name or literal is."""
    if isinstance(operand, Const):
        return len(repr(operand.value))
    return max(len(operand.hint), 1) if isinstance(operand, Value) else 4
