"""The verifier: the invariants that every pass may rely on and must keep.

Dtypes, ranks and kinds are exact; a dimension may be stated more or less precisely than the
type rule would, but two different numbers never meet.
"""

from __future__ import annotations

from collections.abc import Sequence, Set as AbstractSet
from dataclasses import replace
from typing import assert_never

from stagec.errors import InternalError
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
)
from stagec.ir.function import Function
from stagec.ir.printer import statement_text
from stagec.ir.types import ArrayType, Dim, ListType, Type, type_of
from stagec.ir.walk import operands


def verify(fn: Function) -> None:
    """Raise `InternalError` if the function, or one that it calls, breaks an invariant."""
    functions = {f.name: f for f in _family(fn)}
    if len(functions) != len(_family(fn)):
        raise InternalError(f"{fn.name}: two functions have the same name")
    for f in functions.values():
        _header(f)
        try:
            _Verifier(functions).block(f.body, frozenset())
        except _Broken as error:
            raise InternalError(f"{f.name}: {error}") from None


def compatible(a: Type, b: Type) -> bool:
    """Whether a value of one type may be stated to have the other."""
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        if a.dtype != b.dtype or a.kind != b.kind or a.rank != b.rank:
            return False
        return all(map(_dims, a.shape, b.shape))
    if isinstance(a, ListType) and isinstance(b, ListType):
        return compatible(a.element, b.element)
    return a == b


def _dims(a: Dim, b: Dim) -> bool:
    return not (isinstance(a, int) and isinstance(b, int)) or a == b


def _family(fn: Function) -> list[Function]:
    return [fn, *(g for inner in fn.functions for g in _family(inner))]


def _header(fn: Function) -> None:
    params, results = len(fn.params), len(fn.results)
    for param, result in fn.mutated:
        if not (0 <= param < params and 0 <= result < results):
            raise InternalError(f"{fn.name}: mutated pair {param, result} is out of range")
        if not compatible(fn.params[param].type, fn.results[result].type):
            raise InternalError(f"{fn.name}: mutated parameter {param} changes its type")
    if len({param for param, _ in fn.mutated}) != len(fn.mutated):
        raise InternalError(f"{fn.name}: a parameter is listed as mutated twice")
    if len(fn.fresh) not in (0, results):
        raise InternalError(f"{fn.name}: {len(fn.fresh)} fresh flags for {results} results")


class _Broken(Exception):
    """What is wrong, with the text of the statement."""


class _Verifier:
    """Checks blocks; remembers every definition of the function."""

    def __init__(self, functions: dict[str, Function]) -> None:
        self._functions = functions
        self._defined: set[Value] = set()

    def block(self, block: Block, outer: AbstractSet[Value]) -> None:
        scope = set(outer)
        self._define(block.params, scope, "a block parameter")
        for stmt in block.stmts:
            for operand in operands(stmt):
                _visible(operand, scope, stmt)
            self._stmt(stmt, scope)
            self._define(stmt.outs, scope, f"a result of\n{statement_text(stmt)}")
        for result in block.results:
            _visible(result, scope, None)

    def _define(self, values: tuple[Value, ...], scope: set[Value], what: str) -> None:
        for value in values:
            if value in self._defined:
                raise _Broken(f"{value} is defined twice, the second time as {what}")
            self._defined.add(value)
            scope.add(value)

    def _stmt(self, stmt: Stmt, scope: set[Value]) -> None:
        match stmt:
            case Apply():
                _apply(stmt)
            case Call():
                self._call(stmt)
            case If():
                self._if(stmt, scope)
            case For():
                self._for(stmt, scope)
            case While():
                self._while(stmt, scope)
            case _:
                assert_never(stmt)

    def _call(self, stmt: Call) -> None:
        callee = self._functions.get(stmt.function)
        if callee is None:
            raise _wrong(stmt, f"there is no function {stmt.function}")
        _match(stmt, "arguments", stmt.args, callee.params)
        _match(stmt, "results", callee.results, stmt.outs)

    def _if(self, stmt: If, scope: set[Value]) -> None:
        _boolean(stmt, "condition", stmt.cond)
        for branch in (stmt.then, stmt.orelse):
            if branch.params:
                raise _wrong(stmt, "a branch has parameters")
            self.block(branch, scope)
            _joined(stmt, "results of a branch", branch.results, stmt.outs)

    def _for(self, stmt: For, scope: set[Value]) -> None:
        for bound in (stmt.lo, stmt.hi, stmt.step):
            _integer(stmt, bound.type)
        if not stmt.body.params:
            raise _wrong(stmt, "the body has no index parameter")
        _integer(stmt, stmt.body.params[0].type)
        self.block(stmt.body, scope)
        self._carried(stmt, stmt.body.params[1:])

    def _while(self, stmt: While, scope: set[Value]) -> None:
        self.block(stmt.cond, scope)
        _match(stmt, "initial values", stmt.init, stmt.cond.params)
        if len(stmt.cond.results) != 1:
            raise _wrong(stmt, "the condition needs exactly one result")
        _boolean(stmt, "condition", stmt.cond.results[0])
        self.block(stmt.body, scope)
        self._carried(stmt, stmt.body.params)

    def _carried(self, stmt: For | While, params: tuple[Value, ...]) -> None:
        results = stmt.body.results
        if stmt.until:
            if not results:
                raise _wrong(stmt, "the body has no result for `until`")
            _boolean(stmt, "`until` result", results[-1])
            results = results[:-1]
        _joined(stmt, "initial values", stmt.init, params)
        _joined(stmt, "results of the body", results, params)
        _joined(stmt, "final values", stmt.carry, params)
        if stmt.trips is not None:
            _integer(stmt, stmt.trips.type)


def _wrong(stmt: Stmt, what: str) -> _Broken:
    return _Broken(f"{what} in\n{statement_text(stmt)}")


def _visible(operand: Operand, scope: set[Value], stmt: Stmt | None) -> None:
    match operand:
        case Value():
            if operand not in scope:
                place = (
                    "the results of a block" if stmt is None else f"\n{statement_text(stmt)}"
                )
                raise _Broken(f"{operand} is not in scope in {place}")
        case Const(value, type):
            if not compatible(type_of(value), type):
                raise _Broken(f"constant {value!r} is said to have type {type}")
        case Undef():
            pass
        case _:
            assert_never(operand)


def _apply(stmt: Apply) -> None:
    if [key for key, _ in stmt.attrs] != sorted(key for key, _ in stmt.attrs):
        raise _wrong(stmt, "attributes are not sorted")
    try:
        hash(stmt.attrs)
        types = stmt.op.infer(*(a.type for a in stmt.args), **stmt.kwargs)
    except TypeError as error:
        raise _wrong(stmt, str(error)) from error
    types = types if isinstance(types, tuple) else (types,)
    if len(types) != len(stmt.outs):
        raise _wrong(stmt, f"{len(types)} results expected")
    for type, out in zip(types, stmt.outs, strict=True):
        if not compatible(_number(type, out.type), out.type):
            raise _wrong(stmt, f"the result has type {type}")


def _number(type: Type, stated: Type) -> Type:
    """The type, but that of a number where an array of rank 0 is stated to be one.

    In loops over elements an op gives a number where it gives NumPy an array.
    """
    if isinstance(type, ArrayType) and not type.rank and type.kind == "array":
        return replace(type, kind=getattr(stated, "kind", type.kind))
    return type


def _match(stmt: Stmt, what: str, given: Sequence[Operand], wanted: Sequence[Operand]) -> None:
    if len(given) != len(wanted):
        raise _wrong(stmt, f"{len(given)} {what} for {len(wanted)}")
    for a, b in zip(given, wanted, strict=True):
        if not compatible(a.type, b.type):
            raise _wrong(stmt, f"{what}: {a.type} is given for {b.type}")


def _joined(stmt: Stmt, what: str, given: Sequence[Operand], wanted: Sequence[Operand]) -> None:
    """As `_match`; what is said to be a size has to be that size wherever it comes from."""
    _match(stmt, what, given, wanted)
    for a, b in zip(given, wanted, strict=True):
        size = getattr(b.type, "size", None)
        if (
            size is not None
            and not isinstance(a, Undef)
            and getattr(a.type, "size", None) != size
        ):
            raise _wrong(stmt, f"{what}: {a.type} is given for {b.type}")


def _boolean(stmt: Stmt, what: str, operand: Operand) -> None:
    type = operand.type
    if not isinstance(type, ArrayType) or type.dtype.kind != "b" or type.rank:
        raise _wrong(stmt, f"the {what} has type {type}")


def _integer(stmt: Stmt, type: Type) -> None:
    if not isinstance(type, ArrayType) or type.dtype.kind not in "iu" or type.rank:
        raise _wrong(stmt, f"{type} is no integer")
