"""The staging interpreter: the machine with its parts put together."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import (
    arrays,
    assignments,
    calls,
    containers,
    generators,
    iterators,
    library,
    numpy_calls,
    objects,
    protocols,
    rows,
    staged_lists,
    statements,
)
from stagec.frontend.capturing import Capturing
from stagec.frontend.closing import close
from stagec.frontend.expressions import binary, evaluate
from stagec.frontend.iterables import mixed_items, turned
from stagec.frontend.loops import variable_names
from stagec.frontend.machine import AliasClash, Raised, Restart
from stagec.frontend.sizes import need_tested_sizes
from stagec.frontend.state import Exit, Leaf, State, taken
from stagec.frontend.unify import Unjoinable
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Fields,
    FunctionValue,
    Items,
    Known,
    Number,
    Outside,
    Ref,
    Row,
    StagedList,
    TupleValue,
    Value,
    Zipped,
)
from stagec.ir.core import Apply, Const, Op, Operand, Value as Staged, const
from stagec.ir.function import Function
from stagec.ir.types import BOOL, ArrayType, Size, size
from stagec.ops.arithmetic import Handle
from stagec.ops.cast import to_python
from stagec.ops.extent import extent


@dataclass(slots=True)
class Interpreter(Capturing):
    """A machine that can run statements, expressions and calls."""

    def __post_init__(self) -> None:
        self.run = lambda stmts, frame, state: statements.run(self, stmts, frame, state)
        self.call = lambda *args: calls.call(self, *args)
        self.evaluate = lambda *args: evaluate(self, *args)
        self.assign = lambda m, *args: assignments.assign(self, *args)

    # -- running Python at staging --------------------------------------------------------

    def host(
        self, state: State, function: Any, args: Any, kwargs: Any, loc: Loc | None
    ) -> Known:
        """The result of a function run at staging; what it raises, the program raises here."""
        try:
            with np.errstate(all="ignore"):
                return Known(function(*args, **kwargs))
        except (Restart, StagecError):
            raise
        except Exception as error:
            raise Raised(error) from None

    def host_attribute(self, plain: Any, name: str) -> Any:
        """An attribute of a Python object; a missing one is the program's AttributeError."""
        if not callable(getattr(type(plain), name, None)):
            generators.refuse(self, (plain,), None)
        if isinstance(plain, BaseException) and name in ("__cause__", "__context__"):
            raise StagecError(
                "SC369", f"{name} of an exception in staged code", None, "keep it in a variable"
            )
        try:
            return getattr(plain, name)
        except AttributeError as error:
            raise Raised(error) from None

    def call_value(
        self, state: State, f: Any, args: tuple[Value, ...], kwargs: Any, loc: Loc | None
    ) -> Value:
        """The result of a call whose paths can be merged again; `state` moves on."""
        function = (
            f if isinstance(f, Known | FunctionValue) or hasattr(f, "receiver") else Known(f)
        )
        tree = self.call(function, args, kwargs, state, loc)
        if not isinstance(tree, Leaf):
            names = variable_names(self.frames[-1]) if self.frames else {}
            try:
                tree = close(self, tree, names)
            except Unjoinable as clash:
                need_tested_sizes(self, tree)
                raise StagecError(
                    "SC306", f"the result of this call has no common type: {clash.reason}", loc,
                    "assign the call to a variable first",
                ) from None  # fmt: skip
        if not isinstance(tree, Leaf) or tree.exit not in (Exit.NORMAL, Exit.RAISE):
            raise StagecError(
                "SC307", "this call may raise here", loc, "call it on its own line"
            )
        state.cells = tree.state.cells
        if tree.exit is Exit.RAISE:
            raise Raised(tree.raised)
        return taken(state)

    # -- numbers --------------------------------------------------------------------------

    def const_handle(self, state: State, value: Any) -> Handle:
        """A handle on a constant."""
        return Handle(state.builder, const(value))

    def lift(self, state: State, value: Any) -> Any:
        """A handle on a number."""
        return value if isinstance(value, Handle) else self.const_handle(state, value)

    def apply_op(self, state: State, op: Op, handles: Any, **attrs: Any) -> Any:
        """The op applied in the block of `state`, also without operands."""
        outs = state.builder.add(op, [h.operand for h in handles], attrs)
        return Handle(state.builder, outs[0]) if outs else None

    def operand(self, state: State, value: Value, loc: Loc | None) -> Operand:
        """The operand of a number."""
        if isinstance(value, Number):
            return value.operand
        if isinstance(value, ArrayRef):
            return arrays.handle_of(self, state, value, loc).operand
        if isinstance(value, Known):
            plain = self.guard(value)
            if isinstance(plain, bool | int | float | complex | np.generic):
                return const(plain)
            raise Raised(TypeError(f"{type(plain).__name__!r} object is not a number"))
        raise StagecError("SC308", "a number is needed here", loc, "use a number")

    def truth(self, state: State, value: Value, loc: Loc | None) -> bool | Operand:
        """The truth of a value: a bool if staging knows it, else a staged Python bool."""
        match value:
            case Known(value=plain):
                if isinstance(plain, np.ndarray):
                    return self.truth(state, self.captured_array(state, value, loc), loc)
                if isinstance(plain, list | dict) and value.source is not None:
                    return bool(containers.known_length(self, value))
                if protocols.says(value, *protocols.TRUTH):
                    return protocols.own_truth(self, state, value, loc)
                if protocols.always_true(self, value):
                    return True
                return bool(self.host(state, bool, [self.guard(value)], {}, loc).value)
            case Number(operand):
                return self.bool_of(state, operand)
            case ArrayRef():
                return self.bool_of(state, arrays.handle_of(self, state, value, loc).operand)
            case TupleValue(items):
                return bool(items)
            case Ref():
                content = self.inside(state, value)
                if isinstance(content, StagedList):
                    n = staged_lists.length(self, state, content)
                    return self.bool_of(state, n.operand)
                own = isinstance(content, Fields) and not issubclass(value.cls, dict)
                if own or isinstance(content, Outside):
                    return protocols.own_truth(self, state, value, loc)
                return bool(content.items)
            case _:
                return True

    def bool_of(self, state: State, operand: Operand) -> bool | Operand:
        """A staged number's truth as a Python bool."""
        if isinstance(operand, Const):
            return bool(operand.value)
        if operand.type == BOOL:
            return operand
        return to_python(self.handle(state, operand), kind="bool").operand

    def any_equal(
        self, state: State, items: list[Value], value: Value, loc: Loc | None
    ) -> Value:
        """Whether any item equals the value."""
        found: Value = Known(False)
        for item in items:
            same = binary(self, state, operator.eq, value, item, loc)
            truth = self.truth(state, same, loc)
            if truth is True:
                return Known(True)
            if truth is False:
                continue
            if isinstance(found, Known):
                found = Number(truth)
            else:
                found = numpy_calls.apply(
                    self, state, operator.or_, (found, Number(truth)), {}, loc
                )
        return found

    # -- arrays ---------------------------------------------------------------------------

    def as_array(self, state: State, value: Value, loc: Loc | None) -> Any:
        """A handle on the value as an array, lists and numbers included."""
        plain = numpy_calls.argument(self, state, value, loc)
        if isinstance(plain, Handle):
            return plain
        lifted = numpy_calls.lifted(
            state, plain.tolist() if isinstance(plain, np.ndarray) else plain
        )
        if isinstance(plain, range):
            lifted = numpy_calls.lifted(state, list(plain))
        return numpy_calls.TABLE[np.array](lifted)

    def shape(self, state: State, value: Value, loc: Loc | None) -> TupleValue:
        """`value.shape`."""
        if isinstance(value, Number):
            return TupleValue(())
        assert isinstance(value, ArrayRef)
        kind = arrays.type_of(state, value)
        handle = None
        out: list[Value] = []
        for axis, dim in enumerate(kind.shape):
            if isinstance(dim, int):
                out.append(Known(dim))
                continue
            if handle is None:
                handle = arrays.handle_of(self, state, value, loc)
            out.append(Number(self.size_operand(state, handle, axis)))
        return TupleValue(tuple(out))

    def size_operand(self, state: State, handle: Any, axis: int) -> Operand:
        """The length of an axis, read off the array at run time."""
        dim = handle.shape[axis]
        if isinstance(dim, Size) and len(dim.terms) == 1 and dim.const == 0:
            found = self.size_origin.get(dim.terms[0][0])
            if found is not None and dim.terms[0][1] == 1 and found in self.entry_arrays:
                array, at = self.entry_arrays[found]
                if self.parts(found) == 1:
                    handle, axis = self.handle(state, array), at
        return extent(handle, axis=axis).operand

    def known_size(
        self, state: State, ref: ArrayRef, axis: int, loc: Loc | None, what: str
    ) -> int:
        """The length of an axis at staging; it joins the key where that is possible."""
        return int(self.need_known(state, self.shape(state, ref, loc).items[axis], loc, what))

    def require_size(
        self, state: State, ref: ArrayRef, axis: int, wanted: int, loc: Loc | None
    ) -> None:
        """Check that an axis has the wanted length, as unpacking does."""
        have = self.known_size(state, ref, axis, loc, "the length of an unpacked array")
        if have != wanted:
            many = have > wanted
            text = (f"too many values to unpack (expected {wanted})" if many else
                    f"not enough values to unpack (expected {wanted}, got {have})")  # fmt: skip
            raise Raised(ValueError(text))

    def sized(self, state: State, value: Value) -> Value:
        """The value, its unknown sizes named by fresh symbols."""
        if not isinstance(value, ArrayRef) or value.path:
            return value
        cell = state.cells[value.cell]
        assert isinstance(cell, ArrayCell)
        operand = cell.operand
        if not isinstance(operand, Staged) or not isinstance(operand.type, ArrayType):
            return value
        if None not in operand.type.shape:
            return value
        stmt = state.builder.stmts[-1]
        if not isinstance(stmt, Apply) or stmt.outs != (operand,):
            return value
        shape = tuple(
            size(self.symbol(depth=state.builder.depth)) if d is None else d
            for d in operand.type.shape
        )
        named = Staged(replace(operand.type, shape=shape), operand.hint)
        state.builder.stmts.pop()
        state.builder.append(replace(stmt, outs=(named,)))
        state.cells[value.cell] = replace(cell, operand=named)
        return value

    def layout(self, leaf: int) -> str:
        """The memory order of an argument; asking makes it part of the key."""
        if not self.decided("layout", leaf):
            raise Restart("layout", leaf)
        return self.layouts[leaf]

    def is_view_of(self, ref: ArrayRef, base: ArrayRef) -> bool:
        """Whether writing through `ref` writes to the memory of `base`."""
        return ref.cell == base.cell

    def small(self, state: State, ref: ArrayRef) -> bool:
        """Whether the array has few elements along its first axis, known at staging."""
        dim = arrays.type_of(state, ref).shape[0]
        return isinstance(dim, int) and dim <= 16

    # -- containers -----------------------------------------------------------------------

    def is_staged_list(self, state: State, value: Value) -> bool:
        """Whether the value is a list of run-time length."""
        content = state.cells.get(value.cell) if isinstance(value, Ref) else None
        return isinstance(content, StagedList | Row)

    def is_dict(self, state: State, value: Value) -> bool:
        """Whether the value is a dict."""
        if isinstance(value, Ref):
            return issubclass(value.cls, dict)
        return isinstance(value, Known) and isinstance(value.value, dict)

    def inside(self, state: State, ref: Ref) -> Any:
        """The content of a list, dict or set; one of the caller's is opened on first use."""
        if ref.cell not in state.cells:  # another path has written to it, this one has not
            state.cells[ref.cell] = self.shared_cells[ref.cell]
        if ref.cell in self.nesting.twice:
            raise rows.two_names(state.builder.loc)
        content = state.cells[ref.cell]
        return rows.content(self, state, content) if isinstance(content, Row) else content

    def writable(self, state: State, value: Value, loc: Loc | None) -> Ref:
        """A reference through which the object can be changed."""
        if isinstance(value, Ref):
            if value.cell in self.borrowed:
                raise AliasClash(
                    "SC315",
                    "this may be one of the caller's lists, dicts or objects, or a new one, "
                    "so it cannot be changed",
                    loc,
                    "take a copy where the name is assigned: `y = list(x)`",
                )
            return value
        if not isinstance(value, Known):
            raise StagecError(
                "SC352", "this value cannot be changed", loc, "use a list or object"
            )
        plain = value.value
        if isinstance(plain, tuple | str | int | float):
            raise Raised(
                TypeError(f"{type(plain).__name__!r} object does not support assignment")
            )
        entry = self.outside.get(id(plain))
        if entry is not None and entry[0] in state.cells:
            return Ref(entry[0], type(plain))
        if entry is None:
            self.cells += 1
            entry = self.outside[id(plain)] = (self.cells, value)
        opened = self.opened(state, value, loc)
        state.cells[entry[0]] = self.shared_cells.setdefault(entry[0], opened)
        return Ref(entry[0], type(plain))

    def opened(self, state: State, value: Known, loc: Loc | None) -> Any:
        """The content of an object of the caller."""
        plain = value.value
        if isinstance(plain, dict):
            return Fields(tuple(
                (k.value, self.capture(containers.captured_item(value, k.value)))  # type: ignore[union-attr]
                for k in containers.unpack(self, state, value, loc)))  # fmt: skip
        if isinstance(plain, list):
            return Items(tuple(map(self.capture, containers.unpack(self, state, value, loc))))  # type: ignore[arg-type]
        if isinstance(plain, set):
            return Items(tuple(map(Known, self.guard(value))))
        return Outside(value)

    def write(self, state: State, ref: Ref, content: Any) -> None:
        """Replace the content of a list, dict or set."""
        held = state.cells.get(ref.cell)
        if isinstance(held, Row):
            rows.store(self, state, held, content)
        else:
            state.cells[ref.cell] = content

    def iterate_known(self, state: State, value: Value, loc: Loc | None) -> list[Value]:
        """The items of a generator and its like; nothing else is iterable."""
        if isinstance(value, iterators.ITERATORS):
            rest = turned(iterators.taken(self, state, value, loc))
            if isinstance(rest, TupleValue):
                return list(rest.items)
            if isinstance(rest, Zipped) and loc is not None:
                found = mixed_items(self, state, rest, loc)
                if found is not None:
                    return found
            whole = self.call_value(state, library.list_, (rest,), {}, loc)
            return self.unpacked(state, whole, loc)
        own = iterators.iterated(self, state, value, loc)
        if own is value:
            name = objects.class_of(value).__name__
            raise Raised(TypeError(f"{name!r} object is not iterable"))
        return containers.unpack(self, state, own, loc)

    def unpacked(self, state: State, value: Value, loc: Loc | None) -> list[Value]:
        """The items of a list or tuple."""
        return containers.unpack(self, state, value, loc)

    def pairs(self, state: State, value: Value, loc: Loc | None) -> dict[Any, Value]:
        """The items of a dict, or the attributes of an object."""
        if isinstance(value, Ref) and isinstance(state.cells[value.cell], Fields):
            return dict(state.cells[value.cell].items)  # type: ignore[union-attr]
        return dict(containers.dict_items(self, state, value, loc))

    def adopt_functions(self, function: Function) -> None:
        """Keep the residual functions that statements put in line call."""
        self.functions.update({f.name: f for f in function.functions})

    def kept(self, state: State, operand: Operand) -> Value:
        """A residual as a result: the caller's own arrays are copied, since they may change."""
        if isinstance(operand, Const):
            return Known(operand.value)
        handle = self.handle(state, operand)
        own = isinstance(operand, Staged) and self.defs.producer.get(operand) is None
        array = isinstance(operand.type, ArrayType) and operand.type.kind == "array"
        return self.wrap(state, ops.copy(handle) if own and array else handle)

    def primal_of(self, pulled: Any, operand: Operand) -> Operand:
        """The value, in the surrounding code, of a result of a traced call."""
        return pulled.primals[operand]

    def map_leaves(self, state: State, value: Value, op: Op) -> Value:
        """The op applied to every number and array of a tree."""
        if isinstance(value, TupleValue):
            return TupleValue(
                tuple(self.map_leaves(state, v, op) for v in value.items), value.cls
            )
        if isinstance(value, Ref):
            content = state.cells[value.cell]
            if isinstance(content, Items):
                items = tuple(self.map_leaves(state, v, op) for v in content.items)
                return Ref(self.new_cell(state, Items(items)), value.cls)
            if isinstance(content, Fields):
                pairs = tuple((k, self.map_leaves(state, v, op)) for k, v in content.items)
                return Ref(self.new_cell(state, Fields(pairs)), value.cls)
        if isinstance(value, Number | ArrayRef):
            handle = numpy_calls.argument(self, state, value, None)
            return self.wrap(state, op(handle))
        return value
