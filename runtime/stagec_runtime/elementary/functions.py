"""The elementary functions of kernels: NumPy's in Python, and staged ones in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable

from stagec_runtime import special
from stagec_runtime.elementary import (
    compositions,
    exponentials,
    inverses,
    logarithms,
    powers,
    trigonometry,
)
from stagec_runtime.elementary.formats import DOUBLE, SINGLE
from stagec_runtime.elementary.staging import Number, staged

FORMATS = {types.float64: DOUBLE, types.float32: SINGLE}


def _signature(*operands: Any) -> Any:
    """The types of operands and result: float32 if all are, and nothing for complex ones."""
    if not all(isinstance(t, types.Float | types.Integer | types.Boolean) for t in operands):
        return None
    kind = types.float32 if all(t == types.float32 for t in operands) else types.float64
    return signature(kind, *[kind] * len(operands))


def _elementary(stage: Callable[..., Number], python: Callable[..., Any]) -> Any:
    """`python` as a function that Numba compiles to what `stage` writes."""
    count = stage.__code__.co_argcount

    def function(*args: Any) -> Any:
        return python(*args)

    function.__name__ = function.__qualname__ = stage.__name__
    function.__doc__ = stage.__doc__

    typer = (lambda x: _signature(x)) if count == 1 else (lambda x, y: _signature(x, y))
    type_callable(function)(lambda context: typer)

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        format = FORMATS[sig.return_type]
        # so much arithmetic a number is worth the widest vectors, which LLVM would not take;
        # llvmlite knows no attributes with values
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return stage(*(staged(builder, a, format) for a in args)).value

    for kind in FORMATS:
        lower_builtin(function, *[kind] * count)(lowered)
    return function


exp = _elementary(exponentials.exp, np.exp)
exp2 = _elementary(exponentials.exp2, np.exp2)
expm1 = _elementary(exponentials.expm1, np.expm1)
log = _elementary(logarithms.log, np.log)
log2 = _elementary(logarithms.log2, np.log2)
log10 = _elementary(logarithms.log10, np.log10)
log1p = _elementary(logarithms.log1p, np.log1p)
logaddexp = _elementary(compositions.logaddexp, np.logaddexp)
logaddexp2 = _elementary(compositions.logaddexp2, np.logaddexp2)
pow = _elementary(powers.pow, np.power)
cbrt = _elementary(powers.cbrt, np.cbrt)
sin = _elementary(trigonometry.sin, np.sin)
cos = _elementary(trigonometry.cos, np.cos)
tan = _elementary(trigonometry.tan, np.tan)
sinc = _elementary(compositions.sinc, np.sinc)
arcsin = _elementary(inverses.arcsin, np.arcsin)
arccos = _elementary(inverses.arccos, np.arccos)
arctan = _elementary(inverses.arctan, np.arctan)
arctan2 = _elementary(inverses.arctan2, np.arctan2)
sinh = _elementary(exponentials.sinh, np.sinh)
cosh = _elementary(exponentials.cosh, np.cosh)
tanh = _elementary(exponentials.tanh, np.tanh)
arcsinh = _elementary(compositions.arcsinh, np.arcsinh)
arccosh = _elementary(compositions.arccosh, np.arccosh)
arctanh = _elementary(compositions.arctanh, np.arctanh)
hypot = _elementary(compositions.hypot, np.hypot)
erf = _elementary(exponentials.erf, special.erf)
