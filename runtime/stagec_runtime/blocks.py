"""Memory of kernels: what is large stays with the process, up to a limit; needs Numba.

The C library takes blocks of more than 32 MB from the system and hands them back, whatever it
is told (`stagec_runtime.memory`): in each call each page would wait for the system.

A few slots hold what was freed.  Who finds them in use by another thread asks the C library, so
that nobody waits.  In front of each block are the address that the C library gave and the size.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, runtime

from stagec_runtime.memory import LARGEST, keep_freed, wanted

NAME = "stagec_owner"  # the function that kernels call: it gives the owner of new memory
SLOTS = 8
ALIGN, FRONT = 64, 16  # a line of the cache; what stands in front of the elements
MANAGE = 2  # the place of `manage_memory` in Numba's table of functions (numba.core.runtime)
WORD, SHORT = ir.IntType(64), ir.IntType(32)
RUNTIME: Any = runtime
HELPERS = RUNTIME._nrt_python.c_helpers  # addresses of Numba's functions
POINTER = ir.PointerType(ir.IntType(8))
SLOT = ir.ArrayType(WORD, SLOTS)
NOTHING = ir.VoidType()
ZERO = WORD(0)


class Blocks:
    """The module of the functions that take and give blocks, while it is written.

    Attributes
    ----------
    slots : the data of each block that is kept; zero where there is none.
    kept : how many bytes they are.
    oldest : the slot whose block goes first.
    busy : whether a thread uses the slots.
    """

    def __init__(self, limit: int) -> None:
        self.limit = WORD(limit)
        self.module = ir.Module(name="stagec_blocks")
        self.slots = self._variable("slots", SLOT)
        self.kept = self._variable("kept", WORD)
        self.oldest = self._variable("oldest", WORD)
        self.busy = self._variable("busy", WORD)
        self.malloc = self._function("malloc", POINTER, WORD)
        self.free = self._function("free", NOTHING, POINTER)
        self.given = self._give(self._function("give", NOTHING, POINTER))
        self._take(self._function(NAME, POINTER, WORD, SHORT))

    def _variable(self, name: str, kind: Any) -> Any:
        made: Any = ir.GlobalVariable(self.module, kind, name)
        made.linkage, made.initializer = "internal", ir.Constant(kind, None)
        return made

    def _function(self, name: str, result: Any, *arguments: Any) -> Any:
        return ir.Function(self.module, ir.FunctionType(result, arguments), name)

    def _slot(self, b: ir.IRBuilder, place: Any) -> Any:
        return b.gep(self.slots, [ZERO, place])

    def _front(self, b: ir.IRBuilder, data: Any) -> tuple[Any, Any]:
        """Where the C library's pointer and the size of the block are."""
        first = b.inttoptr(b.sub(data, WORD(FRONT)), WORD.as_pointer())
        return first, b.gep(first, [WORD(1)])

    def _mine(self, b: ir.IRBuilder) -> Any:
        """Try to have the slots for this thread; whether it has them."""
        before = b.atomic_rmw("xchg", self.busy, WORD(1), "acquire")
        return b.icmp_unsigned("==", before, ZERO)

    def _done(self, b: ir.IRBuilder) -> None:
        b.store_atomic(ZERO, self.busy, "release", 8)

    def _drop(self, b: ir.IRBuilder, slot: Any) -> None:
        """Free the block of a slot that has one."""
        front, size = self._front(b, b.load(slot))
        b.store(ZERO, slot)
        b.store(b.sub(b.load(self.kept), b.load(size)), self.kept)
        b.call(self.free, [b.inttoptr(b.load(front), POINTER)])

    def _give(self, function: Any) -> Any:
        """Keep the block that is no longer needed, in place of older ones, or free it."""
        b = ir.IRBuilder(function.append_basic_block())
        data = b.ptrtoint(function.args[0], WORD)
        front, place = self._front(b, data)
        size = b.load(place)
        fits = function.append_basic_block("fits")
        freed = function.append_basic_block("freed")
        again = function.append_basic_block("again")
        b.cbranch(b.icmp_unsigned("<=", size, self.limit), fits, freed)
        b.position_at_end(freed)
        b.call(self.free, [b.inttoptr(b.load(front), POINTER)])
        b.ret_void()
        b.position_at_end(fits)
        b.cbranch(self._mine(b), again, freed)
        b.position_at_end(again)
        total = b.add(b.load(self.kept), size)
        within = b.icmp_unsigned("<=", total, self.limit)
        with b.if_then(within), cgutils.for_range(b, WORD(SLOTS)) as each:
            slot = self._slot(b, each.index)
            with b.if_then(b.icmp_unsigned("==", b.load(slot), ZERO)):
                b.store(data, slot)
                b.store(total, self.kept)
                self._done(b)
                b.ret_void()
        oldest = b.load(self.oldest)
        slot = self._slot(b, oldest)
        with b.if_then(b.icmp_unsigned("!=", b.load(slot), ZERO)):
            self._drop(b, slot)
        following = b.add(oldest, WORD(1))
        b.store(b.urem(following, WORD(SLOTS)), self.oldest)
        b.branch(again)
        return function

    def _take(self, function: Any) -> None:
        """The owner of so many bytes or a few more, kept or new; null: there is none."""
        b = ir.IRBuilder(function.append_basic_block())
        with b.if_then(b.icmp_unsigned("<", function.args[0], WORD(LARGEST)), likely=True):
            b.ret(_call(b, POINTER, HELPERS["MemInfo_alloc_aligned"], function.args))
        size = b.add(function.args[0], WORD(FRONT + ALIGN))
        most = b.add(size, b.lshr(size, WORD(3)))
        with b.if_then(self._mine(b)):
            with cgutils.for_range(b, WORD(SLOTS)) as each:
                slot = self._slot(b, each.index)
                data = b.load(slot)
                with b.if_then(b.icmp_unsigned("!=", data, ZERO)):
                    has = b.load(self._front(b, data)[1])
                    enough = b.icmp_unsigned(">=", has, size)
                    with b.if_then(b.and_(enough, b.icmp_unsigned("<=", has, most))):
                        b.store(ZERO, slot)
                        b.store(b.sub(b.load(self.kept), has), self.kept)
                        self._done(b)
                        b.ret(self._owned(b, data))
            self._done(b)
        base = b.call(self.malloc, [size])
        with b.if_then(b.icmp_unsigned("==", b.ptrtoint(base, WORD), ZERO), likely=False):
            b.ret(ir.Constant(POINTER, None))
        first = b.ptrtoint(base, WORD)
        data = b.and_(b.add(first, WORD(FRONT + ALIGN - 1)), WORD(-ALIGN))
        front, place = self._front(b, data)
        b.store(first, front)
        b.store(size, place)
        b.ret(self._owned(b, data))

    def _owned(self, b: ir.IRBuilder, data: Any) -> Any:
        """Numba's owner of the block, which gives it back."""
        return _call(b, POINTER, _manage(), [b.inttoptr(data, POINTER), self.given])


def _call(b: ir.IRBuilder, result: Any, address: int, arguments: Any) -> Any:
    """Call the function of this process at the address."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return b.call(b.inttoptr(ir.Constant(WORD, address), kind.as_pointer()), arguments)


def _manage() -> int:
    """The address of the function of Numba's that makes the owner of memory."""
    table = ctypes.CFUNCTYPE(ctypes.c_void_p)(HELPERS["get_api"])()
    return ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[MANAGE]


def compiled(limit: int) -> tuple[Any, int]:
    """What holds the machine code, and the address of the function that kernels call."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(str(Blocks(limit).module))
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, opt=0)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine, engine.get_function_address(NAME)


# it lives as long as the process: arrays may be freed at its end
ENGINE, ADDRESS = compiled(wanted() if keep_freed() else 0)
llvm.add_symbol(NAME, ADDRESS)
