# ruff: noqa: E501 - the text form has one statement a line

from collections.abc import Mapping
from dataclasses import replace

import pytest

from stagec.errors import InternalError
from stagec.ir.core import Apply, Block, Const, If, Op, Value, const
from stagec.ir.function import Function
from stagec.ir.parser import parse
from stagec.ir.types import BOOL, FLOAT, INT
from stagec.ir.verifier import verify
from stagec.ops.arithmetic import add

WRONG = {
    "type of a result": ("  y: int = add(x, 1.0)\n  return y", "the result has type float"),
    "kind of a result": ("  y: f64 = add(x, 1.0)\n  return y", "the result has type float"),
    "rank of a result": ("  y: f64[n, n] = add(a, a)\n  return y", "the result has type f64"),
    "size of a result": ("  y: f64[4] = add(b, b)\n  return y", "the result has type f64[3]"),
    "number of results": ("  y: float, z: float = add(x, x)\n  return y", "1 results expected"),
    "attribute": ("  y: float = add(x, x, axis=0)\n  return y", "unexpected keyword"),
    "condition": (
        "  y: float = if n:\n    yield x\n  else:\n    yield x\n  return y",
        "the condition has type int",
    ),
    "results of a branch": (
        "  y: float = if c:\n    yield x\n  else:\n    yield\n  return y",
        "0 results of a branch for 1",
    ),
    "type of a branch": (
        "  y: float = if c:\n    yield x\n  else:\n    yield n\n  return y",
        "int is given for float",
    ),
    "size of a branch": (
        "  y: int{n} = if c:\n    yield 0\n  else:\n    yield 1\n  return y",
        "int is given for int{n}",
    ),
    "bounds": (
        "  for i: int in range(0, x, 1):\n    yield\n  return",
        "float is no integer",
    ),
    "index": ("  for i: float in range(0, n, 1):\n    yield\n  return", "float is no integer"),
    "carry": (
        "  y: float = for i: int in range(0, n, 1) from p: float = n:\n    yield p\n  return y",
        "initial values: int is given for float",
    ),
    "carried result": (
        "  y: float = for i: int in range(0, n, 1) from p: float = x:\n    yield n\n  return y",
        "results of the body: int is given for float",
    ),
    "final value": (
        "  y: int = for i: int in range(0, n, 1) from p: float = x:\n    yield p\n  return y",
        "final values: int is given for float",
    ),
    "number of carried results": (
        "  y: float = for i: int in range(0, n, 1) from p: float = x:\n    yield p, p\n  return y",
        "2 results of the body for 1",
    ),
    "until": (
        "  y: float = for i: int in range(0, n, 1) from p: float = x until:\n"
        "    yield p, p\n  return y",
        "the `until` result has type float",
    ),
    "trips": (
        "  y: float = for i: int in range(0, n, 1) trips:\n    yield\n  return y",
        "float is no integer",
    ),
    "condition of a while": (
        "  while:\n    yield x\n  do:\n    yield\n  return",
        "the condition has type float",
    ),
    "results of a condition": (
        "  while:\n    yield c, c\n  do:\n    yield\n  return",
        "exactly one result",
    ),
    "parameters of a condition": (
        "  y: float = while from p: int = x:\n    yield c\n  do q: float:\n    yield q\n  return y",
        "float is given for int",
    ),
    "unknown function": ("  y: float = call h(x)\n  return y", "there is no function h"),
    "arguments": ("  y: float = call g(x, x)\n  return y", "2 arguments for 1"),
    "result of a call": ("  y: int = call g(x)\n  return y", "float is given for int"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_statements_are_named(case: str, ops: Mapping[str, Op]) -> None:
    body, message = WRONG[case]
    head = "func f(x: float, n: int, c: bool, a: f64[n], b: f64[3]):\n"
    fn = parse(f"{head}{body}\nfunc g(x: float):\n  return x", ops)
    with pytest.raises(InternalError) as error:
        verify(fn)
    assert message in str(error.value)
    assert str(error.value).startswith("f: ")
    assert body.splitlines()[0].strip() in str(error.value)


def _fn(*stmts: Apply | If, params: tuple[Value, ...], result: Value) -> Function:
    return Function("f", Block(params, stmts, (result,)))


X, C, Y = Value(FLOAT, "x"), Value(BOOL, "c"), Value(FLOAT, "y")
ADD = Apply(add, (X, X), (), (Y,))


def test_use_before_definition() -> None:
    z = Value(FLOAT, "z")
    late = Apply(add, (Y, X), (), (z,))
    with pytest.raises(InternalError, match="<y: float> is not in scope"):
        verify(_fn(late, ADD, params=(X,), result=z))


def test_use_of_a_value_of_a_branch_outside_it() -> None:
    branch = If(C, Block((), (ADD,), ()), Block((), (), ()), ())
    with pytest.raises(InternalError, match="<y: float> is not in scope in the results"):
        verify(_fn(branch, params=(X, C), result=Y))


def test_double_definition() -> None:
    with pytest.raises(InternalError, match="<y: float> is defined twice"):
        verify(_fn(ADD, ADD, params=(X,), result=Y))
    branch = If(C, Block((), (ADD,), ()), Block((), (ADD,), ()), ())
    with pytest.raises(InternalError, match="<y: float> is defined twice"):
        verify(_fn(branch, params=(X, C), result=X))


def test_constant_of_a_wrong_type() -> None:
    stmt = replace(ADD, args=(X, Const(1, FLOAT)))
    with pytest.raises(InternalError, match="constant 1 is said to have type float"):
        verify(_fn(stmt, params=(X,), result=Y))


def test_branch_with_parameters() -> None:
    branch = If(C, Block((Value(INT),), (), ()), Block((), (), ()), ())
    with pytest.raises(InternalError, match="a branch has parameters"):
        verify(_fn(branch, params=(X, C), result=X))


def test_header() -> None:
    fn = _fn(ADD, params=(X,), result=Y)
    verify(replace(fn, mutated=((0, 0),), fresh=(True,)))
    for mutated in (((1, 0),), ((0, 1),), ((0, 0), (0, 0))):
        with pytest.raises(InternalError, match="mutated"):
            verify(replace(fn, mutated=mutated))
    with pytest.raises(InternalError, match="2 fresh flags for 1 results"):
        verify(replace(fn, fresh=(True, False)))
    with pytest.raises(InternalError, match="same name"):
        verify(replace(fn, functions=(fn,)))
    branch = If(const(True), Block((), (), ()), Block((), (), ()), ())
    verify(_fn(branch, params=(X,), result=X))
