"""Walking and rewriting statements: what every analysis and pass starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    If,
    Operand,
    Stmt,
    Value,
    While,
    known,
)
from stagec.ir.types import Type


def operands(stmt: Stmt) -> tuple[Operand, ...]:
    """The operands that the statement itself names, those inside its regions excluded."""
    match stmt:
        case Apply(args=args):
            return args
        case Call(args=args, work=work):
            return args if work is None else (*args, work)
        case If(cond=cond):
            return (cond,)
        case For(lo=lo, hi=hi, step=step, init=init):
            return (lo, hi, step, *init)
        case While(init=init):
            return init
        case _:
            assert_never(stmt)


def regions(stmt: Stmt) -> tuple[Block, ...]:
    """The blocks nested in the statement."""
    match stmt:
        case Apply() | Call():
            return ()
        case If(then=then, orelse=orelse):
            return (then, orelse)
        case For(body=body):
            return (body,)
        case While(cond=cond, body=body):
            return (cond, body)
        case _:
            assert_never(stmt)


def statements(block: Block) -> Iterator[Stmt]:
    """Every statement of the block and of the blocks nested in it, outermost first."""
    for stmt in block.stmts:
        yield stmt
        for region in regions(stmt):
            yield from statements(region)


def free_values(block: Block) -> Mapping[Value, None]:
    """The values of enclosing blocks that the block uses, in order of first use."""
    if not block.free:
        block.free.append(_free(block))
    return block.free[0]


def _free(block: Block) -> Mapping[Value, None]:
    defined = set(block.params)
    found: dict[Value, None] = {}
    for stmt in block.stmts:
        found |= {v: None for v in uses(stmt) if v not in defined}
        defined.update(stmt.outs)
    found |= {v: None for v in block.results if isinstance(v, Value) and v not in defined}
    return found


def uses(stmt: Stmt) -> dict[Value, None]:
    """The values that the statement uses, inside its regions too, in order of first use."""
    found = dict.fromkeys(v for v in operands(stmt) if isinstance(v, Value))
    for region in regions(stmt):
        found |= free_values(region)
    return found


def defined(block: Block) -> Iterator[Value]:
    """Every value defined in the block or in the blocks nested in it."""
    yield from block.params
    for stmt in block.stmts:
        yield from stmt.outs
        for region in regions(stmt):
            yield from defined(region)


def effectful(stmt: Stmt) -> bool:
    """Whether the statement does something besides computing its results."""
    if isinstance(stmt, Apply):
        return stmt.op.effect is not Effect.NONE
    if isinstance(stmt, Call):
        return True
    return any(effectful(s) for region in regions(stmt) for s in region.stmts)


def ordered(stmt: Stmt) -> bool:
    """Whether the statement itself must happen once, and in its order; a call may have to."""
    return isinstance(stmt, Call) or (
        isinstance(stmt, Apply) and stmt.op.effect is Effect.ORDERED
    )


def counted(loop: For) -> bool:
    """Whether the loop makes all its trips, numbered from 0."""
    return known(loop.lo) == 0 and known(loop.step) == 1 and not loop.until


Renaming = Mapping[Value, Operand]


def rename(operand: Operand, names: Renaming) -> Operand:
    """The operand under the renaming."""
    return names.get(operand, operand) if isinstance(operand, Value) else operand


def renamed(operand: Operand, names: Renaming) -> Operand:
    """The operand under the renaming, what it becomes too, and so on to the end."""
    while isinstance(operand, Value) and operand in names:
        operand = names[operand]
    return operand


def substitute(block: Block, names: Renaming) -> Block:
    """The block with uses renamed; definitions stay, so `names` must not hold any of them."""
    return replace(
        block,
        stmts=tuple(substitute_stmt(s, names) for s in block.stmts),
        results=tuple(rename(r, names) for r in block.results),
    )


def substitute_stmt(stmt: Stmt, names: Renaming) -> Stmt:
    """The statement with uses renamed, inside its regions too."""

    def all_of(values: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple(rename(v, names) for v in values)

    match stmt:
        case Apply():
            return replace(stmt, args=all_of(stmt.args))
        case Call(work=work):
            work = None if work is None else rename(work, names)
            return replace(stmt, args=all_of(stmt.args), work=work)
        case If():
            return replace(
                stmt,
                cond=rename(stmt.cond, names),
                then=substitute(stmt.then, names),
                orelse=substitute(stmt.orelse, names),
            )
        case For():
            lo, hi, step = all_of((stmt.lo, stmt.hi, stmt.step))
            body = substitute(stmt.body, names)
            return replace(stmt, lo=lo, hi=hi, step=step, init=all_of(stmt.init), body=body)
        case While():
            return replace(
                stmt,
                init=all_of(stmt.init),
                cond=substitute(stmt.cond, names),
                body=substitute(stmt.body, names),
            )
        case _:
            assert_never(stmt)


def _as_it_is(type: Type) -> Type:
    return type


def clone(
    block: Block,
    names: dict[Value, Operand],
    hints: Mapping[Value, str] = MappingProxyType({}),
    retyped: Callable[[Type], Type] = _as_it_is,
) -> Block:
    """A copy of the block in which every definition is a fresh value.

    `names` maps free values to what they become; the definitions are added to it.  `hints`
    gives values new hints, `retyped` new types.
    """

    def fresh(values: tuple[Value, ...]) -> tuple[Value, ...]:
        copies = tuple(Value(retyped(v.type), hints.get(v, v.hint)) for v in values)
        names.update(zip(values, copies, strict=True))
        return copies

    params = fresh(block.params)
    stmts = tuple(clone_stmt(s, names, hints, retyped) for s in block.stmts)
    return Block(params, stmts, tuple(rename(r, names) for r in block.results))


def clone_stmt(
    stmt: Stmt,
    names: dict[Value, Operand],
    hints: Mapping[Value, str] = MappingProxyType({}),
    retyped: Callable[[Type], Type] = _as_it_is,
) -> Stmt:
    """A copy of the statement with fresh definitions, which are added to `names`."""

    def all_of(values: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple(rename(v, names) for v in values)

    def fresh(value: Value) -> Value:
        copy = Value(retyped(value.type), hints.get(value, value.hint))
        names[value] = copy
        return copy

    match stmt:
        case Apply():
            args = all_of(stmt.args)
            return replace(stmt, args=args, outs=tuple(map(fresh, stmt.outs)))
        case Call(work=work):
            args, work = all_of(stmt.args), None if work is None else rename(work, names)
            return replace(stmt, args=args, work=work, outs=tuple(map(fresh, stmt.outs)))
        case If():
            cond = rename(stmt.cond, names)
            then, orelse = (
                clone(stmt.then, names, hints, retyped),
                clone(stmt.orelse, names, hints, retyped),
            )
            outs = tuple(map(fresh, stmt.outs))
            return replace(stmt, cond=cond, then=then, orelse=orelse, outs=outs)
        case For():
            lo, hi, step = all_of((stmt.lo, stmt.hi, stmt.step))
            init, body = all_of(stmt.init), clone(stmt.body, names, hints, retyped)
            carry = tuple(map(fresh, stmt.carry))
            trips = None if stmt.trips is None else fresh(stmt.trips)
            return replace(
                stmt, lo=lo, hi=hi, step=step, init=init, body=body, carry=carry, trips=trips
            )
        case While():
            init = all_of(stmt.init)
            cond, body = (
                clone(stmt.cond, names, hints, retyped),
                clone(stmt.body, names, hints, retyped),
            )
            carry = tuple(map(fresh, stmt.carry))
            trips = None if stmt.trips is None else fresh(stmt.trips)
            return replace(stmt, init=init, cond=cond, body=body, carry=carry, trips=trips)
        case _:
            assert_never(stmt)
