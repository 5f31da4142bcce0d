"""A call in staged code as a function of its own, for transforms to work on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, numpy_calls
from stagec.frontend.arguments import is_scalar
from stagec.frontend.closing import close
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.names import with_names
from stagec.frontend.sizes import need_tested_sizes
from stagec.frontend.state import RESULT, Exit, Leaf, State, Tree, extend, leaves, taken
from stagec.frontend.unify import Unjoinable, reached, substitute
from stagec.frontend.values import (
    NONE,
    ArrayCell,
    ArrayRef,
    Columns,
    Content,
    Fields,
    Items,
    Known,
    Number,
    Ref,
    Row,
    StagedItems,
    TupleValue,
    Value,
    names_of,
)
from stagec.ir.core import Apply, Block, Const, Operand, Value as Staged, const
from stagec.ir.function import Function
from stagec.ir.types import SHORT, ArrayType, Type
from stagec.ir.walk import free_values
from stagec.ops import effects
from stagec.ops.arithmetic import Handle


@dataclass(slots=True)
class Leaves:
    """The numbers and arrays in a tree of abstract values, in order."""

    machine: Machine
    state: State
    found: list[tuple[Value, str]]

    def add(self, value: Value, path: str) -> None:
        """Collect the leaves of the value."""
        match value:
            case Number() | ArrayRef():
                self.found.append((value, path))
            case Known():
                if is_leaf(value):
                    self.found.append((value, path))
            case TupleValue(items, cls):
                names = names_of(value) or range(len(items))
                for k, item in zip(names, items, strict=True):
                    self.add(item, f"{path}[{k}]" if cls is None else f"{path}.{k}")
            case Ref():
                content = self.state.cells[value.cell]
                if isinstance(content, Items):
                    for k, item in enumerate(content.items):
                        self.add(item, f"{path}[{k}]")
                elif isinstance(content, Fields):
                    for k, item in content.items:
                        self.add(item, f"{path}[{k!r}]")
            case _:
                pass


def rebuilt(
    m: Machine, state: State, value: Value, leaves: list[Any], held: State | None = None
) -> Value:
    """The tree with its leaves replaced in order; None keeps its place as None.

    `held` is the state that holds the containers of the tree, if it is another one.
    """
    match value:
        case TupleValue(items, cls):
            return TupleValue(tuple(rebuilt(m, state, v, leaves, held) for v in items), cls)
        case Ref():
            content = (held or state).cells[value.cell]
            if isinstance(content, Items):
                items = tuple(rebuilt(m, state, v, leaves, held) for v in content.items)
                return Ref(m.new_cell(state, Items(items)), value.cls)
            if isinstance(content, Fields):
                pairs = tuple((k, rebuilt(m, state, v, leaves, held)) for k, v in content.items)
                return Ref(m.new_cell(state, Fields(pairs)), value.cls)
            return value
        case _ if is_leaf(value):
            made = leaves.pop(0)
            return NONE if made is None else made
        case _:
            return NONE


def is_leaf(value: Value) -> bool:
    """Whether the value is a number or an array."""
    if isinstance(value, Number | ArrayRef):
        return True
    if not isinstance(value, Known) or isinstance(value.value, bool):
        return False
    plain = value.value
    if isinstance(plain, np.ndarray):
        # a subclass may mean something else by its operators
        return type(plain) is np.ndarray and plain.dtype.name in SHORT
    return isinstance(plain, int | float | complex) or is_scalar(plain)


def operand_of_leaf(m: Machine, state: State, value: Value, loc: Loc | None) -> Operand:
    """The operand of a leaf."""
    plain = numpy_calls.argument(m, state, value, loc)
    return plain.operand if isinstance(plain, Handle) else const(plain)


def inexact(kind: Type) -> bool:
    """Whether values of the type can be differentiated."""
    return isinstance(kind, ArrayType) and kind.inexact


@dataclass(slots=True)
class Traced:
    """A call staged as a function of its own.

    `function` has one parameter per leaf of the arguments, then the values of the staged code
    around it that it uses (`free`); its results are `operands`, which `value` and the changed
    cells of the surrounding code refer to.
    """

    function: Function
    leaves: list[tuple[Value, str]]
    params: list[Staged]
    entry: list[Operand]
    free: list[Staged]
    value: Value
    inner: State
    operands: list[Operand]
    changed: dict[int, Content]


def trace(
    m: Machine, state: State, f: Value, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Traced:  # fmt: skip
    """Stage `f(*args, **kwargs)` as a function of the leaves of its arguments."""
    collected = Leaves(m, state, [])
    tree = TupleValue((*args, *kwargs.values()))
    names = [*(f"argument {k}" for k in range(len(args))), *kwargs]
    for value, name in zip(tree.items, names, strict=True):
        collected.add(value, name)
    inner = state.fork()
    params: list[Staged] = []
    entry: list[Operand] = []
    fresh: list[Value] = []
    for value, _ in collected.found:
        operand = operand_of_leaf(m, state, value, loc)
        param = Staged(operand.type, m.name_of(operand))
        m.name(param, m.name_of(operand) or hint_of(m, f, len(params), len(collected.found)))
        params.append(param)
        entry.append(operand)
        inner.builder.declare(param)
        if operand in m.origin and isinstance(operand, Staged):
            m.origin[param] = m.origin[operand]
        array = isinstance(param.type, ArrayType) and param.type.kind == "array"
        if isinstance(value, Known) and isinstance(value.value, int):
            fresh.append(value)  # it has no derivative, and stage 0 may need it
        else:
            fresh.append(m.new_array(inner, param) if array else Number(param))
    before = dict(inner.cells)
    inside = keep_static(m, inner, tree, fresh)
    assert isinstance(inside, TupleValue)
    named = dict(zip(kwargs, inside.items[len(args) :], strict=True))
    leaf = one_path(m, m.call(f, inside.items[: len(args)], named, inner, loc), before, loc)
    value = taken(leaf.state)
    # cells of the caller may be met here first
    around = {**m.shared_cells, **{c: before[c] for c in state.cells}}
    changed = {c: v for c, v in leaf.state.cells.items() if around.get(c, v) is not v}
    operands: list[Operand] = []
    gather(m, leaf.state, value, operands)
    for content in changed.values():
        gather(m, leaf.state, content, operands)
    block = Block(tuple(params), tuple(leaf.state.builder.stmts), tuple(operands))
    free = list(free_values(block))
    block = replace(block, params=(*params, *free))
    block = with_names(m, block)
    function = Function(
        function_name(f), block, (), (False,) * len(operands), lengths=tuple(m.lengths.items())
    )
    return Traced(
        function, collected.found, params, entry, free, value, leaf.state, operands, changed
    )


def one_path(m: Machine, tree: Tree, before: dict[int, Content], loc: Loc | None) -> Leaf:
    """The one path that the paths of a call make together, `before` being the cells that were
    there at its beginning.
    """
    tree = without_none(m, tree, loc)
    try:
        try:
            leaf = close(m, tree, {})
        except Unjoinable:
            # what the call leaves behind need not join, and arrays from outside join others
            roots = {*m.shared_cells, *m.globals_written.values(), RESULT}
            tree = extend(tree, lambda leaf: forgetting(leaf, before, roots))
            leaf = close(m, tree, {}, force=True)
    except Unjoinable as clash:
        need_tested_sizes(m, tree)
        raise StagecError(
            "SC410", f"the differentiated function has no common result type: {clash.reason}",
            loc, "return values of one type on all paths",
        ) from None  # fmt: skip
    if isinstance(leaf, Leaf) and leaf.exit is Exit.RAISE:
        raise_it(leaf.state)
    if not isinstance(leaf, Leaf) or leaf.exit is not Exit.NORMAL:
        raise StagecError(
            "SC411", "the differentiated function never returns", loc, "let it return"
        )
    return leaf


def forgetting(leaf: Leaf, before: dict[int, Content], roots: set[int]) -> Leaf:
    """The path without the cells that nothing refers to any more."""
    cells = leaf.state.cells
    kept = reached(leaf.state, before, roots) if leaf.exit is Exit.NORMAL else None
    if kept is not None:
        for cell in cells.keys() - kept:
            del cells[cell]
    return leaf


def raise_it(state: State) -> None:
    """Raise what the path ends with, if staging knows it: the function always raises it."""
    end = state.builder.stmts[-1] if state.builder.stmts else None
    if not isinstance(end, Apply) or end.op is not effects.raise_:
        return
    if all(isinstance(a, Const) for a in end.args):
        error = end.kwargs["exception"](*(a.value for a in end.args if isinstance(a, Const)))
        if end.loc is not None:
            error.add_note(f"in staged code: {end.loc}: {end.loc.text.strip()}")
        raise Raised(error)


def without_none(m: Machine, tree: Tree, loc: Loc | None) -> Tree:
    """The tree with the paths that return None raising, if others return something."""
    results = [
        leaf.state.cells.get(RESULT) for leaf in leaves(tree) if leaf.exit is Exit.NORMAL
    ]
    nothing = [isinstance(r, Known) and r.value is None for r in results]
    if all(nothing) or not any(nothing):
        return tree

    def step(leaf: Leaf) -> Tree:
        found = leaf.state.cells.get(RESULT)
        if (
            leaf.exit is not Exit.NORMAL
            or not isinstance(found, Known)
            or found.value is not None
        ):
            return leaf
        text = m.const_handle(leaf.state, "the differentiated function returned None")
        m.apply_op(leaf.state, effects.raise_, [text], exception=TypeError)
        return Leaf(leaf.state, Exit.RAISE)

    return extend(tree, step)


def keep_static(m: Machine, state: State, tree: Value, leaves: list[Value]) -> Value:
    """The tree with its leaves replaced, everything else as it is."""
    match tree:
        case TupleValue(items, cls):
            return TupleValue(tuple(keep_static(m, state, v, leaves) for v in items), cls)
        case Ref(cell, cls):
            match state.cells[cell]:
                case Items(items):
                    kept = tuple(keep_static(m, state, v, leaves) for v in items)
                    return Ref(m.new_cell(state, Items(kept)), cls)
                case Fields(items):
                    pairs = tuple((k, keep_static(m, state, v, leaves)) for k, v in items)
                    return Ref(m.new_cell(state, Fields(pairs)), cls)
                case _:
                    return tree
        case _:
            return leaves.pop(0) if is_leaf(tree) else tree


def hint_of(m: Machine, f: Value, k: int, total: int) -> str:
    """A name for the k-th leaf: the function's own parameter, if leaves are parameters."""
    names = parameters(f)
    return names[k] if k < len(names) == total else ""


def parameters(f: Value) -> list[str]:
    """The names of the parameters that a function takes by position, where it has a source."""
    plain = f.value if isinstance(f, Known) else f
    node = getattr(plain, "node", None)
    if node is not None:
        return [a.id for a in (*node.args.posonlyargs, *node.args.args)]
    code = getattr(plain, "__code__", None)
    return list(code.co_varnames[: code.co_argcount]) if code else []


def function_name(f: Value) -> str:
    """The name of the function that a value is."""
    plain: Any = f.value if isinstance(f, Known) else f
    name = getattr(plain, "__name__", None) or getattr(
        getattr(plain, "node", None), "name", "f"
    )
    return name if name.isidentifier() else "f"


def gather(m: Machine, state: State, content: Any, operands: list[Operand]) -> None:
    """Collect the staged operands that a content refers to, through cells too."""
    if isinstance(content, Staged):
        if all(content is not o for o in operands):
            operands.append(content)
        return
    if isinstance(content, ArrayRef):
        cell = state.cells[content.cell]
        assert isinstance(cell, ArrayCell)
        gather(m, state, cell.operand, operands)
        for o in content.index:
            gather(m, state, o, operands)
        return
    if isinstance(content, Ref):
        gather(m, state, state.cells[content.cell], operands)
        return
    if isinstance(content, tuple):
        for part in content:
            gather(m, state, part, operands)
        return
    if isinstance(content, Number | ArrayCell | StagedItems):
        gather(m, state, content.operand, operands)
    elif isinstance(content, Row):
        gather(m, state, (content.owner, content.index), operands)
    elif isinstance(content, Columns):
        gather(m, state, content.columns, operands)
    elif isinstance(content, Items | Fields | TupleValue):
        gather(m, state, content.items, operands)


def adopt(m: Machine, state: State, traced: Traced, results: Sequence[Operand]) -> Value:
    """The result of the traced call in the surrounding code, and its changes made there."""
    names: dict[Staged, Operand] = {
        o: r for o, r in zip(traced.operands, results, strict=True) if isinstance(o, Staged)
    }
    for cell, content in traced.inner.cells.items():
        new = cell not in state.cells and reaches_out(m, state, traced, content, names)
        if new or cell in traced.changed:
            state.cells[cell] = substitute(content, names)
    return substitute(traced.value, names)


def reaches_out(
    m: Machine, state: State, traced: Traced, content: Content, names: Collection[Staged]
) -> bool:
    """Whether a content of the traced call means something in the surrounding code.

    Most variables of the call refer to values that are its own.
    """
    mentioned: list[Operand] = []
    try:
        gather(m, traced.inner, content, mentioned)
    except KeyError:
        return False  # it refers to a variable that is no more
    builder = state.builder
    return all(
        o in names or builder.defs.depth.get(o, 0) <= builder.depth
        for o in mentioned
        if isinstance(o, Staged)
    )


def result_text(state: State, value: Value) -> str:
    """What a result is, for messages."""
    if isinstance(value, Number):
        return str(value.operand.type)
    if isinstance(value, ArrayRef):
        return str(arrays.type_of(state, value))
    if isinstance(value, TupleValue):
        return f"a tuple of {len(value.items)} values"
    if isinstance(value, Known):
        return repr(value.value)
    return "this value"
