"""The trips of a loop that is run in parts, in compiled code; needs Numba.

Numba's own `range` hides from LLVM that its numbers are not negative if it does not begin at a
constant.  Each index would then be tested for counting from the end of its axis, and loops
would not vectorise.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import RefType, iternext_impl, lower_builtin
from numba.core.typing.templates import signature
from numba.extending import models, register_model, type_callable


def trips(start: int, stop: int, least: int = 0) -> range:
    """The trips from `start` to before `stop`; `start` is surely `least` or more."""
    return range(start, stop)


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
    kind = signature.args[0]
    counting = cgutils.create_struct_proxy(kind)(context, builder, args[0])
    done = builder.load(counting.done)
    more = builder.icmp_signed("<", done, counting.count)
    result.set_valid(more)
    with builder.if_then(more):
        if kind.down:
            number = builder.sub(counting.first, done, flags=["nsw"])
        else:
            # neither sum overflows: LLVM then knows that no index is negative
            number = builder.add(counting.first, done, flags=["nsw", "nuw"])
        # LLVM writes `(k + 1) + done` as `k + (done + 1)` and forgets what the flags say
        builder.assume(builder.icmp_signed(">=", number, WORD(0)))
        result.yield_(number)
        builder.store(builder.add(done, WORD(1), flags=["nsw", "nuw"]), counting.done)
