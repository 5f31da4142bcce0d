"""How Python calls a kernel: machine code that looks at the arguments itself; needs Numba.

Numba's dispatcher asks for the type of each argument and for the version of the function that
is compiled for them, which takes longer than a small kernel.  Here a wrapper tests that the
arguments are just like those it was compiled for, and leaves all others to the dispatcher; and
Python passes them as they lie on its stack, without a tuple.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np.numpy_support import as_dtype

# in size; larger integers are the business of who calls machine code otherwise
LIMIT = 2**40
SUFFIX = ".called"
POSITIONAL = 0x0080  # METH_FASTCALL
WORD, INT, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)

# where objects have what is looked at
TYPE = object.__basicsize__ - ctypes.sizeof(ctypes.c_void_p)
ITEMS = tuple.__basicsize__
CONTENT = bytes.__basicsize__ - 1
DATA, RANK, DTYPE, FLAGS = 16, 24, 56, 64  # of an array
SIZES = DIMS, STRIDES = 32, 40
C_ORDER, FORTRAN, ALIGNED, WRITABLE = 0x1, 0x2, 0x100, 0x400
ORDERS = C_ORDER | FORTRAN
# the flags that tell an array's layout, and what they are for each
LAYOUTS = {"C": (C_ORDER, C_ORDER), "F": (ORDERS, FORTRAN), "A": (ORDERS, 0)}
COLUMNS = 5  # of the table of arguments, in words
NUMBER, INTEGER = -1, -2  # in the place of a rank
CLASSES = {
    types.float64: float,
    types.int64: int,
    types.complex128: complex,
    types.boolean: bool,
}


class _Definition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("code", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def direct(made: Any, otherwise: Any) -> Any:
    """The compiled function as Python should call it: `otherwise` is called with arguments of
    other types; None if there is no machine code for that.
    """
    kinds = made.fndesc.argtypes
    if not found_there() or not all(map(known, kinds)):
        return None
    address = made.library.get_pointer_to_function(name_of(made.fndesc))
    if not address:
        return None
    parts = [part for kind in kinds for part in expected(kind)]
    definition = _Definition(made.fndesc.qualname.encode(), address, POSITIONAL, None)
    # the function keeps alive what it needs
    needs = (otherwise, table(kinds), *parts, definition, made.library, made.environment)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, *[ctypes.py_object] * 2]
    return new(ctypes.addressof(definition), needs, made.fndesc.modname)


@functools.lru_cache(maxsize=1)
def found_there() -> bool:
    """Whether objects of this Python and arrays of this NumPy have all at these places."""
    probe, pair, text = np.zeros((2, 4, 3))[:, ::2], (1, "two"), b"three"
    probe.flags.writeable = False
    told = ALIGNED | WRITABLE | C_ORDER | FORTRAN
    word, start = ctypes.c_size_t.from_address, id(probe)
    return (
        word(start + TYPE).value == id(np.ndarray)
        and word(start + DATA).value == probe.ctypes.data
        and words_at(word(start + DIMS).value, 3) == probe.shape
        and words_at(word(start + STRIDES).value, 3) == probe.strides
        and word(start + DTYPE).value == id(probe.dtype)
        and ctypes.c_int.from_address(start + RANK).value == 3
        and ctypes.c_int.from_address(start + FLAGS).value & told == ALIGNED
        and word(id(pair) + ITEMS + 8).value == id(pair[1])
        and ctypes.string_at(id(text) + CONTENT) == text
    )


def words_at(start: int | None, count: int) -> tuple[int, ...]:
    """So many words of memory."""
    return tuple((ctypes.c_ssize_t * count).from_address(start or 0))


def name_of(described: Any) -> str:
    """What the function is called that takes objects from Python's stack."""
    return described.llvm_cpython_wrapper_name + SUFFIX


def known(kind: Any) -> bool:
    """Whether it can be seen that an object is of the type."""
    if not isinstance(kind, types.Array):
        return kind in CLASSES
    return isinstance(kind.dtype, types.Number | types.Boolean) and kind.layout in LAYOUTS


def table(kinds: Any) -> bytes:
    """What `tests` reads: a row for each argument.

    It holds the class, and for an array the dtype, the rank, the flags that count and what they
    must be.
    """
    rows: list[int] = []
    for kind in kinds:
        cls, dtype = expected(kind)
        if not isinstance(kind, types.Array):
            rows += [id(cls), 0, INTEGER if cls is int else NUMBER, 0, 0]
            continue
        mask, flags = LAYOUTS[kind.layout]
        flags |= ALIGNED * kind.aligned | WRITABLE * kind.mutable
        rows += [id(cls), id(dtype), kind.ndim, mask | ALIGNED | WRITABLE, flags]
    return struct.pack(f"{len(rows)}q", *rows)


def expected(kind: Any) -> tuple[Any, Any]:
    """The class of the objects, and the dtype of the arrays."""
    if isinstance(kind, types.Array):
        return np.ndarray, as_dtype(kind.dtype)
    return CLASSES[kind], None


def tests(builder: Any, kinds: Any, objects: Any, needs: Any, others: Any) -> None:
    """Go on if the objects are of these types, else in the block `others`.

    It is a loop over the rows of the table: in a row it would be most of a small kernel.
    """
    rows = builder.gep(field(builder, needs, ITEMS + 8, BYTE.as_pointer()), [WORD(CONTENT)])
    with cgutils.for_range(builder, WORD(len(kinds))) as loop:
        given = builder.load(builder.gep(objects, [loop.index]))
        start = builder.gep(rows, [builder.mul(loop.index, WORD(8 * COLUMNS))])
        cls, dtype, rank, mask, flags = (field(builder, start, 8 * k, WORD) for k in range(5))
        same = builder.icmp_unsigned("==", field(builder, given, TYPE, WORD), cls)
        unless(builder, same, others)
        if types.int64 in kinds:
            with builder.if_then(builder.icmp_signed("==", rank, WORD(INTEGER))):
                unless(builder, _small(builder, given), others)
        if any(isinstance(kind, types.Array) for kind in kinds):
            with builder.if_then(builder.icmp_signed(">=", rank, WORD(0))):
                found = [field(builder, given, place, INT) for place in (RANK, FLAGS)]
                found = [builder.zext(word, WORD) for word in found]
                fits = [
                    builder.icmp_unsigned("==", field(builder, given, DTYPE, WORD), dtype),
                    builder.icmp_unsigned("==", found[0], rank),
                    builder.icmp_unsigned("==", builder.and_(found[1], mask), flags),
                ]
                unless(builder, functools.reduce(builder.and_, fits), others)


def _small(builder: Any, given: Any) -> Any:
    """Whether the integer is below the limit in size."""
    over = cgutils.alloca_once(builder, INT)
    shape = ir.FunctionType(WORD, [given.type, over.type])
    read = cgutils.get_or_insert_function(builder.module, shape, "PyLong_AsLongLongAndOverflow")
    moved = builder.add(builder.call(read, [given, over]), WORD(LIMIT - 1))
    small = builder.icmp_unsigned("<", moved, WORD(2 * LIMIT - 1))
    return builder.and_(small, builder.icmp_signed("==", builder.load(over), INT(0)))


def field(builder: Any, base: Any, offset: int, kind: Any) -> Any:
    """What the object has at so many bytes from its start."""
    start = builder.bitcast(base, BYTE.as_pointer())
    place = builder.gep(start, [WORD(offset)])
    return builder.load(builder.bitcast(place, kind.as_pointer()))


def unless(builder: Any, test: Any, otherwise: Any) -> None:
    """Go on in a new block if the test holds."""
    following = builder.append_basic_block("fits")
    builder.cbranch(test, following, otherwise)
    builder.position_at_end(following)
