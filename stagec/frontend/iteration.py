"""`for` and `while`: what is iterated, and whether the loop is staged, unrolled or peeled."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import gast
import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, containers, library, loops, numpy_calls
from stagec.frontend.calls import code_of, nested_code, run_body
from stagec.frontend.desugar import is_normal_exit
from stagec.frontend.expressions import evaluate
from stagec.frontend.join import Unjoinable, as_operand, close
from stagec.frontend.loops import dead_cells, ended, resumed, stage, variable_names
from stagec.frontend.machine import LIMITS, AliasClash, Frame, Machine, NeedUnroll
from stagec.frontend.state import (
    RESULT,
    Branch,
    Exit,
    Leaf,
    State,
    Tree,
    extend,
    leaves,
    then_do,
)
from stagec.frontend.values import (
    ArrayRef,
    Generator,
    Items,
    Known,
    Mapped,
    Number,
    RangeValue,
    Ref,
    Reversed,
    StagedItems,
    TupleValue,
    Value,
    Zipped,
)
from stagec.ir.core import Const, Operand, const
from stagec.ir.walk import effectful
from stagec.ops import lists
from stagec.ops.extent import range_length

PEELS = 4
Element = Callable[[State, Any], Value]


def run_for(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `for` statement."""
    value = evaluate(m, frame, stmt.iter, state)
    state.builder.loc = loc
    if isinstance(value, Mapped):
        helper = library.filter_ if value.filter else library.map_
        value = m.call_value(state, helper, (value.function, *value.parts), {}, loc)
    if isinstance(value, Zipped) and any(
        isinstance(p, Generator | Mapped) for p in value.parts
    ):
        value = zipped_generator(m, state, value, loc)
    if isinstance(value, Generator):
        return consume(m, stmt, frame, value, state, loc)

    def body(s: State, item: Value) -> Tree:
        tree = m.assign(m, frame, stmt.target, item, s, loc)
        return resumed(then_do(tree, lambda t: m.run(stmt.body, frame, t)))

    if isinstance(value, Ref) and isinstance(state.cells[value.cell], Items):
        if issubclass(value.cls, list):
            return live_list(m, stmt, frame, value, state, body, loc)
    staged = indexed(m, state, value, loc)
    if staged is None:
        return unrolled(
            m, stmt, frame, containers.unpack(m, state, value, loc), state, body, loc
        )
    return run_indexed(m, stmt, frame, staged, state, body, loc, 0)


def live_list(
    m: Machine, stmt: Any, frame: Frame, ref: Ref, state: State,
    body: Callable[[State, Value], Tree], loc: Loc,
) -> Tree:  # fmt: skip
    """A loop over a list as Python runs it: what the body appends is iterated too."""
    tree: Tree = Leaf(state)
    for k in range(LIMITS["unroll"] + 1):

        def step(s: State, k: int = k) -> Tree:
            content = s.cells[ref.cell]
            if not isinstance(content, Items):
                raise StagecError(
                    "SC376", "a list of run-time length changes while it is iterated", loc,
                    "iterate over a copy",
                )  # fmt: skip
            return body(s, content.items[k]) if k < len(content.items) else Leaf(s, Exit.LEAVE)

        tree = settled(m, frame, stmt, then_do(tree, step))
        if all(leaf.exit is not Exit.NORMAL for leaf in leaves(tree)):
            return ended(m, frame, stmt, tree)
    raise StagecError(
        "SC305", f"this loop would be unrolled more than {LIMITS['unroll']} times", loc,
        "loop over an array or a range instead",
    )  # fmt: skip


def zipped_generator(m: Machine, state: State, value: Zipped, loc: Loc) -> Value:
    """`zip` or `enumerate` with a generator in it."""
    first, rest = value.parts[0], value.parts[1:]
    if len(rest) == 1 and isinstance(first, RangeValue):
        return m.call_value(state, library.enumerate_, (rest[0], first.lo), {}, loc)
    raise StagecError("SC375", "zip of a generator", loc, "make lists of the generators first")


def run_indexed(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, peeled: int,
) -> Tree:  # fmt: skip
    """A loop over indices: staged if possible, else unrolled or peeled."""
    count = loops.trips(it)
    if count == 0:
        return ended(m, frame, stmt, Leaf(state))

    def trip(s: State, index: Value) -> Tree:
        return body(s, it.element(s, index))

    if count is not None and (count == 1 or m.decided("unroll", id(stmt))):
        indices = range(it.lo.value, it.hi.value, it.step)  # type: ignore[union-attr]
        order = reversed(indices) if it.reverse else indices
        return unrolled(m, stmt, frame, [Known(k) for k in order], state, trip, loc)
    try:
        after = loops.else_clause(m, frame, stmt)
        return stage(m, frame, loops.for_shape(m, frame, stmt, it, loc, trip, after), state)
    except AliasClash:
        if it.reverse or peeled >= PEELS:
            raise
        return periodic(m, stmt, frame, it, state, body, loc, 2)
    except NeedUnroll as need:
        if id(stmt) not in need.loops or count is None:
            raise
        if count > LIMITS["unroll"]:
            raise need.error from None
        m.decisions.add(("unroll", id(stmt)))
        return run_indexed(m, stmt, frame, it, state, body, loc, peeled)
    except Unjoinable as clash:
        if peeled >= PEELS:
            if count is not None and count <= LIMITS["unroll"]:
                m.decisions.add(("unroll", id(stmt)))
                return run_indexed(m, stmt, frame, it, state, body, loc, peeled)
            raise unsettled(clash, loc) from None
    return peel(m, stmt, frame, it, state, body, loc, peeled)


def unsettled(clash: Unjoinable, loc: Loc) -> StagecError:
    """The error for a loop whose state keeps changing its type."""
    return StagecError(
        "SC373", f"the state of this loop has no common type: {clash.reason}", loc,
        "give each variable one type (rank, structure) before the loop",
    )  # fmt: skip


def peel(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, peeled: int,
) -> Tree:  # fmt: skip
    """One trip by itself, then the rest of the loop."""
    if it.reverse:
        raise StagecError(
            "SC374", "the state of this reversed loop changes its type", loc,
            "give each variable one type before the loop",
        )  # fmt: skip

    def first(s: State) -> Tree:
        index = Known(it.lo.value) if isinstance(it.lo, Const) else Number(it.lo)
        tree = settled(m, frame, stmt, body(s, it.element(s, index)))
        return extend(tree, rest)

    def rest(leaf: Leaf) -> Tree:
        if leaf.exit is not Exit.NORMAL:
            return Leaf(leaf.state) if leaf.exit is Exit.BREAK else leaf
        s = leaf.state
        lo = numpy_calls.apply(m, s, PLUS, (value_of(it.lo), Known(it.step)), {}, loc)
        after = loops.Staged_(as_operand(lo), it.hi, it.step, False, it.element)  # type: ignore[arg-type]
        return run_indexed(m, stmt, frame, after, s, body, loc, peeled + 1)

    if loops.surely_some(it):
        return first(state)
    compare = LESS if it.step > 0 else MORE
    some = numpy_calls.apply(m, state, compare, (value_of(it.lo), value_of(it.hi)), {}, loc)
    truth = m.truth(state, some, loc)
    if isinstance(truth, bool):
        return first(state) if truth else ended(m, frame, stmt, Leaf(state))
    then, orelse = state.fork(), state.fork()
    return Branch(state, truth, first(then), ended(m, frame, stmt, Leaf(orelse)), loc)


def periodic(
    m: Machine, stmt: Any, frame: Frame, it: loops.Staged_, state: State,
    body: Callable[[State, Value], Tree], loc: Loc, period: int,
) -> Tree:  # fmt: skip
    """A loop whose names come round to the same arrays only every `period` trips: that many
    trips at a time, then the remaining ones by themselves.
    """

    def arithmetic(s: State, op: Any, a: Value, b: int) -> Value:
        return numpy_calls.apply(m, s, op, (a, Known(b)), {}, loc)

    def index(s: State, trip: Value) -> Value:
        scaled = arithmetic(s, TIMES, trip, it.step)
        return numpy_calls.apply(m, s, PLUS, (value_of(it.lo), scaled), {}, loc)

    def trips(s: State, group: Any) -> Tree:
        tree: Tree = Leaf(s)
        for j in range(period):
            tree = then_do(tree, lambda t, j=j: body(t, it.element(t, index(t, arithmetic(
                t, PLUS, arithmetic(t, TIMES, group, period), j)))))  # fmt: skip
            tree = settled(m, frame, stmt, tree)
        return tree

    bounds = (m.handle(state, o) for o in (it.lo, it.hi, const(it.step)))
    count = m.wrap(state, range_length(*bounds))
    groups = arithmetic(state, operator.floordiv, count, period)
    rest = arithmetic(state, operator.mod, count, period)

    def remaining(s: State, j: int) -> Tree:
        if j == period - 1:
            return ended(m, frame, stmt, Leaf(s))
        more = m.truth(s, arithmetic(s, MORE, rest, j), loc)
        assert not isinstance(more, bool)
        then, orelse = s.fork(), s.fork()
        done = arithmetic(then, TIMES, groups, period)
        tree = body(then, it.element(then, index(then, arithmetic(then, PLUS, done, j))))

        def step(leaf: Leaf) -> Tree:
            if leaf.exit is Exit.NORMAL:
                return remaining(leaf.state, j + 1)
            return Leaf(leaf.state) if leaf.exit is Exit.BREAK else leaf

        return Branch(s, more, extend(tree, step), ended(m, frame, stmt, Leaf(orelse)), loc)

    grouped = loops.Staged_(const(0), as_operand(groups), 1, False, it.element)  # type: ignore[arg-type]
    shape = loops.for_shape(m, frame, stmt, grouped, loc, trips, lambda s: remaining(s, 0))
    try:
        return stage(m, frame, shape, state)
    except AliasClash:
        if period >= PEELS:
            raise
        return periodic(m, stmt, frame, it, state, body, loc, period + 1)


PLUS, TIMES, LESS, MORE = operator.add, operator.mul, operator.lt, operator.gt


def value_of(operand: Operand) -> Value:
    """The abstract value of a number's operand."""
    return Known(operand.value) if isinstance(operand, Const) else Number(operand)


def settled(m: Machine, frame: Frame, stmt: Any, tree: Tree) -> Tree:
    """The tree with its normal paths merged at the end of a trip, if they can be."""
    live = frame.live.get(id(stmt))
    head = frame.head.get(id(stmt))
    kept = None if live is None or head is None else live | head
    if isinstance(tree, Leaf):
        return tree
    if sum(leaf.exit is Exit.NORMAL for leaf in leaves(tree)) < 2:
        return tree
    try:
        return close(m, tree, variable_names(frame), dead_cells(frame, kept))
    except Unjoinable as clash:
        if sum(1 for _ in leaves(tree)) > LIMITS["paths"]:
            raise unsettled(clash, frame.loc(stmt)) from None
        return tree


def unrolled(
    m: Machine, stmt: Any, frame: Frame, items: list[Any], state: State,
    body: Callable[[State, Value], Tree], loc: Loc,
) -> Tree:  # fmt: skip
    """A loop over items known at staging, one trip after another."""
    if len(items) > LIMITS["unroll"]:
        raise StagecError(
            "SC305", f"this loop would be unrolled {len(items)} times", loc,
            "loop over an array or a range instead",
        )  # fmt: skip
    tree: Tree = Leaf(state)
    for item in items:
        tree = then_do(tree, lambda s, v=item: body(s, v))
        tree = settled(m, frame, stmt, tree)
        if all(leaf.exit is not Exit.NORMAL for leaf in leaves(tree)):
            break
    return ended(m, frame, stmt, tree)


# -- what is iterated -------------------------------------------------------------------------


def indexed(m: Machine, state: State, value: Value, loc: Loc) -> loops.Staged_ | None:
    """The iteration over indices of arrays and ranges; None for items known at staging."""
    match value:
        case Known(value=range() as r):
            return span(const(r.start), const(r.stop), r.step, False)
        case RangeValue(lo, hi, step, back):
            bounds = (m.operand(state, lo, loc), m.operand(state, hi, loc))
            return span(*bounds, m.need_known(state, step, loc, "the step of a range"), back)
        case ArrayRef():
            n = as_operand(containers.length(m, state, value, loc))  # type: ignore[arg-type]
            return loops.Staged_(const(0), n, 1, False, item_of(m, value, loc))
        case Known(value=plain) if isinstance(plain, np.ndarray):
            return indexed(m, state, m.captured_array(state, value, loc), loc)
        case Ref() if m.is_staged_list(state, value):
            return list_items(m, state, value, False)
        case Reversed(part):
            it = (
                list_items(m, state, part, True)
                if isinstance(part, Ref)
                else indexed(m, state, part, loc)
            )
            return None if it is None else loops.Staged_(it.lo, it.hi, 1, True, it.element)
        case Zipped(parts):
            return zipped(m, state, parts, loc)
        case _:
            return None


def span(lo: Operand, hi: Operand, step: int, reverse: bool) -> loops.Staged_:
    """The indices of a range themselves."""

    def element(state: State, index: Any) -> Any:
        return index

    return loops.Staged_(lo, hi, step, reverse, element, plain=True)


def item_of(m: Machine, ref: ArrayRef, loc: Loc) -> Element:
    """The element or row of an array at an index."""

    def element(state: State, index: Any) -> Value:
        return arrays.read_subscript(m, state, ref, index, loc)

    return element


def list_items(m: Machine, state: State, ref: Ref, reverse: bool) -> loops.Staged_:
    """The elements of a list of run-time length."""
    content = state.cells[ref.cell]
    assert isinstance(content, StagedItems)
    handle = m.handle(state, content.operand)
    n = lists.list_length(handle).operand
    then = content.operand

    def element(s: State, index: Any) -> Value:
        now = s.cells.get(ref.cell)
        if not isinstance(now, StagedItems) or now.operand is not then:
            raise StagecError(
                "SC376", "a list of run-time length changes while it is iterated", s.builder.loc,
                "iterate over a copy",
            )  # fmt: skip
        return m.wrap(
            s, lists.list_get(m.handle(s, then), m.handle(s, m.operand(s, index, None)))
        )

    return loops.Staged_(const(0), n, 1, reverse, element)


def zipped(
    m: Machine, state: State, parts: tuple[Value, ...], loc: Loc
) -> loops.Staged_ | None:
    """Parallel iteration over arrays and ranges; None if one part is known at staging."""
    its: list[loops.Staged_] = []
    endless: list[bool] = []
    for part in parts:
        counter = (
            isinstance(part, RangeValue)
            and isinstance(part.hi, Known)
            and part.hi.value is None
        )
        if counter:
            assert isinstance(part, RangeValue)
            lo = m.operand(state, part.lo, loc)
            its.append(span(lo, const(0), 1, False))
        else:
            it = indexed(m, state, part, loc)
            if it is None or (
                isinstance(part, Known) and not isinstance(part.value, np.ndarray)
            ):
                return None
            its.append(it)
        endless.append(counter)
    if any(
        not e and (it.step != 1 or it.reverse or it.lo != const(0))
        for it, e in zip(its, endless, strict=True)
    ):
        its = [it if e else rebased(m, it, loc) for it, e in zip(its, endless, strict=True)]
        if any(it.hi is None for it in its):
            return None
    sizes = [it.hi for it, e in zip(its, endless, strict=True) if not e]
    shortest = sizes[0]
    for other in sizes[1:]:
        if other is not shortest and not same_size(shortest, other):
            least = numpy_calls.apply(
                m, state, builtins.min, (value_of(shortest), value_of(other)), {}, loc
            )
            shortest = as_operand(least)  # type: ignore[arg-type]

    def element(s: State, index: Any) -> Value:
        out: list[Value] = []
        for it, e in zip(its, endless, strict=True):
            if e and it.lo != const(0):
                out.append(numpy_calls.apply(m, s, PLUS, (index, value_of(it.lo)), {}, loc))
            else:
                out.append(it.element(s, index))
        return TupleValue(tuple(out))

    return loops.Staged_(const(0), shortest, 1, False, element)


def same_size(a: Operand, b: Operand) -> bool:
    """Whether two lengths are surely equal."""
    if isinstance(a, Const) and a == b:
        return True
    size = getattr(a.type, "size", None)
    return size is not None and size == getattr(b.type, "size", None)


def rebased(m: Machine, it: loops.Staged_, loc: Loc) -> loops.Staged_:
    """A range in a zip, counted from 0: only with known bounds."""
    count = loops.trips(it)
    if count is None or not isinstance(it.lo, Const):
        raise StagecError("SC377", "zip of a staged range", loc, "zip arrays, or index by hand")
    start = it.lo.value + (count - 1) * it.step if it.reverse else it.lo.value
    step = -it.step if it.reverse else it.step

    def element(s: State, index: Any) -> Value:
        scaled = numpy_calls.apply(m, s, TIMES, (index, Known(step)), {}, loc)
        value = numpy_calls.apply(m, s, PLUS, (scaled, Known(start)), {}, loc)
        return it.element(s, value)

    return loops.Staged_(const(0), const(count), 1, False, element)


# -- generators -------------------------------------------------------------------------------


def consume(
    m: Machine, stmt: Any, frame: Frame, generator: Generator, state: State, loc: Loc
) -> Tree:
    """A loop over a generator: its body runs the loop's body at each yield."""
    f = generator.function
    code = nested_code(f.node) if f.code.function is None else code_of(f.code.function)[0]

    def at_yield(value: Value, s: State, where: Loc) -> Tree:
        tree = m.assign(m, frame, stmt.target, value, s, loc)
        with m.resumed(frame):
            tree = resumed(then_do(tree, lambda t: m.run(stmt.body, frame, t)))
        outer = {Exit.BREAK: Exit.STOP, Exit.RETURN: Exit.OUTER}
        return extend(
            tree, lambda leaf: Leaf(leaf.state, outer.get(leaf.exit, leaf.exit), leaf.raised)
        )

    inner = Frame(
        generator.scope, code.info, f.code, f.node.name, RESULT, code.live, code.head, at_yield
    )
    tree = run_body(m, inner, code, state, loc)

    def back(leaf: Leaf) -> Tree:
        if leaf.exit is Exit.NORMAL:
            leaf.state.cells.pop(RESULT, None)
            return m.run(stmt.orelse, frame, leaf.state) if stmt.orelse else leaf
        known = {Exit.STOP: Exit.NORMAL, Exit.OUTER: Exit.RETURN}
        return Leaf(leaf.state, known.get(leaf.exit, leaf.exit), leaf.raised)

    return extend(tree, back)


# -- while ------------------------------------------------------------------------------------


def run_while(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `while` statement."""
    return while_loop(m, stmt, frame, state, loc, 0, 0)


def split_test(stmt: Any) -> tuple[list[Any], Any, list[Any]]:
    """The statements that a test was hoisted to, the test itself, and the rest of the body."""
    if not (isinstance(stmt.test, gast.Constant) and stmt.test.value is True):
        return [], stmt.test, stmt.body
    for k, part in enumerate(stmt.body):
        if isinstance(part, gast.If) and len(part.body) == 1 and not part.orelse:
            leave = part.body[0]
            if isinstance(leave, gast.Break) and is_normal_exit(leave):
                return stmt.body[:k], part.test, stmt.body[k + 1 :]
    return [], stmt.test, stmt.body


def tested(
    m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc
) -> bool | Operand | None:
    """The truth of a loop's test, computed in a state of its own; None if it is not pure."""
    hoisted, test, _ = split_test(stmt)
    before = dict(state.cells)
    tree = m.run(hoisted, frame, state) if hoisted else Leaf(state)
    if not isinstance(tree, Leaf) or tree.exit is not Exit.NORMAL:
        return None
    temporary = {c for n, c in frame.scope.cells.items() if n.startswith(".")}
    for cell, content in before.items():
        if cell not in temporary and tree.state.cells.get(cell) is not content:
            return None
    state.cells = tree.state.cells
    if any(effectful(s) for s in state.builder.stmts):
        return None
    truth = m.truth(state, evaluate(m, frame, test, state), loc)
    if not hoisted:
        return truth
    if isinstance(truth, bool):
        return not truth
    return numpy_calls.apply(m, state, operator.not_, (Number(truth),), {}, loc).operand  # type: ignore[union-attr]


def while_loop(
    m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc, peeled: int, made: int
) -> Tree:
    """A `while` loop: staged if possible, else trip by trip as long as the test is known."""
    pure = tested(m, stmt, frame, state.fork(), loc) is not None

    def truth(s: State) -> bool | Operand:
        found = tested(m, stmt, frame, s, loc) if pure else None
        return m.truth(s, evaluate(m, frame, stmt.test, s), loc) if found is None else found

    def body(s: State) -> Tree:
        stmts = split_test(stmt)[2] if pure else stmt.body
        return resumed(m.run(stmts, frame, s))

    probe = state.fork()
    now = truth(probe)
    if now is False:
        return ended(m, frame, stmt, Leaf(state))
    unroll = m.decided("unroll", id(stmt)) and isinstance(now, bool)
    if not unroll:

        def test(s: State) -> Operand:
            found = truth(s)
            return const(found) if isinstance(found, bool) else found

        try:
            shape = loops.while_shape(m, frame, stmt, loc, test, body)
            return stage(m, frame, shape, state)
        except NeedUnroll as need:
            if id(stmt) not in need.loops or not isinstance(now, bool):
                raise
            m.decisions.add(("unroll", id(stmt)))
        except Unjoinable as clash:
            if peeled >= PEELS and not isinstance(now, bool):
                raise unsettled(clash, loc) from None
            peeled += 1
    if made > LIMITS["unroll"]:
        raise StagecError(
            "SC305", f"this loop was unrolled {made} times without an end", loc,
            "let its condition depend on staged values",
        )  # fmt: skip

    def rest(leaf: Leaf) -> Tree:
        if leaf.exit is not Exit.NORMAL:
            done = leaf.exit in (Exit.BREAK, Exit.LEAVE)
            if leaf.exit is Exit.LEAVE and stmt.orelse:
                return m.run(stmt.orelse, frame, leaf.state)
            return Leaf(leaf.state) if done else leaf
        return while_loop(m, stmt, frame, leaf.state, loc, peeled, made + 1)

    if isinstance(now, bool):
        return extend(settled(m, frame, stmt, body(state)), rest)
    cond = truth(state)
    assert not isinstance(cond, bool)
    then, orelse = state.fork(), state.fork()
    first = extend(settled(m, frame, stmt, body(then)), rest)
    return Branch(state, cond, first, ended(m, frame, stmt, Leaf(orelse)), loc)
