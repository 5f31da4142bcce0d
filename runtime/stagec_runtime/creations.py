"""New arrays of kernels, made by a few instructions; needs Numba.

Numba compiles a function of Python for each kind of new array, and others that it calls, which
takes longer than many a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.ir import Loc
from numba.core.typing.npydecl import parse_dtype, parse_shape
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable
from numba.np.arrayobj import get_itemsize, make_array, populate_array, store_item

WORD = ir.IntType(64)
PLACE = Loc(__file__, 1)
TOO_BIG = "array is too big; it has more bytes than a machine word can count"
# the functions of NumPy by name, and what stands for them
MADE: dict[str, Callable[..., Any]] = {}


def _stands_for(name: str, typed: Callable[..., Any], write: Callable[..., None]) -> None:
    """Give NumPy's function a form that makes the array itself.

    `typed` gives the type of the array for types of arguments, `write` fills the new array: it
    gets the context, the builder, the array's type, the array, its number of elements, the
    types of the arguments and the arguments.
    """

    def stand_in() -> None:
        """What Numba knows it by."""

    def lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def fail(text: str) -> None:
            # the traceback names the function, which tells the program's line (stagec.blame)
            context.call_conv.return_user_exc(builder, ValueError, (text,), PLACE, name)

        kind = signature.return_type
        shape = _lengths(context, builder, signature.args[0], args[0], fail)
        array, count = new_array(context, builder, kind, shape, fail)
        write(context, builder, kind, array, count, signature.args, args)
        return array._getvalue()

    type_callable(stand_in)(lambda context: typed)
    lower_builtin(stand_in, types.VarArg(types.Any))(lowered)
    MADE[name] = stand_in


def _lengths(
    context: Any, builder: Any, kind: Any, shape: Any, fail: Callable[[str], None]
) -> list[Any]:
    """The lengths of the axes, given by a shape, or by an array that has this shape."""
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
    align = context.get_preferred_array_alignment(kind.dtype)
    owner = context.nrt.meminfo_alloc_aligned(builder, size, align)
    memory = context.nrt.meminfo_data(builder, owner)
    array = make_array(kind)(context, builder)
    element = context.get_data_type(kind.dtype)
    populate_array(
        array,
        data=builder.bitcast(memory, element.as_pointer()),
        shape=cgutils.pack_array(builder, shape, ty=WORD),
        strides=cgutils.pack_array(builder, strides, ty=WORD),
        itemsize=itemsize,
        meminfo=owner,
    )
    return array, builder.sdiv(size, itemsize)


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


for _name, _typed, _write in (
    ("empty", _of_shape, _nothing),
    ("zeros", _of_shape, _zeros),
    ("ones", _of_shape, _ones),
    ("full", _filled, _value),
    ("empty_like", _like, _nothing),
    ("zeros_like", _like, _zeros),
):
    _stands_for(_name, _typed, _write)
