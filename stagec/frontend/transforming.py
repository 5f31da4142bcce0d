"""Transforms called by staged code: the operand is staged as a function of its own, the
transform (given by the driver) is applied to it, and the result is put in line.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, numpy_calls, staged_lists
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.tracing import (
    Leaves,
    Traced,
    adopt,
    inexact,
    is_leaf,
    parameters,
    rebuilt,
    result_text,
    trace,
)
from stagec.frontend.unify import convert, substitute
from stagec.frontend.values import (
    NONE,
    ArrayCell,
    ArrayRef,
    Fields,
    Items,
    Known,
    Number,
    Ref,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, Operand, Value as Staged, const, zero
from stagec.ir.inline import inline_into
from stagec.ir.types import ArrayType, Type
from stagec.ops.arithmetic import Handle
from stagec.ops.cast import astype, to_python


def option(m: Machine, state: State, value: Value, what: str, loc: Loc | None) -> Any:
    """The Python value of an option of a transform; a sequence of options is a tuple."""
    content = state.cells[value.cell] if isinstance(value, Ref) else value
    if isinstance(content, Fields):
        return {k: option(m, state, v, what, loc) for k, v in content.items}
    if isinstance(content, Items | TupleValue):
        return tuple(option(m, state, v, what, loc) for v in content.items)
    return m.need_known(state, value, loc, what)


# -- the transforms ---------------------------------------------------------------------------


def chosen(
    m: Machine, traced: Traced, args: tuple[Value, ...], kwargs: dict[str, Value],
    which: list[int | str], loc: Loc | None, what: str,
) -> list[list[int]]:  # fmt: skip
    """The leaf numbers of each chosen argument; integers asked for directly are an error."""
    spans: list[list[int]] = []
    labels = [*(f"argument {k}" for k in range(len(args))), *kwargs]
    for k in which:
        label = k if isinstance(k, str) else f"argument {k if k >= 0 else k + len(args)}"
        if label not in labels:
            raise StagecError(
                "SC412", f"{what}: there is no {label}", loc, "check argnums and argnames"
            )
        own = [
            leaf
            for leaf, (_, path) in enumerate(traced.leaves)
            if path == label or path.startswith((f"{label}[", f"{label}."))
        ]
        for leaf in own:
            kind = traced.params[leaf].type
            if traced.leaves[leaf][1] == label and not inexact(kind):
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
        got = result_text(traced.inner, value)
        raise StagecError(
            "SC414", f"{what} needs a function that returns a floating-point scalar, not {got}",
            loc, "sum the result, or use vjp or jacrev",
        )  # fmt: skip
    assert isinstance(operand.type, ArrayType)
    if operand.type.dtype.kind == "c":
        raise StagecError("SC414", f"{what} of a complex result", loc, "return its real part")
    for k, other in enumerate(traced.operands):
        if other is operand:
            return k
    raise StagecError("SC414", f"{what} of a constant", loc, "return a value that is computed")


def one(kind: Type) -> Const:
    """The seed of a scalar."""
    assert isinstance(kind, ArrayType)
    return const(1.0) if kind.weak else const(kind.dtype.type(1.0))


def gradient(
    m: Machine, state: State, f: Value, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None, nums: Any, names: tuple[str, ...], has_aux: bool, with_value: bool,
    what: str,
) -> Value:  # fmt: skip
    """The gradient of a scalar function, with its value and further results if asked for."""
    traced = trace(m, state, f, args, kwargs, loc)
    single = isinstance(nums, int) and not names
    numbers = (nums,) if isinstance(nums, int) else tuple(nums)
    if names and isinstance(nums, int):
        numbers = ()
    alone = single or (len(names) == 1 and not numbers)
    # names of arguments that were given by position
    placed = {n: k for k, n in enumerate(parameters(f)[: len(args)]) if n not in kwargs}
    which = [*numbers, *(placed.get(n, n) for n in names)]
    spans = chosen(m, traced, args, kwargs, which, loc, what)
    value = pair_of(traced.value, loc, what)[0] if has_aux else traced.value
    leaves = [k for span in spans for k in span if inexact(traced.params[k].type)]
    found: dict[int, Operand] = {}
    if is_number(value):
        results = inline_into(state.builder, traced.function, (*traced.entry, *traced.free))
    else:
        result = scalar_result(m, traced, value, loc, what)
        pull = m.transforms.joined(m.transforms.reverse(traced.function, leaves, [result]))
        operands = (*traced.entry, *traced.free, one(traced.operands[result].type))
        outs = inline_into(state.builder, pull, operands)
        m.adopt_functions(pull)
        count = len(traced.operands)
        results = outs[:count]
        found = dict(zip(leaves, outs[count:], strict=True))
    whole = adopt(m, state, traced, results)
    grads = [
        rebuilt(m, state, tree, [cotangent(m, state, traced, k, found) for k in span])
        for tree, span in zip(chosen_args(args, kwargs, which), spans, strict=True)
    ]
    answer: Value = grads[0] if alone else TupleValue(tuple(grads))
    if with_value:
        return TupleValue((whole, answer))
    return TupleValue((answer, pair_of(whole, loc, what)[1])) if has_aux else answer


def is_number(value: Value) -> bool:
    """Whether a result is a number known at staging, so that all its gradients are zero."""
    plain = value.value if isinstance(value, Known) else None
    return isinstance(plain, float | int) and not isinstance(plain, bool)


def pair_of(value: Value, loc: Loc | None, what: str) -> tuple[Value, Value]:
    """The two results of a function with `has_aux`."""
    if isinstance(value, TupleValue) and len(value.items) == 2:
        return value.items[0], value.items[1]
    raise StagecError(
        "SC415", f"{what} with has_aux needs a function that returns a pair", loc,
        "return (value, aux)",
    )  # fmt: skip


def chosen_args(
    args: tuple[Value, ...], kwargs: dict[str, Value], which: list[int | str]
) -> list[Value]:
    """The argument trees that are differentiated."""
    return [kwargs[k] if isinstance(k, str) else args[k] for k in which]


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
        if kind.kind != "array":
            return Known(zero(kind).value)
        zeros = numpy_calls.TABLE[np.zeros_like]
        return m.wrap(state, zeros(m.handle(state, traced.entry[leaf])))
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
        like = m.handle(state, traced.entry[k])
        seeds.append(seed(m, state, dot, kind, like, loc))
    pushed = m.transforms.forward(traced.function, wrt)
    outs = inline_into(state.builder, pushed, (*traced.entry, *traced.free, *seeds))
    m.adopt_functions(pushed)
    count = len(traced.operands)
    value = adopt(m, state, traced, outs[:count])
    smooth = [o for o in traced.operands if inexact_or_list(o.type)]
    dots_of = dict(zip(map(id, smooth), outs[count:], strict=True))
    names = {o: r for o, r in zip(traced.operands, outs, strict=False) if isinstance(o, Staged)}
    return TupleValue((value, tangent_tree(m, state, traced, traced.value, dots_of, names)))


def inexact_or_list(kind: Type) -> bool:
    """Whether results of the type have a tangent."""
    element = getattr(kind, "element", None)
    return inexact_or_list(element) if element is not None else inexact(kind)


def seed(
    m: Machine, state: State, dot: Value, kind: Type, like: Handle, loc: Loc | None
) -> Operand:
    """A tangent or cotangent given by the user, in the type and of the shape of its primal."""
    assert isinstance(kind, ArrayType)
    if isinstance(dot, Ref):
        handle = m.as_array(state, dot, loc)
    else:
        handle = m.lift(state, numpy_calls.argument(m, state, dot, loc))
    if not isinstance(handle.type, ArrayType):
        raise mismatch(loc)
    if handle.ndim != kind.rank:
        raise StagecError(
            "SC418", f"a tangent or cotangent of rank {handle.ndim} for a value of type {kind}",
            loc, "give it the shape of the value",
        )  # fmt: skip
    if handle.dtype.kind == "c" != kind.dtype.kind:
        raise StagecError(
            "SC418", f"a complex tangent or cotangent for a value of type {kind}",
            loc, "give it the type of the value: take its real part",
        )  # fmt: skip
    for axis in range(kind.rank):
        ops.agree(ops.extent(handle, axis=axis), ops.extent(like, axis=axis))
    known = zip(handle.array.shape, kind.shape, strict=True)
    if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in known):
        handle = ops.as_long(handle, like)  # never run, but it has to be well typed
    if kind.kind != "array" and handle.array.kind == "array":
        handle = to_python(handle, kind="complex" if kind.dtype.kind == "c" else "float")
    if kind.kind == "array":
        if handle.array.kind != "array":
            handle = numpy_calls.TABLE[np.asarray](handle)
        same = handle.dtype == kind.dtype
        return handle.operand if same else astype(handle, dtype=kind.dtype).operand
    return convert(m, state, handle.operand, kind)


def mismatch(loc: Loc | None) -> StagecError:
    """The error for a tangent or cotangent whose tree is not that of its value."""
    return StagecError(
        "SC419",
        "the trees of a value and of its tangent or cotangent differ",
        loc,
        "match them",
    )


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
    held = state.cells[tree.cell] if isinstance(tree, Ref) else tree
    if isinstance(held, TupleValue | Items):
        parts = m.unpacked(state, given, loc)
        if len(parts) != len(held.items):
            raise mismatch(loc)
        return [
            x
            for t, g in zip(held.items, parts, strict=True)
            for x in matched_leaves(m, state, t, g, loc)
        ]
    if isinstance(held, Fields):
        pairs = m.pairs(state, given, loc)
        if set(pairs) != {k for k, _ in held.items}:
            raise mismatch(loc)
        return [x for k, t in held.items for x in matched_leaves(m, state, t, pairs[k], loc)]
    return []


def tangent_tree(
    m: Machine, state: State, traced: Traced, value: Value, dots: dict[int, Operand],
    names: dict[Staged, Operand],
) -> Value:  # fmt: skip
    """The tangents of a result, in its structure; None for what is not inexact.

    `names` are the values, in the surrounding code, of the operands of the traced call.
    """
    match value:
        case Number(operand):
            dot = dots.get(id(operand))
            if dot is None:
                return Known(0.0) if isinstance(operand, Const) else NONE
            return m.wrap(state, m.handle(state, dot))
        case Known(value=float() | complex() | np.inexact() as plain):
            return Known(type(plain)(0))
        case Known(value=np.ndarray() as plain) if plain.dtype.kind in "fc":
            given = (Known(plain.shape), Known(plain.dtype))
            return m.call_value(state, np.zeros, given, {}, None)
        case ArrayRef():
            cell = traced.inner.cells[value.cell]
            assert isinstance(cell, ArrayCell)
            dot = dots.get(id(cell.operand))
            if dot is None:
                return NONE
            index = substitute(value.index, names)
            return replace(value, cell=m.new_cell(state, ArrayCell(dot)), index=index)
        case TupleValue(items, cls):
            return TupleValue(
                tuple(tangent_tree(m, state, traced, v, dots, names) for v in items), cls
            )
        case Ref():
            content = traced.inner.cells[value.cell]
            if isinstance(content, Items):
                items = tuple(
                    tangent_tree(m, state, traced, v, dots, names) for v in content.items
                )
                return Ref(m.new_cell(state, Items(items)), value.cls)
            if isinstance(content, Fields):
                pairs = tuple(
                    (k, tangent_tree(m, state, traced, v, dots, names))
                    for k, v in content.items
                )
                return Ref(m.new_cell(state, Fields(pairs)), value.cls)
            if isinstance(content, StagedList):
                rows = staged_lists.tangents(content, dots)
                return NONE if rows is None else Ref(m.new_cell(state, rows), list)
            return NONE
        case _:
            return NONE


def stop_gradient(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The value with a derivative of zero."""
    return m.map_leaves(state, value, ops.stop_gradient)


def static(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The value, known at staging."""
    return Known(m.need_known(state, value, loc, "the operand of static()"))


def unroll(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The items of an iterable, so that the loop over it is unrolled."""
    return TupleValue(tuple(m.unpacked(state, value, loc)))
