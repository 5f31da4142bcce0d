"""The trips of loops in compiled code, where Numba's `range` would be slow; needs Numba.

`range` hides from LLVM that its numbers are not negative if it does not begin at a constant.
Each index would then be tested for counting from the end of its axis, and loops would not
vectorise.

An inner loop vectorises if arrays turn out to share no memory.  LLVM asks that in front of the
loops around, of all that they touch; but where these run backwards it answers that they do
(LoopAccessAnalysis, the stride that is checked), and the inner loop is never the fast one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import RefType, call_iternext, iternext_impl, lower_builtin
from numba.core.ir import Loc
from numba.core.typing.templates import signature
from numba.extending import models, register_model, type_callable


def trips(start: int, stop: int, least: int = 0) -> range:
    """The trips from `start` to before `stop`; `start` is surely `least` or more."""
    return range(start, stop)


def falling(numbers: range) -> range:
    """The numbers of a range that falls, for a loop around others.

    LLVM knows of each that it is another one than before, and not how much less.
    """
    return numbers


def backwards(lo: int, hi: int, step: int) -> range:
    """The indices of `range(lo, hi, step)` from last to first."""
    return range(lo, hi, step)[::-1]


class TripsIterator(types.SimpleIteratorType):
    """The type of what counts, upwards or downwards."""

    def __init__(self, down: bool) -> None:
        self.down = down
        super().__init__(f"stagec trips iterator {down}", types.int64)


class Trips(types.SimpleIterableType):
    """The type of what `trips` returns, and of that reversed."""

    def __init__(self, down: bool) -> None:
        self.down = down
        super().__init__(f"stagec trips {down}", ITERATORS[down])


WORD = ir.IntType(64)
PLACE = Loc(__file__, 1)
ITERATORS = {down: TripsIterator(down) for down in (False, True)}
UPWARDS, DOWNWARDS = Trips(False), Trips(True)


@register_model(TripsIterator)
class _IteratorModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        members = [
            ("done", types.CPointer(types.int64)),
            ("first", types.int64),
            ("count", types.int64),
        ]
        super().__init__(manager, kind, members)


@register_model(Trips)
class _TripsModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        members = [(name, types.int64) for name in ("start", "stop", "least")]
        super().__init__(manager, kind, members)


@type_callable(trips)
def _typed(context: Any) -> Any:
    def typed(start: Any, stop: Any, least: Any = None) -> Any:
        given = (start, stop) if least is None else (start, stop, least)
        return signature(UPWARDS, *[types.int64] * len(given))

    return typed


@lower_builtin(trips, types.VarArg(types.int64))
def _made(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    made = cgutils.create_struct_proxy(UPWARDS)(context, builder)
    made.start, made.stop, made.least = (*args, WORD(0))[:3]
    return made._getvalue()


@type_callable(reversed)
def _turned(context: Any) -> Any:
    return lambda numbers: signature(DOWNWARDS, numbers) if numbers is UPWARDS else None


@lower_builtin(reversed, Trips)
def _backwards(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return args[0]


@lower_builtin("getiter", Trips)
def _iterator(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    kind = signature.args[0]
    given = cgutils.create_struct_proxy(kind)(context, builder, args[0])
    made = cgutils.create_struct_proxy(ITERATORS[kind.down])(context, builder)
    builder.assume(builder.icmp_signed(">=", given.start, given.least))
    made.done = cgutils.alloca_once_value(builder, WORD(0))
    made.first = builder.sub(given.stop, WORD(1)) if kind.down else given.start
    made.count = builder.sub(given.stop, given.start, flags=["nsw"])
    return made._getvalue()


@lower_builtin("iternext", TripsIterator)
@iternext_impl(RefType.UNTRACKED)
def _next(context: Any, builder: Any, signature: Any, args: Any, result: Any) -> None:
    counting = cgutils.unpack_tuple(builder, args[0], 3)
    number, more = advanced(builder, signature.args[0].down, *counting)
    result.set_valid(more)
    result.yield_(number)


def advanced(builder: Any, down: bool, done: Any, first: Any, count: Any) -> tuple[Any, Any]:
    """The next number, and whether there is one; the rest are the fields of the iterator."""
    already = builder.load(done)
    more = builder.icmp_signed("<", already, count)
    before = builder.block
    with builder.if_then(more):
        if down:
            number = builder.sub(first, already, flags=["nsw"])
        else:
            # neither sum overflows: LLVM then knows that no index is negative
            number = builder.add(first, already, flags=["nsw", "nuw"])
        # LLVM writes `(k + 1) + done` as `k + (done + 1)` and forgets what the flags say
        builder.assume(builder.icmp_signed(">=", number, WORD(0)))
        builder.store(builder.add(already, WORD(1), flags=["nsw", "nuw"]), done)
        inside = builder.block
    found = builder.phi(WORD)
    found.add_incoming(number, inside)
    found.add_incoming(ir.Constant(WORD, ir.Undefined), before)
    return found, more


# -- numbers that fall ------------------------------------------------------------------------


class FallingIterator(types.SimpleIteratorType):
    """The type of what goes through a range that falls."""

    def __init__(self) -> None:
        super().__init__("stagec falling iterator", types.int64)


class Falling(types.SimpleIterableType):
    """The type of what `falling` returns."""

    def __init__(self) -> None:
        super().__init__("stagec falling", FALLING_ITERATOR)


FALLING_ITERATOR = FallingIterator()
FALLING = Falling()
RANGE, RANGE_ITERATOR = types.range_state64_type, types.range_iter64_type


@register_model(FallingIterator)
class _FallingIteratorModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("numbers", RANGE_ITERATOR)])


@register_model(Falling)
class _FallingModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("numbers", RANGE)])


@type_callable(falling)
def _fallen(context: Any) -> Any:
    return lambda numbers: signature(FALLING, RANGE)


@lower_builtin(falling, RANGE)
def _falling(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    made = cgutils.create_struct_proxy(FALLING)(context, builder)
    made.numbers = args[0]
    return made._getvalue()


@lower_builtin("getiter", Falling)
def _falling_iterator(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    given = cgutils.create_struct_proxy(FALLING)(context, builder, args[0])
    made = cgutils.create_struct_proxy(FALLING_ITERATOR)(context, builder)
    begin = context.get_function("getiter", ENTER)
    made.numbers = begin(builder, (given.numbers,))
    return made._getvalue()


@lower_builtin("iternext", FallingIterator)
@iternext_impl(RefType.UNTRACKED)
def _next_falling(context: Any, builder: Any, signature: Any, args: Any, result: Any) -> None:
    going = cgutils.create_struct_proxy(FALLING_ITERATOR)(context, builder, args[0])
    found = call_iternext(context, builder, RANGE_ITERATOR, going.numbers)
    more = found.is_valid()
    result.set_valid(more)
    with builder.if_then(more):
        # no instruction at all, of which LLVM knows only that it reads and writes no memory
        same = builder.asm(
            ir.FunctionType(WORD, [WORD]), "", "=r,0", [found.yielded_value()], False
        )
        same.attributes.add("readnone")
        same.attributes.add("nounwind")
        result.yield_(same)


ENTER = signature(RANGE_ITERATOR, RANGE)


# -- numbers of a range from last to first -----------------------------------------------------


@type_callable(backwards)
def _from_last(context: Any) -> Any:
    def typed(lo: Any, hi: Any, step: Any) -> Any:
        whole = all(isinstance(given, types.Integer) for given in (lo, hi, step))
        return signature(RANGE, *[types.int64] * 3) if whole else None

    return typed


@lower_builtin(backwards, types.int64, types.int64, types.int64)
def _backwards_of(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    lo, hi, step = args
    with builder.if_then(builder.icmp_signed("==", step, WORD(0)), likely=False):
        text = ("range() arg 3 must not be zero",)
        context.call_conv.return_user_exc(builder, ValueError, text, PLACE, backwards.__name__)
    up = builder.icmp_signed(">", step, WORD(0))
    way = builder.select(up, builder.sub(hi, lo), builder.sub(lo, hi))
    size = builder.select(up, step, builder.neg(step))
    # the trips after the first; -1 if there is none
    more = builder.udiv(builder.sub(way, WORD(1)), size)
    more = builder.select(builder.icmp_signed(">", way, WORD(0)), more, WORD(-1))
    last = builder.add(lo, builder.mul(more, step))
    return cgutils.pack_struct(builder, (last, builder.sub(lo, step), builder.neg(step)))
