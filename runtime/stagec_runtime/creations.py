"""New arrays of kernels, made by a few instructions; needs Numba.

Numba compiles a function of Python for each kind of new array, and others that it calls, which
takes longer than many a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.ir import Loc
from numba.core.typing.npydecl import parse_dtype, parse_shape
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, overload, type_callable
from numba.np.arrayobj import (
    get_itemsize,
    load_item,
    make_array,
    populate_array,
    store_item,
)

from stagec_runtime import blocks

WORD = ir.IntType(64)
PLACE = Loc(__file__, 1)
NP: Any = np
TOO_BIG = "array is too big; it has more bytes than a machine word can count"
NO_MEMORY = "Allocation failed (probably too large)."  # as Numba says
# the functions of NumPy by name, and what stands for them
MADE: dict[str, Callable[..., Any]] = {}


def _stands_for(
    name: str, typed: Callable[..., Any], write: Callable[..., None], lengths: Any = None
) -> Callable[..., Any]:
    """Give NumPy's function a form that makes the array itself, and return that.

    `typed` gives the type of the array for types of arguments, `write` fills the new array: it
    gets the context, the builder, the array's type, the array, its number of elements, the
    types of the arguments and the arguments.  `lengths` gives the lengths of the axes, if the
    first argument does not.
    """
    lengths = lengths or _lengths

    def stand_in() -> None:
        """What Numba knows it by."""

    def lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def fail(text: str) -> None:
            # the traceback names the function, which tells the program's line (stagec.blame)
            context.call_conv.return_user_exc(builder, ValueError, (text,), PLACE, name)

        kind = signature.return_type
        shape = lengths(context, builder, signature.args, args, fail)
        array, count = new_array(context, builder, kind, shape, fail)
        write(context, builder, kind, array, count, signature.args, args)
        return array._getvalue()

    type_callable(stand_in)(lambda context: typed)
    lower_builtin(stand_in, types.VarArg(types.Any))(lowered)
    MADE[name] = stand_in
    return stand_in


def _lengths(
    context: Any, builder: Any, arguments: Any, args: Any, fail: Callable[[str], None]
) -> list[Any]:
    """The lengths of the axes, given by a shape, or by an array that has this shape."""
    kind, shape = arguments[0], args[0]
    if isinstance(kind, types.Array):
        array = make_array(kind)(context, builder, value=shape)
        return cgutils.unpack_tuple(builder, array.shape, kind.ndim)
    several = isinstance(kind, types.Tuple | types.UniTuple)
    kinds: list[Any] = list(kind.types) if several else [kind]
    given = cgutils.unpack_tuple(builder, shape, len(kinds)) if several else [shape]
    lengths = [
        context.cast(builder, n, of, types.intp) for n, of in zip(given, kinds, strict=True)
    ]
    for n in lengths:
        with builder.if_then(builder.icmp_signed("<", n, WORD(0)), likely=False):
            fail("negative dimensions are not allowed")
    return lengths


def new_array(
    context: Any, builder: Any, kind: Any, shape: list[Any], fail: Callable[[str], None]
) -> tuple[Any, Any]:
    """A new array of this type and shape, and the number of its elements.

    `fail` is called with a text where the machine code raises an exception.
    """
    strides = [WORD(0)] * len(shape)
    size = context.get_constant(types.intp, get_itemsize(context, kind))
    itemsize, many = size, ir.Constant(ir.IntType(1), 0)
    axes = list(range(len(shape)))
    for axis in axes if kind.layout == "F" else axes[::-1]:
        strides[axis] = size
        product = builder.smul_with_overflow(size, shape[axis])
        size = builder.extract_value(product, 0)
        many = builder.or_(many, builder.extract_value(product, 1))
    with builder.if_then(many, likely=False):
        fail(TOO_BIG)
    owner = _owner(context, builder, size)
    memory = context.nrt.meminfo_data(builder, owner)
    array = _array(context, builder, kind, shape, strides, memory, owner)
    return array, builder.sdiv(size, itemsize)


def local_array(
    context: Any, builder: Any, kind: Any, lengths: Sequence[int], zero: bool
) -> Any:
    """A new array on the stack, which nothing may use after the function returns."""
    size = get_itemsize(context, kind)
    strides = [WORD(size * prod(lengths[k + 1 :])) for k in range(len(lengths))]
    count = prod(lengths)
    memory = cgutils.alloca_once(builder, context.get_data_type(kind.dtype), WORD(count))
    if zero:
        cgutils.memset(builder, memory, WORD(size * count), 0)
    shape = [WORD(n) for n in lengths]
    return _array(context, builder, kind, shape, strides, memory, None)._getvalue()


def _array(
    context: Any,
    builder: Any,
    kind: Any,
    shape: list[Any],
    strides: list[Any],
    memory: Any,
    owner: Any,
) -> Any:
    """An array in this memory."""
    array = make_array(kind)(context, builder)
    element = context.get_data_type(kind.dtype)
    populate_array(
        array,
        data=builder.bitcast(memory, element.as_pointer()),
        shape=cgutils.pack_array(builder, shape, ty=WORD),
        strides=cgutils.pack_array(builder, strides, ty=WORD),
        itemsize=context.get_constant(types.intp, get_itemsize(context, kind)),
        meminfo=owner,
    )
    return array


def _owner(context: Any, builder: Any, size: Any) -> Any:
    """The owner of new memory, which begins a line of the cache.

    Rows that begin elsewhere took loops over a matrix up to 1.4 times as long.
    """
    kind = ir.FunctionType(cgutils.voidptr_t, [WORD, ir.IntType(32)])
    function = cgutils.get_or_insert_function(builder.module, kind, blocks.NAME)
    function.return_value.add_attribute("noalias")
    owner = builder.call(function, [size, ir.IntType(32)(blocks.ALIGN)])
    cgutils.guard_memory_error(context, builder, owner, msg=NO_MEMORY)
    return owner


# -- types ------------------------------------------------------------------------------------


def _element(dtype: Any, default: Any) -> Any:
    """The type of the elements; None if it is not known."""
    if dtype is None or isinstance(dtype, types.NoneType):
        return default
    if isinstance(dtype, types.Function):  # int, float or bool
        return BUILT_IN.get(dtype.typing_key)
    return parse_dtype(dtype)


BUILT_IN = {
    float: types.float64,
    int: types.intp,
    bool: types.boolean,
    complex: types.complex128,
}


def _of_shape(shape: Any, dtype: Any = None) -> Any:
    ndim, element = parse_shape(shape), _element(dtype, types.float64)
    if ndim is None or element is None:
        return None
    kind = types.Array(element, ndim, "C")
    return signature(kind, shape, *(() if dtype is None else (dtype,)))


def _filled(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    value = types.unliteral(fill_value)
    ndim, element = parse_shape(shape), _element(dtype, value)
    if ndim is None or element is None or not isinstance(value, types.Number | types.Boolean):
        return None
    kind = types.Array(element, ndim, "C")
    return signature(kind, shape, value, *(() if dtype is None else (dtype,)))


def _like(a: Any, dtype: Any = None) -> Any:
    if not isinstance(a, types.Array):
        return None
    element = _element(dtype, a.dtype)
    if element is None:
        return None
    layout = "C" if a.layout == "A" else a.layout
    kind = a.copy(dtype=element, layout=layout, readonly=False)
    return signature(kind, a, *(() if dtype is None else (dtype,)))


def _copied(a: Any) -> Any:
    if not isinstance(a, types.Array) or not a.aligned:
        return None
    plain = isinstance(a.dtype, types.Number | types.Boolean)
    return signature(types.Array(a.dtype, a.ndim, "C"), a) if plain else None


def _counted(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    ends = (start,) if stop is None else (start, stop)
    if (
        step is not None
        or dtype is not None
        or not all(types.unliteral(end) in types.signed_domain for end in ends)
    ):
        return None
    return signature(types.Array(types.intp, 1, "C"), *[types.intp] * len(ends))


# -- contents ---------------------------------------------------------------------------------


def _nothing(*given: Any) -> None:
    """Leave the elements as they are."""


def _zeros(
    context: Any, builder: Any, kind: Any, array: Any, count: Any, kinds: Any, args: Any
) -> None:
    cgutils.memset(builder, array.data, builder.mul(array.itemsize, count), 0)


def _ones(
    context: Any, builder: Any, kind: Any, array: Any, count: Any, kinds: Any, args: Any
) -> None:
    one = context.get_constant(types.int64, 1)
    _repeated(
        context,
        builder,
        kind,
        array,
        count,
        context.cast(builder, one, types.int64, kind.dtype),
    )


def _value(
    context: Any, builder: Any, kind: Any, array: Any, count: Any, kinds: Any, args: Any
) -> None:
    value = context.cast(builder, args[1], kinds[1], kind.dtype)
    _repeated(context, builder, kind, array, count, value)


def _repeated(
    context: Any, builder: Any, kind: Any, array: Any, count: Any, value: Any
) -> None:
    with cgutils.for_range(builder, count) as loop:
        place = builder.gep(array.data, [loop.index])
        store_item(context, builder, kind, value, place)


def _elements(
    context: Any, builder: Any, kind: Any, array: Any, count: Any, kinds: Any, args: Any
) -> None:
    """Fill the array with the elements of the argument."""
    given = make_array(kinds[0])(context, builder, value=args[0])
    if kinds[0].layout == kind.layout:
        size = builder.mul(array.itemsize, count)
        cgutils.raw_memcpy(builder, array.data, given.data, size, 1)
        return
    lengths = cgutils.unpack_tuple(builder, given.shape, kind.ndim)
    with cgutils.loop_nest(builder, lengths, WORD) as index:
        value = load_item(
            context, builder, kinds[0], _place(context, builder, kinds[0], given, index)
        )
        place = _place(context, builder, kind, array, index)
        store_item(context, builder, kind, value, place)


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The address of the element at the indices, none of which is negative."""
    shape, strides = (
        cgutils.unpack_tuple(builder, part, kind.ndim) for part in (array.shape, array.strides)
    )
    return cgutils.get_item_pointer2(
        context, builder, array.data, shape, strides, kind.layout, index
    )


def _counting(
    context: Any, builder: Any, kind: Any, array: Any, count: Any, kinds: Any, args: Any
) -> None:
    with cgutils.for_range(builder, count) as loop:
        number = builder.add(loop.index, args[0]) if len(args) > 1 else loop.index
        store_item(context, builder, kind, number, builder.gep(array.data, [loop.index]))


def _distance(
    context: Any, builder: Any, arguments: Any, args: Any, fail: Callable[[str], None]
) -> list[Any]:
    """How many integers there are from the first to before the second."""
    found = builder.sub(args[1], args[0]) if len(args) > 1 else args[0]
    some = builder.icmp_signed(">", found, WORD(0))
    return [builder.select(some, found, WORD(0))]


for _name, _typed, _write in (
    ("empty", _of_shape, _nothing),
    ("zeros", _of_shape, _zeros),
    ("ones", _of_shape, _ones),
    ("full", _filled, _value),
    ("empty_like", _like, _nothing),
    ("zeros_like", _like, _zeros),
):
    _stands_for(_name, _typed, _write)


@overload(_stands_for("arange", _counted, _counting, _distance), strict=False)
def _arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """What Numba makes of other arguments."""
    return lambda start, stop=None, step=None, dtype=None: NP.arange(start, stop, step, dtype)


copied = _stands_for("copy", _copied, _elements)


@overload(copied, strict=False)
def _copy(a: Any) -> Any:
    """What Numba makes of a list, for example."""
    return lambda a: a.copy()
