"""Transforms called by staged code: the operand is staged as a function of its own, the
transform (given by the driver) is applied to it, and the result is put in line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, numpy_calls
from stagec.frontend.join import Unjoinable, close, convert, substitute
from stagec.frontend.machine import Machine
from stagec.frontend.state import RESULT, Exit, Leaf, State, Tree, extend, leaves
from stagec.frontend.values import (
    NONE,
    ArrayCell,
    ArrayRef,
    Content,
    Fields,
    Intrinsic,
    Items,
    Known,
    Number,
    Ref,
    StagedItems,
    TupleValue,
    Value,
)
from stagec.ir.core import Block, Const, Operand, Undef, Value as Staged, const
from stagec.ir.function import Function
from stagec.ir.inline import inline_into
from stagec.ir.types import ArrayType, Type
from stagec.ir.walk import clone, free_values
from stagec.ops import effects
from stagec.ops.arithmetic import Handle
from stagec.ops.cast import astype, to_python
from stagec.ops.indexing import accumulate_at


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
            case Known(value=plain):
                if (
                    isinstance(plain, int | float | complex) and not isinstance(plain, bool)
                ) or (hasattr(plain, "dtype") and getattr(plain, "shape", None) is not None):
                    self.found.append((value, path))
            case TupleValue(items, cls):
                names = cls._fields if cls else range(len(items))  # type: ignore[attr-defined]
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


def rebuilt(m: Machine, state: State, value: Value, leaves: list[Any]) -> Value:
    """The tree with its leaves replaced in order; None keeps its place as None."""
    match value:
        case TupleValue(items, cls):
            return TupleValue(tuple(rebuilt(m, state, v, leaves) for v in items), cls)
        case Ref():
            content = state.cells[value.cell]
            if isinstance(content, Items):
                items = tuple(rebuilt(m, state, v, leaves) for v in content.items)
                return Ref(m.new_cell(state, Items(items)), value.cls)
            if isinstance(content, Fields):
                pairs = tuple((k, rebuilt(m, state, v, leaves)) for k, v in content.items)
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
    if not isinstance(value, Known) or isinstance(value.value, bool | str):
        return False
    return isinstance(value.value, int | float | complex) or hasattr(value.value, "dtype")


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
        param = Staged(replace(operand.type, size=None), m.name_of(operand))  # type: ignore[type-var]
        m.name(param, m.name_of(operand) or hint_of(m, f, len(params), len(collected.found)))
        params.append(param)
        entry.append(operand)
        inner.builder.declare(param)
        if operand in m.origin and isinstance(operand, Staged):
            m.origin[param] = m.origin[operand]
        array = isinstance(param.type, ArrayType) and param.type.kind == "array"
        fresh.append(m.new_array(inner, param) if array else Number(param))
    before = dict(inner.cells)
    inside = keep_static(m, inner, tree, fresh)
    assert isinstance(inside, TupleValue)
    named = dict(zip(kwargs, inside.items[len(args) :], strict=True))
    tree_out = m.call(f, inside.items[: len(args)], named, inner, loc)
    try:
        leaf = close(m, without_none(m, tree_out, loc), {})
    except Unjoinable as clash:
        raise StagecError(
            "SC410", f"the differentiated function has no common result type: {clash.reason}", loc,
            "return values of one type on all paths",
        ) from None  # fmt: skip
    if not isinstance(leaf, Leaf) or leaf.exit is not Exit.NORMAL:
        raise StagecError(
            "SC411", "the differentiated function never returns", loc, "let it return"
        )
    value = leaf.state.cells.pop(RESULT)
    changed = {
        c: v
        for c, v in leaf.state.cells.items()
        if c in before and c in state.cells and before[c] is not v
    }
    operands: list[Operand] = []
    gather(m, leaf.state, value, operands)
    for content in changed.values():
        gather(m, leaf.state, content, operands)
    block = Block(tuple(params), tuple(leaf.state.builder.stmts), tuple(operands))
    free = list(free_values(block))
    block = replace(block, params=(*params, *free))
    block = clone(block, {}, m.names)
    function = Function(function_name(f), block, (), (False,) * len(operands))
    return Traced(
        function, collected.found, params, entry, free, value, leaf.state, operands, changed
    )  # type: ignore[arg-type]


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
        case Ref() if isinstance(state.cells[tree.cell], Items):
            items = tuple(
                keep_static(m, state, v, leaves) for v in state.cells[tree.cell].items
            )  # type: ignore[union-attr]
            return Ref(m.new_cell(state, Items(items)), tree.cls)
        case Ref() if isinstance(state.cells[tree.cell], Fields):
            pairs = tuple(
                (k, keep_static(m, state, v, leaves)) for k, v in state.cells[tree.cell].items
            )  # type: ignore[union-attr]
            return Ref(m.new_cell(state, Fields(pairs)), tree.cls)
        case _:
            return leaves.pop(0) if is_leaf(tree) else tree


def hint_of(m: Machine, f: Value, k: int, total: int) -> str:
    """A name for the k-th leaf: the function's own parameter, if leaves are parameters."""
    plain = f.value if isinstance(f, Known) else f
    node = getattr(plain, "node", None)
    if node is not None:
        names = [a.id for a in (*node.args.posonlyargs, *node.args.args)]
    else:
        code = getattr(plain, "__code__", None)
        names = list(code.co_varnames[: code.co_argcount]) if code else []
    return names[k] if k < len(names) == total else ""


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
    elif isinstance(content, Items | Fields | TupleValue):
        gather(m, state, content.items, operands)


def adopt(m: Machine, state: State, traced: Traced, results: Sequence[Operand]) -> Value:
    """The result of the traced call in the surrounding code, and its changes made there."""
    names: dict[Staged, Operand] = {
        o: r for o, r in zip(traced.operands, results, strict=True) if isinstance(o, Staged)
    }
    for cell, content in traced.inner.cells.items():
        if cell not in state.cells or cell in traced.changed:
            state.cells[cell] = substitute(content, names)
    return substitute(traced.value, names)


# -- the transforms ---------------------------------------------------------------------------


def chosen(
    m: Machine, traced: Traced, args: tuple[Value, ...], kwargs: dict[str, Value],
    nums: tuple[int, ...], names: tuple[str, ...], loc: Loc | None, what: str,
) -> list[list[int]]:  # fmt: skip
    """The leaf numbers of each chosen argument; integers asked for directly are an error."""
    spans: list[list[int]] = []
    labels = [*(f"argument {k}" for k in range(len(args))), *kwargs]
    wanted = [f"argument {k if k >= 0 else k + len(args)}" for k in nums] + list(names)
    for label in wanted:
        if label not in labels:
            raise StagecError(
                "SC412", f"{what}: there is no {label}", loc, "check argnums and argnames"
            )
        own = [
            k
            for k, (_, path) in enumerate(traced.leaves)
            if path == label or path.startswith((f"{label}[", f"{label}."))
        ]
        for k in own:
            kind = traced.params[k].type
            if traced.leaves[k][1] == label and not inexact(kind):
                raise StagecError(
                    "SC413", f"{what} with respect to {label}, whose type is {kind}", loc,
                    "only floating or complex values have gradients; pass a float",
                )  # fmt: skip
        if not own:
            raise StagecError(
                "SC413", f"{what} with respect to {label}, which has no numbers in it", loc,
                "choose another argument with argnums",
            )  # fmt: skip
        spans.append(own)
    return spans


def scalar_result(m: Machine, traced: Traced, value: Value, loc: Loc | None, what: str) -> int:
    """The result number of the scalar that is differentiated."""
    operand: Operand | None = None
    if isinstance(value, Number):
        operand = value.operand
    elif isinstance(value, ArrayRef) and arrays.type_of(traced.inner, value).rank == 0:
        operand = arrays.handle_of(m, traced.inner, value).operand
    if operand is None or not inexact(operand.type):
        kind = describe(traced.inner, value)
        raise StagecError(
            "SC414", f"{what} needs a function that returns a floating-point scalar, not {kind}", loc,
            "sum the result, or use vjp or jacrev",
        )  # fmt: skip
    if operand.type.dtype.kind == "c":  # type: ignore[union-attr]
        raise StagecError("SC414", f"{what} of a complex result", loc, "return its real part")
    for k, other in enumerate(traced.operands):
        if other is operand:
            return k
    raise StagecError("SC414", f"{what} of a constant", loc, "return a value that is computed")


def describe(state: State, value: Value) -> str:
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


def one(kind: Type) -> Const:
    """The seed of a scalar."""
    assert isinstance(kind, ArrayType)
    return const(1.0) if kind.weak else const(kind.dtype.type(1.0))


def gradient(
    m: Machine, state: State, f: Value, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None, nums: Any, names: tuple[str, ...], has_aux: bool, with_value: bool, what: str,
) -> Value:  # fmt: skip
    """The gradient of a scalar function, with its value and further results if asked for."""
    traced = trace(m, state, f, args, kwargs, loc)
    single = isinstance(nums, int) and not names
    numbers = (nums,) if isinstance(nums, int) else tuple(nums)
    if names and isinstance(nums, int):
        numbers = ()
    spans = chosen(m, traced, args, kwargs, numbers, names, loc, what)
    value = traced.value
    aux: Value = NONE
    if has_aux:
        if not isinstance(value, TupleValue) or len(value.items) != 2:
            raise StagecError(
                "SC415", f"{what} with has_aux needs a function that returns a pair", loc,
                "return (value, aux)",
            )  # fmt: skip
        value = value.items[0]
    leaves = [k for span in spans for k in span if inexact(traced.params[k].type)]
    if (
        isinstance(value, Known)
        and isinstance(value.value, float | int)
        and not isinstance(value.value, bool)
    ):
        results, cts = (
            inline_into(state.builder, traced.function, (*traced.entry, *traced.free)),
            None,
        )
    else:
        result = scalar_result(m, traced, value, loc, what)
        pull = m.transforms.joined(m.transforms.reverse(traced.function, leaves, [result]))
        operands = (*traced.entry, *traced.free, one(traced.operands[result].type))
        outs = inline_into(state.builder, pull, operands)
        m.adopt_functions(pull)
        count = len(traced.operands)
        results, cts = outs[:count], outs[count:]
    whole = adopt(m, state, traced, results)
    if has_aux:
        assert isinstance(whole, TupleValue)
        value, aux = whole.items
    else:
        value = whole
    found = dict(zip(leaves, cts, strict=True)) if cts is not None else {}
    grads = [
        rebuilt(m, state, tree, [cotangent(m, state, traced, k, found) for k in span])
        for tree, span in zip(chosen_args(args, kwargs, numbers, names), spans, strict=True)
    ]
    answer: Value = grads[0] if single else TupleValue(tuple(grads))
    if single and len(grads) == 1:
        answer = grads[0]
    if names and len(names) == 1 and not numbers:
        answer = grads[0]
    if with_value:
        head = TupleValue((value, aux)) if has_aux else value
        return TupleValue((head, answer))
    return TupleValue((answer, aux)) if has_aux else answer


def chosen_args(
    args: tuple[Value, ...],
    kwargs: dict[str, Value],
    nums: tuple[int, ...],
    names: tuple[str, ...],
) -> list[Value]:
    """The argument trees that are differentiated."""
    return [*(args[k] for k in nums), *(kwargs[n] for n in names)]


def cotangent(
    m: Machine, state: State, traced: Traced, leaf: int, found: dict[int, Operand]
) -> Value | None:
    """The gradient of a leaf, in the leaf's kind; None for integers."""
    kind = traced.params[leaf].type
    if not inexact(kind):
        return None
    assert isinstance(kind, ArrayType)
    operand = found.get(leaf)
    if operand is None:
        zero = numpy_calls.TABLE[np.zeros_like]
        if kind.kind != "array":
            return Known(0.0 if kind.weak else kind.dtype.type(0))
        return m.wrap(state, zero(m.handle(state, traced.entry[leaf])))
    if kind.weak and getattr(operand.type, "kind", "") != "py":
        name = "complex" if kind.dtype.kind == "c" else "float"
        return m.wrap(state, to_python(m.handle(state, operand), kind=name))
    made = m.wrap(state, m.handle(state, operand))
    if isinstance(made, ArrayRef):
        m.own.add(made.cell)
    return made


def pushforward(
    m: Machine, state: State, f: Value, primals: Value, tangents: Value, loc: Loc | None
) -> Value:
    """`(f(*primals), its tangent)`."""
    args, dots = tuple(m.unpacked(state, primals, loc)), m.unpacked(state, tangents, loc)
    if len(args) != len(dots):
        raise StagecError(
            "SC416", "jvp needs one tangent per primal", loc, "pass None for integers"
        )
    traced = trace(m, state, f, args, {}, loc)
    directions: list[Value] = []
    for arg, dot in zip(args, dots, strict=True):
        directions += matched_leaves(m, state, arg, dot, loc)
    wrt: list[int] = []
    seeds: list[Operand] = []
    for k, dot in enumerate(directions):
        kind = traced.params[k].type
        if isinstance(dot, Known) and dot.value is None:
            continue
        if not inexact(kind):
            plain = dot.value if isinstance(dot, Known) else 1
            if plain is None or plain == 0:
                continue
            raise StagecError(
                "SC417",
                f"a tangent for {traced.leaves[k][1]}, whose type is {kind}",
                loc,
                "pass None",
            )
        wrt.append(k)
        seeds.append(seed(m, state, dot, kind, loc))
    pushed = m.transforms.forward(traced.function, wrt)
    outs = inline_into(state.builder, pushed, (*traced.entry, *traced.free, *seeds))
    m.adopt_functions(pushed)
    count = len(traced.operands)
    value = adopt(m, state, traced, outs[:count])
    smooth = [o for o in traced.operands if inexact_or_list(o.type)]
    dots_of = dict(zip(map(id, smooth), outs[count:], strict=True))
    return TupleValue((value, tangent_tree(m, state, traced, traced.value, dots_of)))


def inexact_or_list(kind: Type) -> bool:
    """Whether results of the type have a tangent."""
    element = getattr(kind, "element", None)
    return inexact_or_list(element) if element is not None else inexact(kind)


def seed(m: Machine, state: State, dot: Value, kind: Type, loc: Loc | None) -> Operand:
    """A tangent or cotangent given by the user, in the type of its primal."""
    assert isinstance(kind, ArrayType)
    handle = (
        m.lift(state, numpy_calls.argument(m, state, dot, loc))
        if not isinstance(dot, Ref)
        else m.as_array(state, dot, loc)
    )
    if handle.ndim != kind.rank:
        raise StagecError(
            "SC418", f"a tangent or cotangent of rank {handle.ndim} for a value of type {kind}", loc,
            "give it the shape of the value",
        )  # fmt: skip
    if kind.kind != "array" and handle.array.kind == "array":
        handle = to_python(handle, kind="complex" if kind.dtype.kind == "c" else "float")
    if kind.kind == "array":
        if handle.array.kind != "array":
            raise StagecError(
                "SC418", "a number as the tangent of an array", loc, "pass an array"
            )
        return (
            handle.operand
            if handle.dtype == kind.dtype
            else astype(handle, dtype=kind.dtype).operand
        )
    return convert(m, state, handle.operand, kind)


def matched_leaves(
    m: Machine, state: State, tree: Value, given: Value, loc: Loc | None
) -> list[Value]:
    """The leaves of `given` in the order of those of `tree`."""
    if isinstance(given, Known) and given.value is None:
        collected = Leaves(m, state, [])
        collected.add(tree, "")
        return [NONE] * len(collected.found)
    if is_leaf(tree):
        return [given]
    if isinstance(tree, TupleValue):
        parts = m.unpacked(state, given, loc)
        if len(parts) != len(tree.items):
            raise StagecError(
                "SC419", "the trees of values and tangents differ", loc, "match them"
            )
        return [
            x
            for t, g in zip(tree.items, parts, strict=True)
            for x in matched_leaves(m, state, t, g, loc)
        ]
    if isinstance(tree, Ref):
        content = state.cells[tree.cell]
        if isinstance(content, Items):
            parts = m.unpacked(state, given, loc)
            if len(parts) != len(content.items):
                raise StagecError(
                    "SC419", "the trees of values and tangents differ", loc, "match them"
                )
            return [
                x
                for t, g in zip(content.items, parts, strict=True)
                for x in matched_leaves(m, state, t, g, loc)
            ]
        if isinstance(content, Fields):
            pairs = m.pairs(state, given, loc)
            if set(pairs) != {k for k, _ in content.items}:
                raise StagecError(
                    "SC419", "the trees of values and tangents differ", loc, "match them"
                )
            return [
                x for k, t in content.items for x in matched_leaves(m, state, t, pairs[k], loc)
            ]
    return []


def tangent_tree(
    m: Machine, state: State, traced: Traced, value: Value, dots: dict[int, Operand]
) -> Value:
    """The tangents of a result, in its structure; None for what is not inexact."""
    match value:
        case Number(operand):
            dot = dots.get(id(operand))
            if dot is None:
                return Known(0.0) if isinstance(operand, Const) else NONE
            return m.wrap(state, m.handle(state, dot))
        case Known(value=float()):
            return Known(0.0)
        case ArrayRef():
            cell = traced.inner.cells[value.cell]
            assert isinstance(cell, ArrayCell)
            dot = dots.get(id(cell.operand))
            if dot is None:
                return NONE
            return replace(value, cell=m.new_cell(state, ArrayCell(dot)))
        case TupleValue(items, cls):
            return TupleValue(
                tuple(tangent_tree(m, state, traced, v, dots) for v in items), cls
            )
        case Ref():
            content = traced.inner.cells[value.cell]
            if isinstance(content, Items):
                items = tuple(tangent_tree(m, state, traced, v, dots) for v in content.items)
                return Ref(m.new_cell(state, Items(items)), value.cls)
            if isinstance(content, Fields):
                pairs = tuple(
                    (k, tangent_tree(m, state, traced, v, dots)) for k, v in content.items
                )
                return Ref(m.new_cell(state, Fields(pairs)), value.cls)
            if isinstance(content, StagedItems) and id(content.operand) in dots:
                return Ref(m.new_cell(state, StagedItems(dots[id(content.operand)])), list)
            return NONE
        case _:
            return NONE


@dataclass(slots=True)
class Pulled:
    """A pullback in staged code: the backward function and what it takes."""

    traced: Traced
    backward: Function
    residuals: tuple[Operand, ...]
    leaves: list[int]
    seeds: list[Operand]
    value: Value
    primals: dict[Operand, Operand]


def pullback(
    m: Machine, state: State, f: Value, args: tuple[Value, ...], loc: Loc | None
) -> tuple[Value, Pulled]:
    """The value of `f(*args)` and its pullback."""
    traced = trace(m, state, f, args, {}, loc)
    leaves = [k for k, p in enumerate(traced.params) if inexact(p.type)]
    of = [k for k, o in enumerate(traced.operands) if inexact_or_list(o.type)]
    pull = m.transforms.reverse(traced.function, leaves, of)
    outs = inline_into(state.builder, pull.forward, (*traced.entry, *traced.free))
    m.adopt_functions(pull.forward)
    count = len(traced.operands)
    value = adopt(m, state, traced, outs[:count])
    seeds = [traced.operands[k] for k in of]
    primals = {
        o: r for o, r in zip(traced.operands, outs, strict=False) if isinstance(o, Staged)
    }
    pulled = Pulled(traced, pull.backward, outs[count:], leaves, seeds, traced.value, primals)  # type: ignore[arg-type]
    return value, pulled


def pull_back(
    m: Machine,
    state: State,
    pulled: Pulled,
    args: tuple[Value, ...],
    ct: Value,
    loc: Loc | None,
) -> Value:
    """The cotangents of the arguments for a cotangent of the result."""
    given: dict[int, Operand] = {}
    collect_cotangents(m, state, pulled, pulled.value, ct, given, loc)
    seeds: list[Operand] = []
    for operand in pulled.seeds:
        found = given.get(id(operand))
        seeds.append(zero_of(m, state, operand, pulled) if found is None else found)
    outs = inline_into(state.builder, pulled.backward, (*pulled.residuals, *seeds))
    m.adopt_functions(pulled.backward)
    found = dict(zip(pulled.leaves, outs, strict=True))
    leaves = [
        cotangent(m, state, pulled.traced, k, found) for k in range(len(pulled.traced.params))
    ]
    return TupleValue(tuple(rebuilt(m, state, a, leaves) for a in args))


def zero_of(m: Machine, state: State, operand: Operand, pulled: Pulled) -> Operand:
    """A zero cotangent for a result that got none."""
    kind = operand.type
    assert isinstance(kind, ArrayType)
    if kind.kind != "array":
        return const(0.0) if kind.weak else const(kind.dtype.type(0))
    if isinstance(operand, Staged) and operand in pulled.traced.params:
        like = pulled.traced.entry[pulled.traced.params.index(operand)]
    else:
        like = m.primal_of(pulled, operand)
    zeros = numpy_calls.TABLE[np.zeros_like]
    return zeros(m.handle(state, like)).operand


def collect_cotangents(
    m: Machine, state: State, pulled: Pulled, value: Value, ct: Value, given: dict[int, Operand],
    loc: Loc | None,
) -> None:  # fmt: skip
    """Match the cotangent tree with the result tree."""
    if isinstance(ct, Known) and ct.value is None:
        return
    inner = pulled.traced.inner
    match value:
        case Number(operand):
            if inexact(operand.type) and not isinstance(operand, Const | Undef):
                add_cotangent(m, state, given, operand, seed(m, state, ct, operand.type, loc))
        case ArrayRef():
            cell = inner.cells[value.cell]
            assert isinstance(cell, ArrayCell)
            kind = arrays.type_of(inner, value)
            if not inexact(kind):
                return
            got = seed(m, state, ct, kind, loc)
            if value.path:
                like = m.handle(state, zero_of(m, state, cell.operand, pulled))
                index = [m.handle(state, o) for o in value.index]
                got = accumulate_at(like, m.handle(state, got), value.path, *index).operand
            add_cotangent(m, state, given, cell.operand, got)
        case TupleValue(items):
            parts = m.unpacked(state, ct, loc)
            if len(parts) != len(items):
                raise StagecError(
                    "SC419", "the trees of result and cotangent differ", loc, "match them"
                )
            for v, c in zip(items, parts, strict=True):
                collect_cotangents(m, state, pulled, v, c, given, loc)
        case Ref():
            content = inner.cells[value.cell]
            if isinstance(content, Items):
                parts = m.unpacked(state, ct, loc)
                if len(parts) != len(content.items):
                    raise StagecError(
                        "SC419", "the trees of result and cotangent differ", loc, "match them"
                    )
                for v, c in zip(content.items, parts, strict=True):
                    collect_cotangents(m, state, pulled, v, c, given, loc)
            elif isinstance(content, Fields):
                pairs = m.pairs(state, ct, loc)
                for k, v in content.items:
                    if k not in pairs:
                        raise StagecError(
                            "SC419",
                            "the trees of result and cotangent differ",
                            loc,
                            "match them",
                        )
                    collect_cotangents(m, state, pulled, v, pairs[k], given, loc)
        case _:
            return


def add_cotangent(
    m: Machine, state: State, given: dict[int, Operand], operand: Operand, got: Operand
) -> None:
    """Add to the cotangent of a result that appears several times."""
    before = given.get(id(operand))
    if before is not None:
        got = (m.handle(state, before) + m.handle(state, got)).operand
    given[id(operand)] = got


def pullback_value(pulled: Pulled, args: tuple[Value, ...]) -> Intrinsic:
    """The pullback as a function of staged code."""

    def run(
        m: Machine, state: State, given: tuple[Value, ...], kwargs: Any, loc: Loc | None
    ) -> Value:
        return pull_back(m, state, pulled, args, given[0], loc)

    return Intrinsic("pullback", run)


def pull_back_later(
    m: Machine, state: State, kept: tuple[Pulled, tuple[Value, ...]], residuals: Value,
    primals: Value, ct: Value, loc: Loc | None,
) -> Value:  # fmt: skip
    """The cotangents of the arguments of an earlier call, from what it kept."""
    pulled, args = kept
    given = tuple(residual(m, state, v, loc) for v in m.unpacked(state, residuals, loc))
    seen = [residual(m, state, v, loc) for v in m.unpacked(state, primals, loc)]
    now = replace(pulled, residuals=given, primals=dict(zip(pulled.seeds, seen, strict=True)))
    return pull_back(m, state, now, args, ct, loc)


def residual(m: Machine, state: State, value: Value, loc: Loc | None) -> Operand:
    """The operand of a residual handed back."""
    if isinstance(value, Ref):
        content = state.cells[value.cell]
        if isinstance(content, StagedItems):
            return content.operand
    return operand_of_leaf(m, state, value, loc)


def stop_gradient(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The value with a derivative of zero."""
    return m.map_leaves(state, value, ops.stop_gradient)


def static(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The value, known at staging."""
    return Known(m.need_known(state, value, loc, "the operand of static()"))


def unroll(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The items of an iterable, so that the loop over it is unrolled."""
    return TupleValue(tuple(m.unpacked(state, value, loc)))
