"""The machine code between objects of Python and a kernel; needs Numba.

Numba's own takes any objects and counts who refers to arrays, which for small kernels is most
of what there is to compile.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.callwrapper import PyCallWrapper
from numba.core.ir import DynamicRaise, DynamicTryRaise
from numba.core.pythonapi import PythonAPI
from numba.core.runtime.nrt import rtsys
from numba.np.numpy_support import as_dtype

from stagec_runtime import calling
from stagec_runtime.calling import BYTE, INT, ITEMS, WORD, expected, field, known, unless
from stagec_runtime.scalars import Scalar

RESULTS = (types.Array, types.Number, types.Boolean, types.NoneType, Scalar)


def write_wrappers(lower: Any, release: bool) -> None:
    """Write the functions that Python calls, for a function whose instructions are written;
    they release the interpreter's lock if they are told to.
    """
    context, described = lower.context, lower.fndesc
    module = context.create_module("wrapper")
    kind = context.call_conv.get_function_type(described.restype, described.argtypes)
    callee = ir.Function(module, kind, described.llvm_func_name)
    wrapper = _Wrapper(
        context, module, callee, described, lower.env, lower.call_helper, release
    )
    wrapper.dynamic = _dynamic(lower)
    wrapper.build()
    lower.library.add_ir_module(module)


class _Wrapper(PyCallWrapper):
    """Writes three functions: one makes numbers and arrays of machine code of an array of
    objects, calls the kernel and makes an object of the result; that which Numba's dispatcher
    calls, and the one that is called otherwise, both call it.
    """

    dynamic = True

    def build(self) -> Any:
        """Write them."""
        self.object = self.context.get_argument_type(types.pyobject)
        shape = ir.FunctionType(self.object, [self.object.as_pointer()])
        inner = ir.Function(self.module, shape, f"{calling.name_of(self.fndesc)}.objects")
        inner.linkage = "internal"
        builder = ir.IRBuilder(inner.append_basic_block("entry"))
        api = _OfArray(self.context, builder)
        plain = calling.found_there() and all(map(known, self.fndesc.argtypes))
        if plain and _seen(self.fndesc.restype):
            self.of_known(api, builder, inner.args[0])
        else:
            self.build_wrapper(api, builder, None, inner.args[0], None)
        self.of_tuple(inner)
        if plain:
            self.of_stack(inner)
        for function in self.module.functions:
            if not function.is_declaration:
                # LLVM would need longer for what it saves than for many a kernel
                function.attributes.add("optnone")
                function.attributes.add("noinline")

    def of_tuple(self, inner: Any) -> None:
        """The function that the dispatcher calls, with a tuple."""
        shape = ir.FunctionType(self.object, [self.object] * 3)
        function = ir.Function(self.module, shape, self.fndesc.llvm_cpython_wrapper_name)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        api = self.context.get_python_api(builder)
        count = len(self.fndesc.argtypes)
        right = builder.icmp_signed("==", api.tuple_size(function.args[1]), WORD(count))
        with builder.if_then(builder.not_(right), likely=False):
            text = f"{self.fndesc.qualname} takes {count} arguments"
            api.err_set_string("PyExc_TypeError", text)
            builder.ret(api.get_null_object())
        start = builder.gep(function.args[1], [WORD(ITEMS)])
        builder.ret(builder.call(inner, [builder.bitcast(start, inner.args[0].type)]))

    def of_stack(self, inner: Any) -> None:
        """The function that is called with an array of objects and their number."""
        shape = ir.FunctionType(self.object, [self.object, self.object.as_pointer(), WORD])
        function = ir.Function(self.module, shape, calling.name_of(self.fndesc))
        needs, objects, count = function.args
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        others = function.append_basic_block("others")
        kinds = self.fndesc.argtypes
        unless(builder, builder.icmp_signed("==", count, WORD(len(kinds))), others)
        if kinds:
            calling.tests(builder, kinds, objects, needs, others)
        builder.ret(builder.call(inner, [objects]))
        builder.position_at_end(others)
        shape = ir.FunctionType(self.object, [self.object, objects.type, WORD, self.object])
        call = cgutils.get_or_insert_function(self.module, shape, "PyObject_Vectorcall")
        otherwise = field(builder, needs, ITEMS, self.object)
        nothing = ir.Constant(self.object, None)
        builder.ret(builder.call(call, [otherwise, objects, count, nothing]))

    # -- objects of known types ----------------------------------------------------------------

    def of_known(self, api: Any, builder: Any, objects: Any) -> None:
        """What is called with objects whose types were looked at."""
        kinds, conv = self.fndesc.argtypes, self.context.call_conv
        given = [builder.load(builder.gep(objects, [WORD(k)])) for k in range(len(kinds))]
        args = [
            part
            for kind, each in zip(kinds, given, strict=True)
            for part in self.taken(api, builder, kind, each)
        ]
        if not all(isinstance(kind, types.Array) for kind in kinds):
            failed = cgutils.is_not_null(builder, api.err_occurred())
            with builder.if_then(failed, likely=False):
                builder.ret(api.get_null_object())
        state = api.save_thread() if self.release_gil else None
        place, raised = (
            cgutils.alloca_once(builder, a.type.pointee) for a in self.func.args[:2]
        )
        code = builder.call(self.func, [place, raised, *args], attrs=("noinline",))
        if state is not None:
            api.restore_thread(state)
        status = conv._get_return_status(builder, code, builder.load(raised))
        with builder.if_then(status.is_error, likely=False):
            self.fail(api, builder, status)
        builder.ret(self.made(api, builder, self.fndesc.restype, place))

    def fail(self, api: Any, builder: Any, status: Any) -> None:
        """Raise the kernel's exception in Python."""
        if self.dynamic:
            self.context.call_conv.raise_error(builder, api, status)
        else:
            with builder.if_then(status.is_user_exc):
                found = api.unserialize(status.excinfoptr)
                with builder.if_then(cgutils.is_not_null(builder, found)):
                    api.raise_object(found)
        builder.ret(api.get_null_object())

    def taken(self, api: Any, builder: Any, kind: Any, given: Any) -> list[Any]:
        """What the kernel gets of an object; an error is set if it is no number."""
        if isinstance(kind, types.Array):
            return self.array(builder, kind, given)
        if kind == types.float64:
            return [api.float_as_double(given)]
        if kind == types.int64:
            return [api.long_as_longlong(given)]
        value = api.to_native_value(kind, given).value
        return list(self.context.get_arg_packer([kind]).as_arguments(builder, [value]))

    def array(self, builder: Any, kind: Any, given: Any) -> list[Any]:
        """An array, which nothing counts: the caller keeps it as long as the kernel runs."""
        model = self.context.data_model_manager[kind]
        shape, strides = (
            [field(builder, start, 8 * k, WORD) for k in range(kind.ndim)]
            for start in (field(builder, given, p, self.object) for p in calling.SIZES)
        )
        pointer = self.context.get_value_type(model.get_type("data"))
        parts = {
            "meminfo": [ir.Constant(self.object, None)],
            "parent": [given],
            "nitems": [functools.reduce(builder.mul, shape, WORD(1))],
            "itemsize": [WORD(as_dtype(kind.dtype).itemsize)],
            "data": [field(builder, given, calling.DATA, pointer)],
            "shape": shape,
            "strides": strides,
        }
        return [value for name in model._fields for value in parts[name]]

    def made(self, api: Any, builder: Any, kind: Any, place: Any) -> Any:
        """The object of what the kernel put into the place."""
        if isinstance(kind, types.Array):
            return self.made_array(api, builder, kind, place)
        if isinstance(kind, types.UniTuple | types.Tuple):
            found = api.tuple_new(len(kind.types))
            for k, each in enumerate(kind.types):
                part = cgutils.gep_inbounds(builder, place, 0, k)
                api.tuple_setitem(found, k, self.made(api, builder, each, part))
            return found
        model, value = self.context.data_model_manager[kind], builder.load(place)
        if value.type != model.get_value_type():
            value = model.from_data(builder, value)
        return api.from_native_return(kind, value, None)

    def made_array(self, api: Any, builder: Any, kind: Any, place: Any) -> Any:
        """NumPy's array of an array, which goes to the caller."""
        array = cgutils.create_struct_proxy(kind)(self.context, builder, ref=place)
        # a view of an array of the caller's: it must keep that alive
        with builder.if_then(cgutils.is_null(builder, array.meminfo), likely=False):
            data = builder.bitcast(array.data, BYTE.as_pointer())
            array.meminfo = api.nrt_meminfo_new_from_pyobject(data, array.parent)
        cls, dtype = (self.constant(api, builder, part) for part in expected(kind))
        shape = ir.FunctionType(self.object, [self.object, self.object, INT, INT, self.object])
        name = "NRT_adapt_ndarray_to_python_acqref"
        make = cgutils.get_or_insert_function(builder.module, shape, name)
        given = builder.bitcast(place, self.object)
        found = builder.call(make, [given, cls, INT(kind.ndim), INT(int(kind.mutable)), dtype])
        self.context.nrt.decref(builder, types.MemInfoPointer(types.voidptr), array.meminfo)
        return found

    def constant(self, api: Any, builder: Any, value: Any) -> Any:
        """An object that is kept with the function."""
        name = self.context.get_env_name(self.fndesc)
        place = builder.load(self.context.declare_env_global(builder.module, name))
        body = self.context.get_env_body(builder, place)
        kept = api.get_env_manager(self.env, body, place)
        return api.list_getitem(body.consts, kept.add_const(value))


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


def _dynamic(lower: Any) -> bool:
    """Whether the kernel, or what it calls, may raise exceptions with arguments that are not
    known when it is compiled, which Numba keeps apart.
    """
    ends = [block.terminator for block in lower.func_ir.blocks.values()]
    raised = any(isinstance(end, DynamicRaise | DynamicTryRaise) for end in ends)
    called = lower.library._linking_libraries
    return raised or any(library is not rtsys.library for library in called)


def _seen(kind: Any) -> bool:
    """Whether all arrays of a result are seen when it is made an object.

    In a list, for example, an array of the caller's would not keep its memory.
    """
    if isinstance(kind, types.UniTuple | types.Tuple):
        return all(map(_seen, kind.types))
    return isinstance(kind, RESULTS)
