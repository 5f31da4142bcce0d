"""How the statements of a kernel become instructions; needs Numba.

Numba looks up an implementation for each statement, which keeps arrays, iterators and pairs in
memory of its own and leaves it to LLVM to find out that nothing needs that.  What kernels are
made of, elements of arrays and loops over integers, is written here in the few instructions
that LLVM leaves of it; the rest is left to Numba.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir as llvm
from numba.core import cgutils, ir, lowering, typed_passes, types
from numba.core.compiler_machinery import register_pass
from numba.core.ir_utils import find_const, get_definition, guard
from numba.core.runtime.nrtdynmod import incref_decref_ty
from numba.np.arrayobj import fix_integer_index, load_item, store_item

from stagec_runtime.choices import Choices
from stagec_runtime.creations import MADE, local_array
from stagec_runtime.division import complex_quotient
from stagec_runtime.local import small_arrays
from stagec_runtime.trips import TripsIterator, advanced
from stagec_runtime.wrappers import write_wrappers

PLAIN = (types.Number, types.Boolean)
# what these hold belongs to nobody: nothing counts who refers to it
UNCOUNTED = (*PLAIN, types.SimpleIteratorType, types.SimpleIterableType, types.Function)
RANGE, RANGE_ITERATOR = types.range_state64_type, types.range_iter64_type
WORD = llvm.IntType(64)
HIGHEST = 64  # power that is written as multiplications


class Lower(lowering.Lower):
    """Writes the instructions of a kernel."""

    def pre_lower(self) -> None:
        """Find what the whole kernel says."""
        super().pre_lower()
        self.small = small_arrays(self.func_ir, self.fndesc.typemap)
        self.choices = Choices(self.blocks, self.fndesc.typemap)
        self.choices.find()
        self.labels = {id(block): label for label, block in self.blocks.items()}

    def lower_block(self, block: Any) -> None:
        """Write a block; one that is a short way of a branch is written with the branch."""
        label = self.labels[id(block)]
        if label in self.choices.gone:
            self.builder.unreachable()
            return
        self.label = label
        super().lower_block(block)

    def lower_inst(self, inst: Any) -> None:
        """Write a statement; of a branch with short ways both."""
        join = self.choices.joins.get(self.label) if isinstance(inst, ir.Branch) else None
        if join is None:
            super().lower_inst(inst)
            return
        self.choose(inst, join)
        self.builder.branch(self.blkmap[join])

    def choose(self, branch: Any, join: int) -> None:
        """Do both ways, and choose between what variables are then."""
        builder, kind = self.builder, self.typeof(branch.cond.name)
        test = self.context.cast(builder, self.loadvar(branch.cond.name), kind, types.boolean)
        names = self.choices.changed((branch.truebr, branch.falsebr), join)
        names = [n for n in names if n not in self._singly_assigned_vars]
        for name in names:
            self._alloca_var(name, self.typeof(name))
        before = [self.loadvar(n) for n in names]
        after = []
        for label in (branch.truebr, branch.falsebr):
            self.do_way(label, join)
            after.append([self.loadvar(n) for n in names])
            for name, value in zip(names, before, strict=True):
                builder.store(value, self.getvar(name))
        for name, yes, no in zip(names, *after, strict=True):
            builder.store(builder.select(test, yes, no), self.getvar(name))

    def do_way(self, label: int, join: int) -> None:
        """Do what there is from the block to where ways join."""
        if label == join:
            return
        *statements, last = self.blocks[label].body
        for statement in statements:
            if isinstance(statement, ir.Assign):
                super().lower_inst(statement)
        if isinstance(last, ir.Branch):
            self.choose(last, join)

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        """The value of an expression."""
        write = WRITTEN.get(expr.op)
        value = None if write is None else write(self, expr)
        return super().lower_expr(resty, expr) if value is None else value

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """The result of an operator; Numba compiles a function for powers that are known, and
        raises an exception for a complex quotient by zero.
        """
        signature = self.fndesc.calltypes[expr]
        if op is operator.truediv and isinstance(signature.return_type, types.Complex):
            return self.complex_quotient(resty, expr, signature)
        exponent = guard(find_const, self.func_ir, expr.rhs) if op is operator.pow else None
        number = isinstance(signature.return_type, types.Integer | types.Float)
        if type(exponent) is not int or not 0 <= exponent <= HIGHEST or not number:
            return super().lower_binop(resty, expr, op)
        kind, base = signature.return_type, signature.args[0]
        factor = self.context.cast(self.builder, self.cast_to(expr.lhs.name, base), base, kind)
        found = self.power(factor, exponent, isinstance(kind, types.Integer))
        return self.context.cast(self.builder, found, kind, resty)

    def complex_quotient(self, resty: Any, expr: Any, signature: Any) -> Any:
        """The quotient of complex numbers."""
        kind = signature.return_type
        operands = zip((expr.lhs, expr.rhs), signature.args, strict=True)
        given = [
            self.context.cast(self.builder, self.cast_to(v.name, k), k, kind)
            for v, k in operands
        ]
        made = complex_quotient(self.context, self.builder, kind, *given)
        return self.context.cast(self.builder, made, kind, resty)

    def power(self, factor: Any, exponent: int, whole: bool) -> Any:
        """A power of a number by multiplications, in the order of Numba's own function."""
        times = self.builder.mul if whole else self.builder.fmul
        found = factor.type(1)
        while exponent:
            if exponent & 1:
                found = times(found, factor)
            exponent >>= 1
            factor = times(factor, factor)
        return found

    def lower_getitem(
        self, resty: Any, expr: Any, value: Any, index: Any, signature: Any
    ) -> Any:
        """The element of an array."""
        kind = signature.args[0]
        if self.typeof(value.name) != kind or not _of_element(kind, signature.args[1]):
            return super().lower_getitem(resty, expr, value, index, signature)
        place = self.place(value.name, kind, index.name, signature.args[1])
        found = load_item(self.context, self.builder, kind, place)
        return self.context.cast(self.builder, found, kind.dtype, resty)

    def lower_setitem(
        self, target_var: Any, index_var: Any, value_var: Any, signature: Any
    ) -> Any:
        """Write to the element of an array."""
        kind, index, given = signature.args
        name, plain = target_var.name, isinstance(given, PLAIN)
        if self.typeof(name) != kind or not plain or not _of_element(kind, index):
            return super().lower_setitem(target_var, index_var, value_var, signature)
        value = self.cast_to(value_var.name, given)
        value = self.context.cast(self.builder, value, given, kind.dtype)
        place = self.place(name, kind, index_var.name, index)
        return store_item(self.context, self.builder, kind, value, place)

    def place(self, name: str, kind: Any, index: str, of: Any) -> Any:
        """The address of an element of the array; `of` is the type that the index gets."""
        builder = self.builder
        given, several = self.cast_to(index, of), isinstance(of, types.BaseTuple)
        values = cgutils.unpack_tuple(builder, given, kind.ndim) if several else [given]
        data, shape = self.part(name, kind, "data"), self.part(name, kind, "shape")
        lengths = cgutils.unpack_tuple(builder, shape, kind.ndim)
        steps = None
        if kind.layout == "A":
            steps = cgutils.unpack_tuple(builder, self.part(name, kind, "strides"), kind.ndim)
        places = [
            fix_integer_index(self.context, builder, each, value, length)
            for each, value, length in zip(
                of.types if several else [of], values, lengths, strict=True
            )
        ]
        return cgutils.get_item_pointer2(
            self.context, builder, data, lengths, steps, kind.layout, places
        )

    def cast_to(self, name: str, kind: Any) -> Any:
        """The value of a variable as one of this type."""
        value = self.loadvar(name)
        return self.context.cast(self.builder, value, self.typeof(name), kind)

    def part(self, name: str, kind: Any, which: str) -> Any:
        """A field of what an array is in machine code, of which only this field is read."""
        position = self.context.data_model_manager[kind].get_field_position(which)
        if name in self._blk_local_varmap:
            return self.builder.extract_value(self._blk_local_varmap[name], position)
        place = cgutils.gep_inbounds(self.builder, self.getvar(name), 0, position)
        return self.builder.load(place)

    def storevar(self, value: Any, name: str, argidx: Any = None) -> None:
        """Let a variable have this value."""
        kind = self.typeof(name)
        counted = not isinstance(kind, UNCOUNTED) and name not in self.small.names
        if name in self._singly_assigned_vars or counted:
            return super().storevar(value, name, argidx)
        self._alloca_var(name, kind)
        self.builder.store(value, self.getvar(name))
        return None

    def lower_assign(self, ty: Any, inst: Any) -> Any:
        """The value that a variable gets."""
        if isinstance(inst.value, ir.Var) and inst.value.name in self.small.names:
            return self.loadvar(inst.value.name)  # nobody counts who refers to it
        return super().lower_assign(ty, inst)

    def delvar(self, name: str) -> None:
        """Forget a variable."""
        if name not in self.small.names:
            super().delvar(name)

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:
        """Memory for a variable; nobody debugs a kernel with a debugger."""
        return cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)

    def incref(self, typ: Any, val: Any) -> None:
        """Count one more who refers to the value."""
        self._count(typ, val, "NRT_incref", super().incref)

    def decref(self, typ: Any, val: Any) -> None:
        """Count one less who refers to the value."""
        self._count(typ, val, "NRT_decref", super().decref)

    def create_cpython_wrapper(self, release_gil: bool = False) -> None:
        """Write what Python calls."""
        write_wrappers(self, release_gil)

    def _count(self, kind: Any, value: Any, name: str, otherwise: Callable[..., None]) -> None:
        if isinstance(kind, UNCOUNTED):
            return
        if not isinstance(kind, types.Array) or not self.context.enable_nrt:
            otherwise(kind, value)
            return
        counted = cgutils.get_or_insert_function(self.module, incref_decref_ty, name)
        counted.args[0].add_attribute("noalias")
        counted.args[0].add_attribute("captures(none)")
        self.builder.call(counted, [self.builder.extract_value(value, 0)])


@register_pass(mutates_CFG=True, analysis_only=False)
class Lowering(typed_passes.NativeLowering):
    """The stage that writes the instructions of a kernel."""

    _name = "stagec_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        """What writes them."""
        return Lower


def _of_element(kind: Any, index: Any) -> bool:
    """Whether an index of this type selects a single number of an array of that type."""
    if not (isinstance(kind, types.Array) and kind.aligned and isinstance(kind.dtype, PLAIN)):
        return False
    several = isinstance(index, types.UniTuple | types.Tuple)
    kinds: list[Any] = list(index.types) if several else [index]
    return len(kinds) == kind.ndim and all(isinstance(k, types.Integer) for k in kinds)


# -- expressions; None is what Numba writes ----------------------------------------------------


def _attribute(lower: Lower, expr: Any) -> Any:
    kind = lower.typeof(expr.value.name)
    if isinstance(kind, types.Array) and expr.attr == "shape":
        return lower.part(expr.value.name, kind, "shape")
    return None


def _member(lower: Lower, expr: Any) -> Any:
    """The value at a position that is known."""
    name, index = expr.value.name, expr.index
    kind = lower.typeof(name)
    if not (isinstance(kind, types.UniTuple) and isinstance(kind.dtype, PLAIN)):
        return None
    if not (isinstance(index, int) and -kind.count <= index < kind.count):
        return None
    return lower.builder.extract_value(lower.loadvar(name), index % kind.count)


def _first(lower: Lower, expr: Any) -> Any:
    return _of_pair(lower, expr, 0)


def _second(lower: Lower, expr: Any) -> Any:
    return _of_pair(lower, expr, 1)


def _of_pair(lower: Lower, expr: Any, which: int) -> Any:
    """A part of what an iterator gave: the number, or whether there was one."""
    if isinstance(lower.typeof(expr.value.name).first_type, PLAIN):
        return lower.builder.extract_value(lower.loadvar(expr.value.name), which)
    return None


def _iterator(lower: Lower, expr: Any) -> Any:
    """What goes through a range whose step is 1."""
    made = guard(get_definition, lower.func_ir, expr.value)
    if lower.typeof(expr.value.name) != RANGE or not _steps_by_one(made):
        return None
    builder, numbers = lower.builder, lower.loadvar(expr.value.name)
    start, stop, step = cgutils.unpack_tuple(builder, numbers, 3)
    length = builder.sub(stop, start)
    some = builder.icmp_signed(">", length, WORD(0))
    number = cgutils.alloca_once_value(builder, start)
    count = cgutils.alloca_once_value(builder, builder.select(some, length, WORD(0)))
    return cgutils.make_anonymous_struct(
        builder, (number, stop, step, count), lower.context.get_value_type(RANGE_ITERATOR)
    )


def _steps_by_one(made: Any) -> bool:
    call = isinstance(made, ir.Expr) and made.op == "call"
    return call and len(made.args) < 3 and not made.kws and made.vararg is None


def _next(lower: Lower, expr: Any) -> Any:
    kind, builder = lower.typeof(expr.value.name), lower.builder
    if kind != RANGE_ITERATOR and not isinstance(kind, TripsIterator):
        return None
    iterator = lower.loadvar(expr.value.name)
    if kind == RANGE_ITERATOR:
        found = _next_of_range(builder, iterator)
    else:
        found = advanced(builder, kind.down, *cgutils.unpack_tuple(builder, iterator, 3))
    return cgutils.make_anonymous_struct(builder, found)


def _next_of_range(builder: Any, iterator: Any) -> tuple[Any, Any]:
    """The next number, and whether there is one."""
    numbers, _, step, counts = cgutils.unpack_tuple(builder, iterator, 4)
    count, number = builder.load(counts), builder.load(numbers)
    more = builder.icmp_signed(">", count, WORD(0))
    with builder.if_then(more):
        builder.store(builder.sub(count, WORD(1), flags=["nsw"]), counts)
        builder.store(builder.add(number, step), numbers)
    return number, more


def _call(lower: Lower, expr: Any) -> Any:
    """A new array on the stack."""
    lengths = lower.small.calls.get(expr)
    if lengths is None:
        return None
    kind = lower.fndesc.calltypes[expr].return_type
    zero = lower.typeof(expr.func.name).typing_key is MADE["zeros"]
    return local_array(lower.context, lower.builder, kind, lengths, zero)


WRITTEN: dict[str, Callable[[Lower, Any], Any]] = {
    "call": _call,
    "getattr": _attribute,
    "static_getitem": _member,
    "pair_first": _first,
    "pair_second": _second,
    "getiter": _iterator,
    "iternext": _next,
}
