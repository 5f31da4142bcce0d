"""How each block ends: fall through, go to the next trip, break or return.

The end of a block is pushed into the branches of an `If` that closes it, so that exit flags
become jumps.  A loop whose exit flag is asked for right after it returns from within.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.codegen.plan import End, Plan, parameters
from stagec.ir.core import Block, Const, For, If, Operand, Value, While, const
from stagec.ir.walk import regions


def set_ends(plan: Plan, block: Block, end: End) -> None:
    """Fill in `ends`, `pushed` and `absorbed` for the block and the blocks in it."""
    plan.ends[block] = end
    last = block.stmts[-1] if block.stmts else None
    if isinstance(last, If) and _pushable(last, end):
        if end.tested or _asks(block, last):
            plan.expressions.pop(last, None)  # rather a jump than a value
        if last not in plan.expressions:
            plan.pushed.add(last)
    for k, stmt in enumerate(block.stmts):
        match stmt:
            case If():
                _set_branches(plan, stmt, end)
            case For() | While():
                following = block.stmts[k + 1] if k + 1 < len(block.stmts) else None
                _set_loop(plan, stmt, following, end)
            case _:
                pass


def _asks(block: Block, last: If) -> bool:
    """Whether the last statement asks how the loop before it ended."""
    before = block.stmts[-2] if len(block.stmts) > 1 else None
    return isinstance(before, For | While) and before.until and last.cond in before.carry


def _set_branches(plan: Plan, stmt: If, end: End) -> None:
    for region, taken in ((stmt.then, True), (stmt.orelse, False)):
        if stmt in plan.expressions:
            inner = End("value", region.results)
        elif stmt in plan.pushed:
            inner = _pushed(end, stmt, region, taken)
        else:
            inner = End("assign", region.results, stmt.outs)
        set_ends(plan, region, inner)


def _set_loop(plan: Plan, stmt: For | While, following: object, end: End) -> None:
    count = len(stmt.init)
    results = stmt.body.results
    flag = results[count] if stmt.until else None
    leave = None
    if isinstance(following, If) and following in plan.pushed:
        leave = _leave(stmt, following, end)
        if leave is not None:
            plan.absorbed.add(following)
            names = dict(zip(stmt.carry, results, strict=False))
            leave = tuple(_renamed(o, names) for o in leave)
    inner = End("loop", results[:count], parameters(stmt), flag, leave)
    set_ends(plan, stmt.body, inner)
    if isinstance(stmt, While):
        set_ends(plan, stmt.cond, End("value", stmt.cond.results))


def _pushable(stmt: If, end: End) -> bool:
    """Whether the branches can end the enclosing block without repeating work."""
    outs = set(stmt.outs)
    match end.kind:
        case "return":
            return bool(end.results) and all(
                r in outs or isinstance(r, Const) or (isinstance(r, Value) and bool(r.hint))
                for r in end.results
            )
        case "loop" if end.flag is None or isinstance(end.flag, Const):
            moves = zip(end.targets, end.results, strict=True)
            return end.returned is None and all(r in outs or r is t for t, r in moves)
        case "loop":
            return _resolves(stmt, end.flag)
        case _:
            return False


def _resolves(stmt: If, flag: Operand | None) -> bool:
    """Whether some branch knows the flag."""
    if flag is stmt.cond:
        return True
    for region in regions(stmt):
        inner = _inside(stmt, region, flag)
        if inner is flag:
            return False
        last = region.stmts[-1] if region.stmts else None
        if isinstance(inner, Const) or (isinstance(last, If) and _resolves(last, inner)):
            return True
    return False


def _inside(stmt: If, region: Block, operand: Operand | None) -> Operand | None:
    """What a result of the `If` is in the branch."""
    if isinstance(operand, Value) and operand in stmt.outs:
        return region.results[stmt.outs.index(operand)]
    return operand


def _renamed(operand: Operand, names: dict[Value, Operand]) -> Operand:
    return names.get(operand, operand) if isinstance(operand, Value) else operand


def _pushed(end: End, stmt: If, region: Block, taken: bool) -> End:
    """The end of the enclosing block, as the end of the branch."""
    names = dict(zip(stmt.outs, region.results, strict=True))
    known: dict[Value, Operand] = {}
    if isinstance(stmt.cond, Value):
        known[stmt.cond] = const(taken)
    flag = None if end.flag is None else _renamed(_renamed(end.flag, names), known)
    leave = None if end.leave is None else tuple(_renamed(o, names) for o in end.leave)
    if isinstance(flag, Const) and not flag.value:
        leave = None
    results = tuple(_renamed(o, names) for o in end.results)
    return replace(end, results=results, flag=flag, leave=leave)


def _leave(stmt: For | While, following: If, end: End) -> tuple[Operand, ...] | None:
    """What the function returns if the loop was left by its flag; None if it may go on.

    That is known if the condition behind the loop says just that it was left, and the branch
    then taken does nothing but return.
    """
    if not stmt.until or following.then.stmts or following.cond not in stmt.carry:
        return None
    k = stmt.carry.index(following.cond)  # type: ignore[arg-type]
    start = stmt.init[k]
    if not isinstance(start, Const) or start.value is not False:
        return None
    if not _same(stmt.body, stmt.body.results[k], stmt.body.results[len(stmt.init)]):
        return None
    return _pushed(end, following, following.then, True).returned


def _same(block: Block, a: Operand, b: Operand) -> bool:
    """Whether the two are equal at the end of the block."""
    if a is b or (isinstance(a, Const) and isinstance(b, Const) and a == b):
        return True
    last = block.stmts[-1] if block.stmts else None
    if not isinstance(last, If):
        return False
    for region, taken in ((last.then, True), (last.orelse, False)):
        names: dict[Value, Operand] = dict(zip(last.outs, region.results, strict=True))
        if isinstance(last.cond, Value):
            names[last.cond] = const(taken)
        inner = _renamed(a, names), _renamed(b, names)
        if inner == (a, b) or not _same(region, *inner):
            return False
    return True
