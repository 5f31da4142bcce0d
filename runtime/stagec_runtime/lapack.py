"""Calls of LAPACK in kernels; needs Numba.

LAPACK counts in columns and overwrites what it is given: operands are copied into memory of the
call, which is on the stack where they are small.  What calls LAPACK is one function for each
element type: many calls take little longer to compile than one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.ir import Loc
from numba.np.arrayobj import make_array
from numba.np.linalg import get_blas_kind

from stagec_runtime.creations import WORD, new_array

PLACE = Loc(__file__, 1)
BYTES = ir.IntType(8).as_pointer()
LETTER, FLAG = ir.IntType(8), ir.IntType(32)
PIVOTS = ir.IntType(32).as_pointer()  # they take no more memory than elements
STACK = 256  # elements that a call has on the stack
LARGEST = 2**28  # a length whose square can be counted in bytes
NO_MEMORY = FLAG(-1)  # what is returned in place of a column
LinAlgError = np.linalg.LinAlgError
# Numba's functions, which take a letter for the element type
GESV = ir.FunctionType(FLAG, [LETTER, WORD, WORD, BYTES, WORD, BYTES, BYTES, WORD])
GETRF = ir.FunctionType(FLAG, [LETTER, WORD, WORD, BYTES, WORD, BYTES])
POTRF = ir.FunctionType(FLAG, [LETTER, LETTER, WORD, BYTES, WORD])


@dataclass(slots=True)
class Matrix:
    """A matrix in memory, or a vector as one of one column."""

    data: Any
    row: Any
    column: Any

    @property
    def parts(self) -> list[Any]:
        """What a function is given."""
        return [self.data, self.row, self.column]


class Call:
    """What stands in the kernel for a call, while it is written."""

    def __init__(self, context: Any, builder: Any, kind: Any, name: str) -> None:
        self.context = context
        self.builder = builder
        self.dtype = kind
        self.name = name

    def fail(self, error: type[Exception], text: str) -> None:
        """Raise the error."""
        # the traceback names the function, which tells the program's line (stagec.blame)
        self.context.call_conv.return_user_exc(self.builder, error, (text,), PLACE, self.name)

    def check(self, wrong: Any, error: type[Exception], text: str) -> None:
        """Raise the error under a condition."""
        with self.builder.if_then(wrong, likely=False):
            self.fail(error, text)

    def operand(self, kind: Any, value: Any) -> tuple[Matrix, list[Any]]:
        """An operand and its lengths, that LAPACK can be told."""
        array = make_array(kind)(self.context, self.builder, value=value)
        lengths = cgutils.unpack_tuple(self.builder, array.shape, kind.ndim)
        for n in lengths:
            long = self.builder.icmp_signed(">", n, WORD(LARGEST))
            self.check(long, OverflowError, "a matrix is too large for LAPACK")
        return self.matrix(kind, array), lengths

    def matrix(self, kind: Any, array: Any) -> Matrix:
        """Where the elements of an array are."""
        steps = cgutils.unpack_tuple(self.builder, array.strides, kind.ndim)
        return Matrix(self.builder.bitcast(array.data, BYTES), *(*steps, WORD(0))[:2])

    def square(self, kind: Any, value: Any) -> tuple[Matrix, Any]:
        """A square matrix and its length."""
        matrix, (n, columns) = self.operand(kind, value)
        text = "Last 2 dimensions of the array must be square"
        self.check(self.builder.icmp_signed("!=", n, columns), LinAlgError, text)
        return matrix, n

    def new(self, kind: Any, shape: list[Any]) -> tuple[Any, Matrix]:
        """A new array."""
        made, _ = new_array(
            self.context, self.builder, kind, shape, lambda text: self.fail(ValueError, text)
        )
        return made._getvalue(), self.matrix(kind, made)

    def run(self, write: Callable[..., None], *args: Any) -> Any:
        """What LAPACK says in the function that `write` writes: once, for all calls of it."""
        module, name = self.builder.module, f"stagec{write.__name__}_{self.dtype}"
        function = module.globals.get(name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(FLAG, [x.type for x in args]), name)
            function.linkage = "internal"
            function.attributes.add("noinline")
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            write(Body(self.context, inside, self.dtype), *function.args)
        return self.builder.call(function, args)

    def check_done(self, failed: Any, kind: Any, made: Any, text: str) -> None:
        """Raise the error if LAPACK failed, or had no memory; nothing needs the result then."""
        b = self.builder
        with b.if_then(cgutils.is_not_null(b, failed), likely=False):
            self.context.nrt.decref(b, kind, made)
            self.check_memory(failed)
            self.fail(LinAlgError, text)

    def check_memory(self, failed: Any) -> None:
        """Raise an error if there was no memory."""
        lacking = self.builder.icmp_signed("==", failed, NO_MEMORY)
        self.check(lacking, MemoryError, "Allocation failed (probably too large).")


class Body:
    """A function that calls LAPACK, while it is written."""

    def __init__(self, context: Any, builder: Any, kind: Any) -> None:
        self.context = context
        self.builder = builder
        self.dtype = kind
        self.element = context.get_data_type(kind)

    def number(self, value: float) -> Any:
        """A constant."""
        return self.context.get_constant_generic(self.builder, self.dtype, value)

    @contextmanager
    def memory(self, *counts: Any) -> Iterator[list[Any]]:
        """Memory for so many elements each, until the end of the block."""
        b = self.builder
        size = WORD(self.context.get_abi_sizeof(self.element))
        total = functools.reduce(b.add, counts)
        stack = b.alloca(self.element, size=WORD(STACK))
        place = cgutils.alloca_once_value(b, stack)
        large = b.icmp_signed(">", total, WORD(STACK))
        with b.if_then(large, likely=False):
            heap = self.context.nrt.allocate_unchecked(b, b.mul(total, size))
            with b.if_then(cgutils.is_null(b, heap), likely=False):
                b.ret(NO_MEMORY)
            b.store(b.bitcast(heap, stack.type), place)
        first = b.load(place)
        parts = [first]
        for count in counts[:-1]:
            parts.append(b.gep(parts[-1], [count]))
        yield parts
        with b.if_then(large, likely=False):
            self.context.nrt.free(b, b.bitcast(first, BYTES))

    def each(
        self, n: Any, count: Any, memory: Any, act: Callable[[Any, Any, Any], None]
    ) -> None:
        """Do something with row, column and address of each element of a matrix in columns."""
        b = self.builder
        with (
            cgutils.for_range(b, count) as columns,
            cgutils.for_range(b, n) as rows,
        ):
            row, column = rows.index, columns.index
            act(row, column, b.gep(memory, [b.add(b.mul(column, n), row)]))

    def place(self, matrix: Matrix, row: Any, column: Any) -> Any:
        """The address of an element of a matrix of the kernel."""
        b = self.builder
        far = b.add(b.mul(row, matrix.row), b.mul(column, matrix.column))
        return b.bitcast(b.gep(matrix.data, [far]), self.element.as_pointer())

    def fill(self, matrix: Matrix, n: Any, count: Any, memory: Any) -> None:
        """Write a matrix of the kernel to the memory, in columns."""
        b = self.builder

        def copy(row: Any, column: Any, place: Any) -> None:
            b.store(b.load(self.place(matrix, row, column)), place)

        self.each(n, count, memory, copy)

    def lapack(self, name: str, kind: Any, *args: Any) -> Any:
        """The result of a function of LAPACK: the column that it failed at, or zero."""
        b = self.builder
        function = cgutils.get_or_insert_function(b.module, kind, name)
        letter = LETTER(ord(get_blas_kind(self.dtype)))
        pointer = ir.PointerType
        given = [b.bitcast(x, BYTES) if isinstance(x.type, pointer) else x for x in args]
        return b.call(function, [letter, *given])

    def leading(self, n: Any) -> Any:
        """The distance of columns of length n, which is never zero."""
        return self.builder.select(self.builder.icmp_signed(">", n, WORD(1)), n, WORD(1))
