"""Special methods of arrays and NumPy numbers, called by their names: `x.__add__(1)`."""

from __future__ import annotations

import operator
from typing import Any

from stagec.frontend.values import ArrayRef, Intrinsic, Number
from stagec.ir.types import ArrayType

# special method -> the operator, and whether its operands stand in the other order
OPERATORS: dict[str, tuple[Any, bool]] = {
    f"__{prefix}{name}__": (function, bool(prefix))
    for name, function in {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul,
        "truediv": operator.truediv, "floordiv": operator.floordiv, "mod": operator.mod,
        "pow": operator.pow, "matmul": operator.matmul, "and": operator.and_,
        "or": operator.or_, "xor": operator.xor, "lshift": operator.lshift,
        "rshift": operator.rshift, "divmod": divmod,
    }.items()
    for prefix in ("", "r")
} | {
    f"__{function.__name__.rstrip('_')}__": (function, False)
    for function in (
        operator.neg, operator.pos, operator.invert, operator.eq, operator.ne, operator.lt,
        operator.le, operator.gt, operator.ge, abs, len,
    )
}  # fmt: skip


def special_method(name: str, base: ArrayRef | Number, kind: ArrayType) -> Intrinsic | None:
    """The operator that the method is, with `base` as its operand.

    None of Python's numbers: their methods answer NotImplemented where operators do not.
    """
    if name not in OPERATORS or (isinstance(base, Number) and kind.weak):
        return None
    function, back = OPERATORS[name]

    def run(m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        return m.call_value(
            state, function, (*args, base) if back else (base, *args), kwargs, loc
        )

    return Intrinsic(name, run)
