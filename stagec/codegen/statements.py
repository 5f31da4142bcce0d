"""From a planned and named function to Python statements, as a gast tree.

What is shared by the targets; a target brings its templates.  The invariant: the statements of
the tree do what the statements of the graph do, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

import gast

from stagec.codegen.choices import find_expressions
from stagec.codegen.ends import set_ends
from stagec.codegen.expressions import IN_PLACE, Expressions, in_place
from stagec.codegen.flow import guarded, never_ends, one_way_out
from stagec.codegen.fold import fold
from stagec.codegen.kernels import (
    backwards,
    counting,
    falling,
    falls_around,
    natural_loops,
    trips,
)
from stagec.codegen.names import Naming, name_values, unset_names
from stagec.codegen.needs import find_needs
from stagec.codegen.plan import End, Plan, new_plan, parameters
from stagec.codegen.template import Template
from stagec.codegen.tree import (
    STORE,
    assign,
    branch,
    call,
    call_returned,
    literal,
    name,
    names_in,
    negation,
    truth,
    tuple_of,
)
from stagec.errors import InternalError, Loc
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
)
from stagec.ir.function import Function
from stagec.ir.sharing import holds_memory
from stagec.ir.types import ArrayType

Places = dict[int, tuple[Loc, ...]]
Move = tuple[str, Any, set[str]]


def write_function(
    fn: Function,
    templates: Mapping[Apply, Template],
    functions: dict[str, str],
    reserved: Iterable[str],
    distinct: bool,
) -> tuple[Any, Places]:
    """The definition, and for each statement by `id` where in the user's program it comes from.

    `functions` are the Python names of the functions, `reserved` the names not to use;
    `distinct` says that no two parameters share memory.
    """
    plan, naming = _prepare(fn, templates, set(reserved), distinct)
    unset = unset_names(plan, fn.body, naming.names)
    writer = _Writer(plan, naming, unset, Expressions(plan, naming, functions, fn.kernel), fn)
    kernels = {functions[f.name] for f in fn.functions if f.kernel}
    body = call_returned(writer.block(fn.body), kernels, writer.places)
    params = [name(naming.names[p], gast.Param()) for p in fn.params]
    arguments = gast.arguments(
        args=params, posonlyargs=[], vararg=None, kwonlyargs=[], kw_defaults=[],
        kwarg=None, defaults=[],
    )  # fmt: skip
    definition = gast.FunctionDef(
        name=functions[fn.name], args=arguments, body=body or [gast.Pass()],
        decorator_list=[], returns=None, type_comment=None, type_params=[],
    )  # fmt: skip
    return definition, writer.places


def _prepare(
    fn: Function, templates: Mapping[Apply, Template], reserved: set[str], distinct: bool
) -> tuple[Plan, Naming]:
    """Fold and name; results that cannot share a name are folded into their assignment."""
    plan = new_plan(fn.body, templates)
    find_expressions(plan, fn.body)
    set_ends(plan, fn.body, End("return", fn.body.results))
    changed = () if fn.whole is None else [v for s in fn.body.stmts for v in s.outs]
    find_needs(plan, fn.body, filter(holds_memory, changed))
    deferred: set[Value] = set()
    while True:
        fold(plan, fn.body, deferred, distinct)
        naming = name_values(plan, fn.body, reserved, fn.kernel)
        if naming.apart <= deferred:
            return plan, naming
        deferred |= naming.apart


class _Writer:
    """Writes the blocks of one function."""

    def __init__(
        self, plan: Plan, naming: Naming, unset: set[str], spell: Expressions, fn: Function
    ) -> None:
        self.places: Places = {}
        self._kernel = fn.kernel
        self._whole = fn.whole
        self._range = fn.params[:2]
        self._natural = natural_loops(fn) if fn.kernel else frozenset[For]()
        self._plan = plan
        self._naming = naming
        self._unset = unset
        self._spell = spell

    # blocks and their ends

    def block(self, block: Block) -> list[Any]:
        """The statements of the block and of its end."""
        out = self._body(block)
        if self._plan.is_pushed(block) or (out and never_ends(out[-1])):
            return out
        return out + self._end(self._plan.ends[block])

    def _body(self, block: Block) -> list[Any]:
        out: list[Any] = []
        for stmt in self._plan.printed(block):
            outs = self._plan.outs(stmt)
            if len(outs) != 1 or outs[0] not in self._plan.inline:
                out += self._stmt(stmt)
            if out and never_ends(out[-1]):
                break
        return out

    def _place(self, node: Any, loc: Loc | None = None) -> Any:
        """The statement, with its origin and that of its folded parts noted."""
        places: dict[Loc, None] = dict.fromkeys([loc] if loc else [])
        places |= dict.fromkeys(self._spell.trail)
        self._spell.trail.clear()
        self.places[id(node)] = tuple(places)
        return node

    def _end(self, end: End) -> list[Any]:
        match end.kind:
            case "return":
                return self._return(end.results)
            case "assign":
                return self._moves(self._plan.moves(end))
            case "loop":
                return self._next_trip(end)
            case "value":
                return []
            case _:
                assert_never(end.kind)

    def _return(self, results: Sequence[Operand]) -> list[Any]:
        values = [self._spell.operand(r) for r in results]
        if not values:
            return []
        value = values[0] if len(values) == 1 else tuple_of(values)
        return [self._place(gast.Return(value=value))]

    def _next_trip(self, end: End) -> list[Any]:
        moves = self._plan.moves(end)
        if end.returned is not None:
            return self._return(end.returned)
        if end.flag is None or isinstance(end.flag, Const):
            jump = [gast.Break()] if end.flag is not None and end.flag.value else []
            return self._moves(moves) + jump
        test = truth(self._spell.operand(end.flag))
        stop = self._place(branch(test, [gast.Break()]))
        if end.leave is not None:
            stop.body = self._return(end.leave)
            return [stop, *self._moves(moves)]
        assigned = self._moves(moves)
        changed = {n for node in assigned for target in node.targets for n in names_in(target)}
        if changed.isdisjoint(names_in(test)):
            return [*assigned, stop]
        flag = self._naming.fresh("stop")
        stop.test = name(flag)
        return [assign(name(flag, STORE), test), *assigned, stop]

    # assignments

    def _moves(self, moves: Sequence[tuple[Value, Operand]]) -> list[Any]:
        """Assignments that happen at once, one by one where the order allows it."""
        pending: list[Move] = []
        for target, source in moves:
            variable = self._naming.names[target]
            if isinstance(source, Undef) and variable not in self._unset:
                continue
            value = self._spell.operand(source)
            if not (isinstance(value, gast.Name) and value.id == variable):
                pending.append((variable, value, set(names_in(value))))
        out: list[Any] = []
        while pending:
            group = min((_before(move, pending) for move in pending), key=len)
            pending = [m for m in pending if m not in group]
            out.append(self._place(_together(group)))
        return out

    def _assign(self, stmt: Stmt, target: Value, value: Any) -> Any:
        variable = self._naming.names[target]
        if (
            isinstance(value, gast.BinOp)
            and isinstance(value.left, gast.Name)
            and value.left.id == variable
            and isinstance(value.op, IN_PLACE)
            and self._rebinds(stmt, variable)
        ):
            return gast.AugAssign(target=name(variable, STORE), op=value.op, value=value.right)
        return assign(name(variable, STORE), value)

    def _rebinds(self, stmt: Stmt, variable: str) -> bool:
        """Whether `variable += ...` rebinds it, as all it holds here are numbers."""
        args = stmt.args if isinstance(stmt, Apply) else ()
        found = [a for a in args if isinstance(a, Value)]
        found = [a for a in found if self._naming.names.get(a) == variable]
        return bool(found) and all(
            isinstance(a.type, ArrayType) and a.type.kind != "array" for a in found
        )

    def _bind(self, outs: Sequence[Value], value: Any) -> Any:
        """`outs = value`, with `_` for those that nobody needs."""
        names = [self._naming.names[v] if v in self._plan.needed else "_" for v in outs]
        if all(n == "_" for n in names):
            return gast.Expr(value=value)
        targets = [name(n, STORE) for n in names]
        return assign(targets[0] if len(targets) == 1 else tuple_of(targets, STORE), value)

    # statements

    def _stmt(self, stmt: Stmt) -> list[Any]:
        match stmt:
            case Apply() if stmt.op.overwrites is not None:
                return self._overwrite(stmt)
            case Apply():
                return [self._place(n, stmt.loc) for n in self._apply(stmt)]
            case Call():
                return [self._place(self._bind(stmt.outs, self._spell.call(stmt)), stmt.loc)]
            case If() if stmt in self._plan.expressions:
                (out,) = self._plan.outs(stmt)
                node = self._assign(stmt, out, self._spell.choice(stmt))
                return [self._place(node, stmt.loc)]
            case If():
                return self._if(stmt)
            case For():
                return self._for(stmt)
            case While():
                return self._while(stmt)
            case _:
                assert_never(stmt)

    def _apply(self, stmt: Apply) -> list[Any]:
        tree = self._spell.applied(stmt, self._spell.operands(stmt))
        if isinstance(tree, list):
            if stmt.outs:
                raise InternalError(f"the template of {stmt.op.name} is a statement")
            return tree
        if len(stmt.outs) == 1 and stmt.outs[0] in self._plan.needed:
            # in a kernel a number of NumPy's is one of Python's under its own name
            same = isinstance(tree, gast.Name) and tree.id == self._naming.names[stmt.outs[0]]
            return [] if same else [self._assign(stmt, stmt.outs[0], tree)]
        return [self._bind(stmt.outs, tree)]

    def _overwrite(self, stmt: Apply) -> list[Any]:
        """The op in place; its first result is what became of the operand."""
        assert stmt.op.overwrites is not None
        out = stmt.outs[0]
        before: list[Any] = []
        operands = self._spell.operands(stmt)
        if out in self._plan.needed:
            before = self._moves([(out, stmt.args[stmt.op.overwrites])])
            operands[stmt.op.overwrites] = name(self._naming.names[out])
        tree = self._spell.applied(stmt, operands)
        if isinstance(tree, list):
            nodes = [in_place(self._plan, stmt, operands, node) for node in tree]
        else:
            nodes = [self._bind(stmt.outs[1:], tree)]
        return before + [self._place(n, stmt.loc) for n in nodes]

    def _if(self, stmt: If) -> list[Any]:
        if stmt in self._plan.absorbed:
            return self.block(stmt.orelse)
        test = truth(self._spell.operand(stmt.cond))
        header = tuple(self._spell.trail)
        self._spell.trail.clear()
        then, orelse = self.block(stmt.then), self.block(stmt.orelse)
        loop = stmt in self._plan.pushed and self._plan.ends[stmt.then].kind == "loop"
        nodes = guarded(test, then, orelse, loop)
        if nodes:
            self._spell.trail += header
            self._place(nodes[0], stmt.loc)
        return nodes

    def _for(self, stmt: For) -> list[Any]:
        lo, hi, step = (self._spell.operand(o) for o in (stmt.lo, stmt.hi, stmt.step))
        trail = tuple(self._spell.trail)
        self._spell.trail.clear()
        bounds = [hi]
        if not _is_constant(stmt.step, 1):
            bounds = [lo, hi, step]
        elif not _is_constant(stmt.lo, 0):
            bounds = [lo, hi]
        indices = call(name("range"), *bounds)
        if stmt in self._natural:
            indices = counting(lo, hi, stmt.reverse)
        elif stmt.reverse:
            indices = (
                backwards(lo, hi, step) if self._kernel else call(name("reversed"), indices)
            )
        elif self._whole is not None and stmt.lo in self._range and len(bounds) < 3:
            indices = trips(self._whole, lo, hi)
        index = stmt.body.params[0]
        used = index in self._plan.needed
        if self._kernel and used and falls_around(stmt):
            indices = falling(indices)
        target = name(self._naming.names[index] if used else "_", STORE)
        before, count = self._entry(stmt)
        body = count + self.block(stmt.body)
        self._spell.trail += trail
        loop = gast.For(
            target=target,
            iter=indices,
            body=body or [gast.Pass()],
            orelse=[],
            type_comment=None,
        )
        return [*before, self._place(loop, stmt.loc)]

    def _while(self, stmt: While) -> list[Any]:
        before, count = self._entry(stmt)
        tests = self._body(stmt.cond)
        test = truth(self._spell.operand(stmt.cond.results[0]))
        trail = tuple(self._spell.trail)
        self._spell.trail.clear()
        if tests:
            leave = branch(negation(test), [gast.Break()])
            tests.append(self._place(leave))
            test = literal(True)
        body = tests + count + self.block(stmt.body)
        self._spell.trail += trail
        after: list[Any] = []
        if self._kernel and isinstance(test, gast.Constant):
            after, whole = one_way_out(body)
            if not whole:
                going = self._naming.fresh("going")
                before.append(assign(name(going, STORE), test))
                test = name(going)
        loop = gast.While(test=test, body=body or [gast.Pass()], orelse=[])
        return [*before, self._place(loop, stmt.loc), *after]

    def _entry(self, stmt: For | While) -> tuple[list[Any], list[Any]]:
        """What comes before the loop, and what counts its trips."""
        params = parameters(stmt)
        carried = self._plan.carried(stmt)
        before = self._moves([(params[k], stmt.init[k]) for k in carried])
        if stmt.trips is None or stmt.trips not in self._plan.needed:
            return before, []
        count = self._naming.names[stmt.trips]
        before.append(self._place(assign(name(count, STORE), literal(0))))
        one = gast.AugAssign(target=name(count, STORE), op=gast.Add(), value=literal(1))
        return before, [self._place(one)]


def _before(move: Move, pending: Sequence[Move]) -> list[Move]:
    """The move, and those that must not come after it as they read what it sets."""
    names = {move[0]}
    while True:
        found = [m for m in pending if m is move or not names.isdisjoint(m[2])]
        reached = {m[0] for m in found} | {move[0]}
        if reached == names:
            return found
        names = reached


def _together(group: Sequence[Move]) -> Any:
    """One assignment for all moves of the group."""
    targets = [name(variable, STORE) for variable, _, _ in group]
    values = [value for _, value, _ in group]
    if len(group) == 1:
        return assign(targets[0], values[0])
    return assign(tuple_of(targets, STORE), tuple_of(values))


def _is_constant(operand: Operand, value: int) -> bool:
    return isinstance(operand, Const) and operand.value == value
