"""NumPy scalars that a kernel hands to its caller; needs Numba.

Numba gives Python numbers to Python, of which the caller would have to make NumPy's: that takes
longer than a call.  Here the wrapper around the machine code makes the object itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.typing.templates import signature
from numba.extending import box, register_model

from stagec_runtime.instructions import compiled_as


def float64(x: Any) -> Any:
    """The number as the caller gets it."""
    return np.float64(x)


def int64(x: Any) -> Any:
    """The integer as the caller gets it."""
    return np.int64(x)


class Scalar(types.Type):
    """A number of a kernel that is a NumPy scalar for Python."""

    def __init__(self, number: Any) -> None:
        self.number = number
        super().__init__(f"numpy.{number}")


@register_model(Scalar)
class ScalarModel(PrimitiveModel):
    """It is the number."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, manager.lookup(kind.number).get_value_type())


@box(Scalar)
def boxed(kind: Any, value: Any, c: Any) -> Any:
    """The NumPy scalar: memory for one, with the number where NumPy has it."""
    builder, name = c.builder, str(kind.number)
    word, byte = ir.IntType(64), ir.IntType(8)
    known = _type_object(c, name)
    shape = ir.FunctionType(c.pyapi.pyobj, [c.pyapi.pyobj, word])
    allocate = cgutils.get_or_insert_function(builder.module, shape, "PyType_GenericAlloc")
    made = builder.call(allocate, [known, word(0)])
    with builder.if_then(cgutils.is_not_null(builder, made), likely=True):
        start = builder.bitcast(made, byte.as_pointer())
        place = builder.gep(start, [word(_offset(name))])
        builder.store(value, builder.bitcast(place, value.type.as_pointer()))
    return made


def _type_object(c: Any, name: str) -> Any:
    """NumPy's type, which is looked up at the first call: machine code is kept in files."""
    builder, pyapi, variable = c.builder, c.pyapi, f"stagec_numpy_{name}"
    known: Any = builder.module.globals.get(variable)
    if known is None:
        known = cgutils.add_global_variable(builder.module, pyapi.pyobj, variable)
        known.initializer, known.linkage = ir.Constant(pyapi.pyobj, None), "internal"
    with builder.if_then(cgutils.is_null(builder, builder.load(known)), likely=False):
        numpy = pyapi.import_module(c.context.insert_const_string(builder.module, "numpy"))
        builder.store(pyapi.object_getattr_string(numpy, name), known)
        pyapi.decref(numpy)
    return builder.load(known)


def _offset(name: str) -> int:
    """How far from the start of a NumPy scalar its number lies."""
    scalar = getattr(np, name)(1)
    return np.frombuffer(scalar, np.uint8).ctypes.data - id(scalar)


def _typed(number: Any) -> Any:
    def typed(x: Any) -> Any:
        return signature(Scalar(number), number) if isinstance(x, types.Number) else None

    return typed


def _same(builder: Any, args: Any, fail: Any) -> Any:
    return args[0]


for function, number in ((float64, types.float64), (int64, types.int64)):
    compiled_as(function, _typed(number), _same)
