"""Expressions of the core language (see `desugar`): no calls and no control flow."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import gast
import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import (
    arrays,
    containers,
    equality,
    list_library,
    names,
    numpy_calls,
    objects,
    protocols,
    sequences,
    set_operators,
    texts,
)
from stagec.frontend.iterators import ITERATORS
from stagec.frontend.machine import Frame, Machine
from stagec.frontend.state import State
from stagec.frontend.unify import as_operand
from stagec.frontend.values import (
    ArrayRef,
    Fields,
    Items,
    Known,
    Number,
    Ref,
    SliceValue,
    TupleValue,
    Value,
)
from stagec.ir.types import ArrayType

BINARY: dict[type, Callable[..., Any]] = {
    gast.Add: operator.add, gast.Sub: operator.sub, gast.Mult: operator.mul,
    gast.Div: operator.truediv, gast.FloorDiv: operator.floordiv, gast.Mod: operator.mod,
    gast.Pow: operator.pow, gast.MatMult: operator.matmul, gast.BitAnd: operator.and_,
    gast.BitOr: operator.or_, gast.BitXor: operator.xor, gast.LShift: operator.lshift,
    gast.RShift: operator.rshift,
}  # fmt: skip
UNARY: dict[type, Callable[..., Any]] = {
    gast.USub: operator.neg, gast.UAdd: operator.pos, gast.Invert: operator.invert,
}  # fmt: skip
COMPARE: dict[type, Callable[..., Any]] = {
    gast.Eq: operator.eq, gast.NotEq: operator.ne, gast.Lt: operator.lt, gast.LtE: operator.le,
    gast.Gt: operator.gt, gast.GtE: operator.ge,
}  # fmt: skip
METHODS = {
    operator.add: "add", operator.sub: "sub", operator.mul: "mul", operator.truediv: "truediv",
    operator.floordiv: "floordiv", operator.mod: "mod", operator.pow: "pow",
    operator.matmul: "matmul", operator.and_: "and", operator.or_: "or", operator.xor: "xor",
    operator.lshift: "lshift", operator.rshift: "rshift", operator.eq: "eq", operator.ne: "ne",
    operator.lt: "lt", operator.le: "le", operator.gt: "gt", operator.ge: "ge",
    operator.neg: "neg", operator.pos: "pos", operator.invert: "invert",
}  # fmt: skip
REFLECTED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}


def evaluate(m: Machine, frame: Frame, node: gast.AST, state: State) -> Value:
    """The abstract value of a call-free expression."""
    loc = frame.loc(node)
    state.builder.loc = loc if loc.line else state.builder.loc
    try:
        return _evaluate(m, frame, node, state, loc)
    except StagecError as error:
        raise error.at(loc) from error.__cause__


def _evaluate(m: Machine, frame: Frame, node: gast.AST, state: State, loc: Loc) -> Value:
    match node:
        case gast.Constant(value=value):
            return Known(value)
        case gast.Name(id=name):
            return names.load(m, frame, name, state, loc)
        case gast.BinOp(left=left, op=op, right=right):
            a = evaluate(m, frame, left, state)
            b = evaluate(m, frame, right, state)
            state.builder.loc = loc
            return binary(m, state, BINARY[type(op)], a, b, loc)
        case gast.UnaryOp(op=op, operand=operand):
            value = evaluate(m, frame, operand, state)
            state.builder.loc = loc
            if isinstance(op, gast.Not):
                return negation(m, state, value, loc)
            return unary(m, state, UNARY[type(op)], value, loc)
        case gast.Compare(left=left, ops=[op], comparators=[right]):
            a = evaluate(m, frame, left, state)
            b = evaluate(m, frame, right, state)
            state.builder.loc = loc
            return compare(m, state, op, a, b, loc)
        case gast.Attribute(value=base, attr=attr):
            value = evaluate(m, frame, base, state)
            state.builder.loc = loc
            return objects.attribute(m, state, value, objects.mangled(frame, attr), loc)
        case gast.Subscript(value=gast.Attribute(value=base, attr="flat"), slice=key):
            value = evaluate(m, frame, base, state)
            index = evaluate(m, frame, key, state)
            state.builder.loc = loc
            return flat_part(m, state, value, index, loc)
        case gast.Subscript(value=base, slice=key):
            value = evaluate(m, frame, base, state)
            index = evaluate(m, frame, key, state)
            state.builder.loc = loc
            return subscript(m, state, value, index, loc)
        case gast.Slice(lower=lower, upper=upper, step=step):
            parts = [Known(None) if p is None else evaluate(m, frame, p, state)
                     for p in (lower, upper, step)]  # fmt: skip
            known = [m.guard(p) for p in parts if isinstance(p, Known)]
            return SliceValue(*parts) if len(known) < len(parts) else Known(slice(*known))
        case _:
            return display(m, frame, node, state, loc)


def display(m: Machine, frame: Frame, node: gast.AST, state: State, loc: Loc) -> Value:
    """The value of a display: a tuple, list, set, dict or f-string."""
    match node:
        case gast.Tuple(elts=elts):
            return TupleValue(spread(m, frame, elts, state))
        case gast.List(elts=elts):
            items = Items(spread(m, frame, elts, state))
            return Ref(m.new_cell(state, items), list)
        case gast.Set(elts=elts):
            return containers.make_set(m, state, spread(m, frame, elts, state), loc)
        case gast.Dict(keys=keys, values=values):
            return dict_display(m, frame, keys, values, state, loc)
        case gast.JoinedStr(values=parts):
            return joined(m, frame, parts, state, loc)
        case _:
            raise StagecError(
                "SC100", f"{type(node).__name__} is not supported here", loc,
                "write it with plain expressions and assignments",
            )  # fmt: skip


def spread(m: Machine, frame: Frame, elts: list[Any], state: State) -> tuple[Value, ...]:
    """The values of a display or argument list, starred ones unpacked."""
    out: list[Value] = []
    for elt in elts:
        if isinstance(elt, gast.Starred):
            value = evaluate(m, frame, elt.value, state)
            out += containers.unpack(m, state, value, frame.loc(elt))
        else:
            out.append(evaluate(m, frame, elt, state))
    return tuple(out)


def dict_display(
    m: Machine, frame: Frame, keys: list[Any], values: list[Any], state: State, loc: Loc
) -> Value:
    """A dict display, `**` parts merged in order."""
    content = Fields(())
    for key, value in zip(keys, values, strict=True):
        item = evaluate(m, frame, value, state)
        if key is None:
            for k, v in containers.dict_items(m, state, item, loc):
                content = content.set(k, v)
        else:
            name = evaluate(m, frame, key, state)
            content = content.set(m.need_known(state, name, loc, "a dict key"), item)
    return Ref(m.new_cell(state, content), dict)


def joined(m: Machine, frame: Frame, parts: list[Any], state: State, loc: Loc) -> Value:
    """An f-string; staged parts are formatted at run time."""
    out: list[Any] = []
    for part in parts:
        if isinstance(part, gast.Constant):
            out.append(part.value)
            continue
        value = evaluate(m, frame, part.value, state)
        spec = ""
        if part.format_spec is not None:
            made = joined(m, frame, part.format_spec.values, state, loc)
            spec = m.need_known(state, made, loc, "a format specification")
        conversion = chr(part.conversion) if part.conversion != -1 else ""
        out.append(texts.formatted(m, state, value, spec, conversion, loc))
    return texts.together(m, state, out)


def plain_number(value: Value) -> bool:
    """Whether a value is a number of the graph or a known Python number."""
    return isinstance(value, Number) or (
        isinstance(value, Known)
        and isinstance(value.value, bool | int | float | complex | np.generic)
    )


def binary(m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None) -> Value:
    """`a op b`."""
    method = METHODS.get(op, "")
    other = "eq" if op is operator.ne else REFLECTED.get(method, "r" + method)
    names = (f"__{method}__", f"__{other}__")
    known = isinstance(a, Known) and isinstance(b, Known)
    if not known or protocols.says(a, *names) or protocols.says(b, *names):
        found = users_operator(m, state, op, a, b, loc)
        if found is not None:
            return found
    if isinstance(a, Known) and isinstance(b, Known):
        return known_operator(m, state, op, (a, b), loc)
    contained = isinstance(a, Ref | TupleValue) or isinstance(b, Ref | TupleValue)
    if contained and op in (operator.eq, operator.ne):
        same = equality.equal(m, state, a, b, loc)
        if same is not None:
            return same if op is operator.eq else negation(m, state, same, loc)
    made = texts.binary(m, state, op, a, b, loc)
    if made is not None:
        return made
    merged = set_operators.binary(m, state, op, a, b, loc)
    if merged is not None:
        return merged
    if sequences.is_sequence(a) or sequences.is_sequence(b):
        special = sequences.binary(m, state, op, a, b, loc)
        if special is not None:
            return special
    if op in (operator.eq, operator.ne) and (unlike_numbers(a, b) or unlike_numbers(b, a)):
        return Known(op is operator.ne)
    return numpy_calls.apply(m, state, op, (a, b), {}, loc)


def users_operator(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`a op b` as the class of an operand defines it; None if neither does."""
    method = METHODS.get(op, "")
    forward = (a, f"__{method}__", b)
    back = (b, f"__{REFLECTED.get(method, 'r' + method)}__", a)
    left, right = objects.class_of(a), objects.class_of(b)
    if op is operator.mod and left is str:
        return None  # a text formats what it is given, and asks no class
    same = right is left and method not in REFLECTED
    tries = [forward] if same else [forward, back]
    own = [objects.class_attribute(c, back[1]) for c in (left, right)]
    own_way = method in REFLECTED or own[0] is not own[1]
    if right is not left and issubclass(right, left) and own_way:
        tries.reverse()  # a subclass is asked first
    if protocols.spread_over(m, state, a, right):
        raise StagecError(
            "SC309", "an operator of an array and an object, which NumPy makes an array of "
            "objects of", loc, "let its class set __array_ufunc__ = None",
        )  # fmt: skip
    for receiver, name, other in tries:
        found = objects.operator_method(m, state, receiver, name, (other,), loc)
        if found is not None:
            return found
        if op is operator.ne and objects.class_of(receiver).__ne__ is object.__ne__:
            found = objects.operator_method(m, state, receiver, "__eq__", (other,), loc)
            if found is not None:
                return negation(m, state, found, loc)
    if op in sequences.ORDER and left is right and protocols.ordered(left):
        sides = [protocols.compared(m, state, v, loc) for v in (a, b)]
        return sequences.binary(m, state, op, sides[0], sides[1], loc)
    if op not in (operator.eq, operator.ne) and any(map(protocols.plain_object, (a, b))):
        protocols.refuse(op, left, right)
    return None


def unlike_numbers(a: Value, b: Value) -> bool:
    """Whether `a` is None, or a text where `b` is a number: never equal."""
    if not isinstance(a, Known) or isinstance(b, ArrayRef):
        return False
    number = isinstance(b, Number) and isinstance(b.operand.type, ArrayType)
    return a.value is None or (isinstance(a.value, str | bytes) and number)


def known_operator(
    m: Machine, state: State, op: Any, args: tuple[Known, ...], loc: Loc | None
) -> Value:
    """An operator on values known at staging: it just runs; its exception is the user's."""
    plain = [m.guard(a) for a in args]
    if any(isinstance(p, np.ndarray) for p in plain):
        return numpy_calls.apply(m, state, op, args, {}, loc)
    return m.host(state, op, plain, {}, loc)


def unary(m: Machine, state: State, op: Any, value: Value, loc: Loc | None) -> Value:
    """`op value`."""
    name = f"__{METHODS[op]}__"
    if isinstance(value, Known) and not protocols.says(value, name):
        return known_operator(m, state, op, (value,), loc)
    if sequences.is_sequence(value):
        m.host(state, op, [sequences.stand_in(value)], {}, loc)
    found = objects.operator_method(m, state, value, name, (), loc)
    return numpy_calls.apply(m, state, op, (value,), {}, loc) if found is None else found


def negation(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """`not value`."""
    truth = m.truth(state, value, loc)
    if isinstance(truth, bool):
        return Known(not truth)
    return numpy_calls.apply(m, state, operator.not_, (Number(truth),), {}, loc)


def compare(
    m: Machine, state: State, op: gast.AST, a: Value, b: Value, loc: Loc | None
) -> Value:
    """One comparison."""
    match op:
        case gast.Is() | gast.IsNot():
            same = equality.identical(m, state, a, b, loc)
            return Known(same if isinstance(op, gast.Is) else not same)
        case gast.In() | gast.NotIn():
            found = objects.operator_method(m, state, b, "__contains__", (a,), loc)
            if found is None and (isinstance(b, ITERATORS) or protocols.iterates_itself(b)):
                found = m.call_value(state, list_library.contains_, (b, a), {}, loc)
            if found is None:
                found = containers.contains(m, state, b, a, loc)
            return found if isinstance(op, gast.In) else negation(m, state, found, loc)
        case _:
            return binary(m, state, COMPARE[type(op)], a, b, loc)


def flat_part(m: Machine, state: State, base: Value, key: Value, loc: Loc) -> Value:
    """`base.flat[key]`: of an array a copy, where indexing a row of it gives a view."""
    value = subscript(m, state, objects.attribute(m, state, base, "flat", loc), key, loc)
    if isinstance(base, ArrayRef) and isinstance(value, ArrayRef):
        return numpy_calls.apply(m, state, np.copy, (value,), {}, loc)
    return value


def subscript(m: Machine, state: State, base: Value, key: Value, loc: Loc | None) -> Value:
    """`base[key]`."""
    if isinstance(base, ArrayRef):
        return arrays.read_subscript(m, state, base, key, loc)
    if isinstance(base, Number):
        ref = m.new_array(state, as_operand(base))
        return arrays.read_subscript(m, state, ref, key, loc)
    found = objects.operator_method(m, state, base, "__getitem__", (key,), loc)
    return containers.get_item(m, state, base, key, loc) if found is None else found
