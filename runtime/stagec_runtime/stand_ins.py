"""What kernels call in place of functions of NumPy and of Python; needs Numba.

Numba compiles a function of Python for each of these that a kernel calls, in every process
again.  What stands for them is written into the kernel in a few instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numba.core import ir, types
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, overload, type_callable

from stagec_runtime.creations import MADE, copied


@register_pass(mutates_CFG=False, analysis_only=False)
class StandIns(FunctionPass):
    """Let a kernel call what stands for functions and methods."""

    _name = "stagec_stand_ins"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> Any:
        """Replace them; says whether there are any."""
        found = False
        for block in state.func_ir.blocks.values():
            for statement, name, function in _replaced(block):
                made = ir.Global(name, function, statement.value.loc)
                statement.value = made
                state.func_ir._definitions[statement.target.name] = [made]
                found = True
        return found


def _replaced(block: Any) -> Iterator[tuple[Any, str, Any]]:
    """What reads a function that is called next, the name of it, and what stands for it."""
    read: dict[str, Any] = {}  # by the variable that holds the function, or its module
    for statement in block.find_insts(ir.Assign):
        value = statement.value
        if isinstance(value, ir.Global) or _is(value, "getattr"):
            read[statement.target.name] = statement
        elif _is(value, "call") and value.func.name in read:
            function = read[value.func.name]
            given = function.value
            if isinstance(given, ir.Global):
                if given.name in TWO and given.value is TWO[given.name][0] and _of_two(value):
                    yield function, given.name, TWO[given.name][1]
            elif _is_numpy(read.get(given.value.name)):
                if given.attr in MADE:
                    yield function, given.attr, MADE[given.attr]
            elif given.attr == "copy" and not value.args and not value.kws:
                value.args = [given.value]
                yield function, "copied", copied


def _is(value: Any, what: str) -> bool:
    return isinstance(value, ir.Expr) and value.op == what


def _is_numpy(read: Any) -> bool:
    return read is not None and isinstance(read.value, ir.Global) and read.value.value is np


def _of_two(call: Any) -> bool:
    """Whether the call has just two arguments, given by position."""
    return len(call.args) == 2 and not call.kws and call.vararg is None


# -- the larger and the smaller of two numbers ------------------------------------------------


def _extremum(function: Callable[..., Any], sign: str) -> Callable[..., Any]:
    """What stands for `max` or `min`: of two it takes the second only if that is beyond."""

    def stand_in() -> None:
        """What Numba knows it by."""

    def typed(x: Any, y: Any) -> Any:
        integers = types.unliteral(x) == types.unliteral(y) == types.int64
        return signature(types.int64, types.int64, types.int64) if integers else None

    def lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, y = args
        return builder.select(builder.icmp_signed(sign, y, x), y, x)

    type_callable(stand_in)(lambda context: typed)
    lower_builtin(stand_in, types.int64, types.int64)(lowered)
    # what Numba makes of other numbers
    overload(stand_in, strict=False)(lambda x, y: lambda x, y: function(x, y))
    return stand_in


# of the functions of Python those that are called with two arguments
TWO = {"max": (max, _extremum(max, ">")), "min": (min, _extremum(min, "<"))}
