# ruff: noqa: E501 - the text form has one statement a line

import math
from collections.abc import Mapping

import numpy as np
import pytest

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Const, For, Op, Undef, Value, const
from stagec.ir.function import Function
from stagec.ir.literals import Line
from stagec.ir.parser import parse
from stagec.ir.path import Arg, Index, NewAxis, Reshape, Slice, Transpose
from stagec.ir.printer import statement_text
from stagec.ir.spelling import attribute, constant
from stagec.ir.types import (
    BOOL,
    FLOAT,
    INT,
    TEXT,
    ArrayType,
    ListType,
    Symbol,
    Type,
    affine,
    size,
)
from stagec.ir.verifier import verify
from stagec.ops.arithmetic import add

EVERYTHING = """\
func f(x: f64[n], y: float, c: bool_, xs: list<f64[?, 3]>, k: int{n}) mutated(x=1) fresh(0, 2) errstate(divide='ignore'):
  %0: f64[n] = multiply(x, y)
  y.1: f64[n] = add(%0, 1.0)
  s: f64[n], trips.1: int = for i: int in reversed(range(0, k, -1)) from s.1: f64[n] = y.1 until trips:
    %1: f64[n] = multiply(s.1, x)
    stop: bool = greater(i, 3)
    yield %1, stop
  w: f64 = while from w.1: f64 = f64(0.0):
    b: bool_ = less(w.1, 3.0)
    yield b
  do w.2: f64:
    v: f64 = call g(w.2, -inf)
    yield v
  for j: int in range(0, 3, 1):
    print(j, 'it\\'s: "j"', end='\\n', sep=' ')
    yield
  while until:
    yield True
  do:
    yield c
  z: float = if c:
    yield y
  else:
    yield undef<float>
  if True:
    yield
  else:
    call h(z)
    yield
  e: f64 = read(x, path=[-1], view=False)
  u: f64[n] = update(x, nan, k, path=[$0:])
  return s, u, w, e, z

func g(x: f64, y: float):
  %0: f64 = add(x, 1)
  return %0

func h(y: float):
  return
"""


def test_text_is_read_back(ops: Mapping[str, Op]) -> None:
    fn = parse(EVERYTHING, ops)
    verify(fn)
    assert str(fn) == EVERYTHING
    assert str(parse(str(fn), ops)) == EVERYTHING
    assert fn.mutated == ((0, 1),)
    assert fn.fresh == (True, False, True, False, False)
    assert [f.name for f in fn.functions] == ["g", "h"]


CONSTANTS = {
    "True": True,
    "3": 3,
    "-3": -3,
    "1.0": 1.0,
    "1e-30": 1e-30,
    "-0.0": -0.0,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "complex(-0.0, nan)": complex(-0.0, math.nan),
    "f64(0.1)": np.float64(0.1),
    "f32(0.1)": np.float32(0.1),
    "f16(-inf)": np.float16(-math.inf),
    "i64(-7)": np.int64(-7),
    "u8(200)": np.uint8(200),
    "bool_(False)": np.False_,
    "c64(1.0, -2.5)": np.complex64(1 - 2.5j),
    "c128(nan, -0.0)": np.complex128(complex(math.nan, -0.0)),
    "'it\\'s'": "it's",
    "'a\\n\"b\"'": 'a\n"b"',
}


@pytest.mark.parametrize("text", CONSTANTS)
def test_constants(text: str, ops: Mapping[str, Op]) -> None:
    written = constant(const(CONSTANTS[text]))
    assert written == (text if "it" not in text else '"it\'s"')
    read = Line(text, 1, ops).scalar()
    assert const(read) == const(CONSTANTS[text])


def test_a_constant_of_another_type_says_so(ops: Mapping[str, Op]) -> None:
    sized = ArrayType(np.dtype(np.int64), (), "py", affine((size(Symbol("n")), 1)))  # type: ignore[arg-type]
    value = Const(3, sized)
    assert constant(value) == "3: int{n}"
    fn = Function("f", Block((), (), (value,)))
    assert parse(str(fn), ops).results == (value,)


N, M = size(Symbol("n")), size(Symbol("m", unit=True))
TYPES: dict[str, Type] = {
    "float": FLOAT,
    "int": INT,
    "bool": BOOL,
    "text": TEXT,
    "bool_": ArrayType(np.dtype(bool), (), "np"),
    "bool[]": ArrayType(np.dtype(bool)),
    "f32": ArrayType(np.dtype("f4"), (), "np"),
    "complex": ArrayType(np.dtype("c16"), (), "py"),
    "c64[]": ArrayType(np.dtype("c8")),
    "f64[3, n, ?]": ArrayType(np.dtype("f8"), (3, N, None)),
    "i8[n - 1, m?, -m? + 2*n + 3]": ArrayType(
        np.dtype("i1"), (affine((N, 1), const=-1), M, affine((M, -1), (N, 2), const=3))
    ),
    "list<list<f64[n]>>": ListType(ListType(ArrayType(np.dtype("f8"), (N,)))),
}


@pytest.mark.parametrize("text", TYPES)
def test_types(text: str, ops: Mapping[str, Op]) -> None:
    assert str(TYPES[text]) == text
    assert Line(text, 1, ops).type() == TYPES[text]


ATTRIBUTES = {
    "[1:, $0]": (Index((Slice(1), Arg(0))),),
    "[::-1, newaxis, :$1:2, 3]": (
        Index((Slice(None, None, -1), NewAxis(), Slice(None, Arg(1), 2), 3)),
    ),
    ".T[0].reshape(2, -1, $0)": (
        Transpose((1, 0)),
        Index((0,)),
        Reshape((2, -1, Arg(0))),
    ),
    ".transpose(1, 0, 2)": (Transpose((1, 0, 2)),),
    "()": (),
    "(1,)": (1,),
    "($0, (None, 'a'))": (Arg(0), (None, "a")),
    "f32": np.dtype("f4"),
    "bool": np.dtype(bool),
    "<f64[n]>": ArrayType(np.dtype("f8"), (N,)),
    "builtins:ValueError": ValueError,
    "math:isclose": math.isclose,
    "numpy:add": np.add,
    "-1.5": -1.5,
    "True": True,
    "op:add": add,
}


@pytest.mark.parametrize("text", ATTRIBUTES)
def test_attributes(text: str, ops: Mapping[str, Op]) -> None:
    assert attribute(ATTRIBUTES[text]) == text
    assert Line(text, 1, ops).attribute() == ATTRIBUTES[text]


def test_objects_without_address_print_but_are_not_read(ops: Mapping[str, Op]) -> None:
    text = attribute(lambda: 0)
    assert text.startswith("<")
    assert "0x" not in text
    with pytest.raises(SyntaxError, match="expected a type"):
        Line(text, 1, ops).attribute()


def test_names_do_not_depend_on_history() -> None:
    def make() -> Function:
        x, nan, odd = (Value(FLOAT, hint) for hint in ("x", "nan", "2nd one"))
        y = Value(FLOAT, "x")
        body = Block((x, nan, odd), (Apply(add, (x, nan), (), (y,)),), (y, odd, Value(FLOAT)))
        return Function("f", body)

    assert str(make()) == str(make())
    assert str(make()) == (
        "func f(x: float, nan.1: float, _2nd_one: float):\n"
        "  x.1: float = add(x, nan.1)\n"
        "  return x.1, _2nd_one, %0\n"
    )


def test_malformed_loops_still_print() -> None:
    body = Block((Value(INT, "i"), Value(FLOAT, "p")), (), ())
    loop = For(const(0), const(1), const(1), (), body, ())
    assert statement_text(loop).startswith("for i: int in range(0, 1, 1) from p: float = ?:")
    loop = For(const(0), const(1), const(1), (Undef(INT), const(2)), body, ())
    assert "from p: float = undef<int>, ? = 2" in statement_text(loop)


BAD = {
    "": "line 1: expected a function",
    "func f(x: f63):\n  return": "line 1: expected a type at f63",
    "func f(x: float):\n  return y": "line 2: expected a value that is defined before at y",
    "func f(x: float):\n  y: float = sine(x)\n  return y": "line 2: expected an op at sine",
    "func f(x: float):\n  y: float = add(x x)\n  return y": "line 2: expected ',' at x",
    "func f(x: float):\n  y: float = add(x, x) x\n  return y": "line 2: expected the end",
    "func f(x: float):": "after the last line",
    "func f(x: float):\n  y: float = if x\n": "line 2: expected ':'",
    "func f():\n  print(end=op:sine, sep='')\n  return": "line 2: no op sine",
    "func f():\n  print(end=no_module:sine, sep='')\n  return": "line 2: no object",
    "func f():\n  print(end=[:, x], sep='')\n  return": "line 2: expected an index",
}


@pytest.mark.parametrize("text", BAD)
def test_errors_name_the_line(text: str, ops: Mapping[str, Op]) -> None:
    with pytest.raises(SyntaxError) as error:
        parse(text, ops)
    assert str(error.value).startswith(BAD[text])


def test_built_functions_print(ops: Mapping[str, Op]) -> None:
    x = Value(FLOAT, "x")
    builder = Builder()
    (y,) = builder.add(add, (x, const(1.0)), {}, "y")
    fn = Function("f", builder.block((x,), (y,)))
    assert str(fn) == "func f(x: float):\n  y: float = add(x, 1.0)\n  return y\n"
