"""How Python calls a kernel: machine code that looks at the arguments itself; needs Numba.

Numba's dispatcher asks for the type of each argument and for the version of the function that
is compiled for them, which takes longer than a small kernel.  Here a wrapper tests that the
arguments are just like those it was compiled for, and leaves all others to the dispatcher; and
Python passes them as they lie on its stack, without a tuple.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.callwrapper import PyCallWrapper
from numba.core.pythonapi import PythonAPI
from numba.np.numpy_support import as_dtype

# in size; larger integers are the business of who calls machine code otherwise
LIMIT = 2**40
SUFFIX = ".called"
POSITIONAL = 0x0080  # METH_FASTCALL
WORD, INT, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)

# where objects have what is looked at
TYPE = object.__basicsize__ - ctypes.sizeof(ctypes.c_void_p)
ITEMS = tuple.__basicsize__
RANK, DTYPE, FLAGS = 24, 56, 64  # of an array
C_ORDER, FORTRAN, ALIGNED, WRITABLE = 0x1, 0x2, 0x100, 0x400
ORDERS = C_ORDER | FORTRAN
# the flags that tell an array's layout, and what they are for each
LAYOUTS = {"C": (C_ORDER, C_ORDER), "F": (ORDERS, FORTRAN), "A": (ORDERS, 0)}
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
    if not _found_there() or not all(map(_known, kinds)):
        return None
    address = made.library.get_pointer_to_function(_name(made.fndesc))
    if not address:
        return None
    expected = [part for kind in kinds for part in _expected(kind)]
    definition = _Definition(made.fndesc.qualname.encode(), address, POSITIONAL, None)
    # the function keeps alive what it needs
    needs = (otherwise, *expected, definition, made.library, made.environment)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, *[ctypes.py_object] * 2]
    return new(ctypes.addressof(definition), needs, made.fndesc.modname)


def write_wrappers(lower: Any, release: bool) -> None:
    """Write the functions that Python calls, for a function whose instructions are written;
    they release the interpreter's lock if they are told to.
    """
    context, described = lower.context, lower.fndesc
    module = context.create_module("wrapper")
    kind = context.call_conv.get_function_type(described.restype, described.argtypes)
    callee = ir.Function(module, kind, described.llvm_func_name)
    _Wrapper(context, module, callee, described, lower.env, lower.call_helper, release).build()
    lower.library.add_ir_module(module)


class _Wrapper(PyCallWrapper):
    """Writes three functions: one makes numbers and arrays of machine code of an array of
    objects, calls the kernel and makes an object of the result; that which Numba's dispatcher
    calls, and the one that is called otherwise, both call it.
    """

    def build(self) -> Any:
        """Write them."""
        self.object = self.context.get_argument_type(types.pyobject)
        shape = ir.FunctionType(self.object, [self.object.as_pointer()])
        inner = ir.Function(self.module, shape, f"{_name(self.fndesc)}.objects")
        inner.linkage = "internal"
        builder = ir.IRBuilder(inner.append_basic_block("entry"))
        api = _OfArray(self.context, builder)
        self.build_wrapper(api, builder, None, inner.args[0], None)
        self.of_tuple(inner)
        if all(map(_known, self.fndesc.argtypes)):
            self.of_stack(inner)

    def of_tuple(self, inner: Any) -> None:
        """The function that the dispatcher calls, with a tuple."""
        shape = ir.FunctionType(self.object, [self.object] * 3)
        function = ir.Function(self.module, shape, self.fndesc.llvm_cpython_wrapper_name)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        api = self.context.get_python_api(builder)
        count = len(self.fndesc.argtypes)
        objects = cgutils.alloca_once(builder, self.object, size=max(count, 1))
        places = [builder.gep(objects, [WORD(k)]) for k in range(count)]
        name = self.fndesc.qualname
        right = api.unpack_tuple(function.args[1], name, count, count, *places)
        with cgutils.if_unlikely(builder, cgutils.is_null(builder, right)):
            builder.ret(api.get_null_object())
        builder.ret(builder.call(inner, [objects]))

    def of_stack(self, inner: Any) -> None:
        """The function that is called with an array of objects and their number."""
        shape = ir.FunctionType(self.object, [self.object, self.object.as_pointer(), WORD])
        function = ir.Function(self.module, shape, _name(self.fndesc))
        needs, objects, count = function.args
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        others = function.append_basic_block("others")
        kinds = self.fndesc.argtypes
        _unless(builder, builder.icmp_signed("==", count, WORD(len(kinds))), others)
        for k, kind in enumerate(kinds):
            given = builder.load(builder.gep(objects, [WORD(k)]))
            places = [ITEMS + 8 * (1 + 2 * k + j) for j in (0, 1)]
            cls, dtype = (_field(builder, needs, place, WORD) for place in places)
            for test in _tests(builder, kind, given, cls, dtype):
                _unless(builder, test, others)
        builder.ret(builder.call(inner, [objects]))
        builder.position_at_end(others)
        shape = ir.FunctionType(self.object, [self.object, objects.type, WORD, self.object])
        call = cgutils.get_or_insert_function(self.module, shape, "PyObject_Vectorcall")
        otherwise = _field(builder, needs, ITEMS, self.object)
        nothing = ir.Constant(self.object, None)
        builder.ret(builder.call(call, [otherwise, objects, count, nothing]))


class _OfArray(PythonAPI):
    """What takes the arguments from an array, whose length is known to be right."""

    def unpack_tuple(self, args: Any, name: str, n_min: int, n_max: int, *objs: Any) -> Any:
        """Put the objects into the places."""
        for k, place in enumerate(objs):
            self.builder.store(self.builder.load(self.builder.gep(args, [WORD(k)])), place)
        return INT(1)

    def save_thread(self) -> Any:
        """Release the lock, if there is a thread that may wait for it; gives what gets it back.

        That takes as long as all else of a short call.
        """
        builder, state = self.builder, BYTE.as_pointer()
        own = self._read("PyThreadState_Get", state)
        interpreter = self._read("PyThreadState_GetInterpreter", state, own)
        newest = self._read("PyInterpreterState_ThreadHead", state, interpreter)
        older = self._read("PyThreadState_Next", state, own)
        alone = builder.and_(
            builder.icmp_unsigned("==", newest, own), cgutils.is_null(builder, older)
        )
        saved = cgutils.alloca_once_value(builder, ir.Constant(state, None))
        with builder.if_then(builder.not_(alone)):
            builder.store(super().save_thread(), saved)
        return saved

    def restore_thread(self, thread_state: Any) -> None:
        """Get the lock back, if it was released."""
        saved = self.builder.load(thread_state)
        with self.builder.if_then(cgutils.is_not_null(self.builder, saved)):
            super().restore_thread(saved)

    def _read(self, name: str, kind: Any, *args: Any) -> Any:
        shape = ir.FunctionType(kind, [a.type for a in args])
        return self.builder.call(self._get_function(shape, name), args)


@functools.lru_cache(maxsize=1)
def _found_there() -> bool:
    """Whether objects of this Python and arrays of this NumPy have all at these places."""
    probe, pair = np.zeros((2, 4, 3))[:, ::2], (1, "two")
    probe.flags.writeable = False
    told = ALIGNED | WRITABLE | C_ORDER | FORTRAN
    word, start = ctypes.c_size_t.from_address, id(probe)
    return (
        word(start + TYPE).value == id(np.ndarray)
        and word(start + DTYPE).value == id(probe.dtype)
        and ctypes.c_int.from_address(start + RANK).value == 3
        and ctypes.c_int.from_address(start + FLAGS).value & told == ALIGNED
        and word(id(pair) + ITEMS + 8).value == id(pair[1])
    )


def _name(described: Any) -> str:
    return described.llvm_cpython_wrapper_name + SUFFIX


def _known(kind: Any) -> bool:
    """Whether it can be seen that an object is of the type."""
    if not isinstance(kind, types.Array):
        return kind in CLASSES
    return isinstance(kind.dtype, types.Number | types.Boolean) and kind.layout in LAYOUTS


def _expected(kind: Any) -> tuple[Any, Any]:
    """The class of the objects, and the dtype of the arrays."""
    if isinstance(kind, types.Array):
        return np.ndarray, as_dtype(kind.dtype)
    return CLASSES[kind], None


def _tests(builder: Any, kind: Any, given: Any, cls: Any, dtype: Any) -> Any:
    """The instructions that test the object; each is written behind a test of those before."""
    yield builder.icmp_unsigned("==", _field(builder, given, TYPE, WORD), cls)
    if kind == types.int64:
        yield _small(builder, given)
    if isinstance(kind, types.Array):
        yield builder.icmp_unsigned("==", _field(builder, given, DTYPE, WORD), dtype)
        yield builder.icmp_unsigned("==", _field(builder, given, RANK, INT), INT(kind.ndim))
        mask, flags = LAYOUTS[kind.layout]
        flags |= ALIGNED * kind.aligned | WRITABLE * kind.mutable
        found = builder.and_(_field(builder, given, FLAGS, INT), INT(mask | ALIGNED | WRITABLE))
        yield builder.icmp_unsigned("==", found, INT(flags))


def _small(builder: Any, given: Any) -> Any:
    """Whether the integer is below the limit in size."""
    over = cgutils.alloca_once(builder, INT)
    shape = ir.FunctionType(WORD, [given.type, over.type])
    read = cgutils.get_or_insert_function(builder.module, shape, "PyLong_AsLongLongAndOverflow")
    moved = builder.add(builder.call(read, [given, over]), WORD(LIMIT - 1))
    small = builder.icmp_unsigned("<", moved, WORD(2 * LIMIT - 1))
    return builder.and_(small, builder.icmp_signed("==", builder.load(over), INT(0)))


def _field(builder: Any, base: Any, offset: int, kind: Any) -> Any:
    """What the object has at so many bytes from its start."""
    start = builder.bitcast(base, BYTE.as_pointer())
    place = builder.gep(start, [WORD(offset)])
    return builder.load(builder.bitcast(place, kind.as_pointer()))


def _unless(builder: Any, test: Any, otherwise: Any) -> None:
    """Go on in a new block if the test holds."""
    following = builder.append_basic_block("fits")
    builder.cbranch(test, following, otherwise)
    builder.position_at_end(following)
