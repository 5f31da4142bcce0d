"""Effects and texts: what they print, raise and spell."""

# a rule that an op lacks is None, and fails the test that calls it
# pyright: reportCallIssue=false, reportOptionalCall=false
# pyright: reportPossiblyUnboundVariable=false

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.core import Effect
from stagec.ir.path import Arg
from stagec.ir.types import (
    BOOL,
    FLOAT,
    GENERATOR,
    INT,
    TEXT,
    ListType,
    Symbol,
    size,
    type_of,
)
from stagec.ops.effects import (
    OPS,
    check,
    check_defined,
    draw,
    generator,
    host_call,
    print_,
    raise_,
)
from stagec.ops.text import concat, format_, text_length


class CustomError(Exception):
    pass


def run(op, *args, **attrs):
    """The statement of the op, run as generated code runs it."""
    text = op.source(*map(type_of, args), **attrs)
    names = [f"x{k}" for k in range(len(args))]
    text = text.format(*names, **{k: k for k in ("function", "exception")})
    scope = {"np": np, **dict(zip(names, args, strict=True)), **attrs}
    exec(f"result = {text}" if text[0] in "{nf" and "\n" not in text else text, scope)
    return scope.get("result")


def test_no_effect_is_free_of_effect():
    assert all(op.effect is not Effect.NONE for op in OPS)


def test_print(capsys):
    run(print_, 1.5, "a{}", sep=", ", end="!\n")
    run(print_, sep=" ", end="\n")
    print_.value(2, sep=" ", end="\n")
    assert capsys.readouterr().out == "1.5, a{}!\n\n2\n"
    assert print_.infer(FLOAT, sep=" ", end="\n") == ()


@pytest.mark.parametrize(
    "exception", [ValueError, np.linalg.LinAlgError, CustomError], ids=lambda e: e.__name__
)
def test_raise_and_check(exception):
    for go in (lambda op, *a: run(op, *a, exception=exception),
               lambda op, *a: op.value(*a, exception=exception)):  # fmt: skip
        with pytest.raises(exception, match="too small"):
            go(raise_, "too small")
        with pytest.raises(exception, match="too small"):
            go(check, False, "too small")
        go(check, True, "too small")
    with pytest.raises(TypeError, match="truth value"):
        check.infer(type_of(np.zeros(2)), exception=ValueError)


def test_unset_variables_raise_as_in_python():
    def python():
        if not python:
            x = 1
        return x

    with pytest.raises(UnboundLocalError) as expected:
        python()
    for go in (run, lambda op, *a, **attrs: op.value(*a, **attrs)):
        with pytest.raises(UnboundLocalError) as error:
            go(check_defined, False, name="x")
        assert str(error.value) == str(expected.value)
        go(check_defined, True, name="x")
    assert check_defined.infer(BOOL, name="x") == ()


def test_draws_and_host_calls():
    attrs = {"result": type_of(np.zeros(3))}
    assert draw.source(INT, function=np.random.rand, **attrs) == "np.random.rand({0})"
    rng = np.random.default_rng(0)
    options = (("size", 3),)
    text = draw.source(FLOAT, function=rng.normal, options=options, **attrs)
    assert text == "{function}({0}, size=3)"
    named = draw.source(FLOAT, FLOAT, function=rng.normal, keywords=("scale",), **attrs)
    assert named == "{function}({0}, scale={1})"
    want = np.random.default_rng(0).normal(2.0, size=3)
    got = draw.value(2.0, function=rng.normal, options=options, **attrs)
    np.testing.assert_array_equal(got, want)
    assert host_call.value(-2, function=abs, results=(INT,)) == 2
    assert host_call.value(5, function=divmod_by_3, results=(INT, INT)) == (1, 2)
    assert host_call.value(5, function=divmod_by_3, results=()) == ()
    with pytest.raises(TypeError, match="no derivative"):
        draw.vjp(1.0, 1.0, 1.0, function=rng.normal, **attrs)


def test_draws_from_sources_that_the_program_makes():
    rng = generator.value(3, function=np.random.default_rng)
    assert generator.source(INT, function=np.random.default_rng) == "np.random.default_rng({0})"
    assert generator.infer(INT, function=np.random.default_rng) == GENERATOR
    attrs = {"function": "poisson", "result": type_of(np.zeros((1, 1), int)),
             "keywords": ("lam",), "size": (2, Arg(2)), "options": ()}  # fmt: skip
    assert draw.source(GENERATOR, FLOAT, INT, **attrs) == "{0}.poisson(lam={1}, size=(2, {2}))"
    length = replace(INT, size=size(Symbol("n")))
    assert str(draw.infer(GENERATOR, FLOAT, length, **attrs)) == "i64[2, n]"
    want = np.random.default_rng(3).poisson(4.0, (2, 5))
    np.testing.assert_array_equal(draw.value(rng, 4.0, 5, **attrs), want)
    with pytest.raises(TypeError, match="no derivative"):
        generator.vjp(None, rng, 3, function=np.random.default_rng)


def divmod_by_3(x):
    return divmod(x, 3)


@pytest.mark.parametrize(
    ("value", "spec", "conversion"),
    [(1.25, "", ""), (1.25, ".1f", ""), (1.25, ">8", "r"), ("é", "", "a"),
     (np.float64(2), "", "r"), (np.arange(3.0), "", ""), ("ab", "{<4", "s"), ([1, 2], "", "")],
)  # fmt: skip
def test_formats(value, spec, conversion):
    template = format_.source(type_of(value), spec=spec, conversion=conversion)
    convert = {"": lambda x: x, "s": str, "r": repr, "a": ascii}[conversion]
    want = format(convert(value), spec)
    assert eval(template.format("x"), {"x": value, "np": np}) == want
    assert format_.value(value, spec=spec, conversion=conversion) == want
    assert format_.infer(type_of(value), spec=spec, conversion=conversion) == TEXT


def test_texts():
    assert concat.source(TEXT, TEXT) == "{0} + {1}"
    assert eval(concat.source().format()) == ""
    assert text_length.value("abc") == 3
    with pytest.raises(TypeError, match="expected a text"):
        concat.infer(TEXT, FLOAT)
    with pytest.raises(TypeError, match="format specification"):
        format_.infer(ListType(FLOAT), spec=".2f")


def rooted(x: Any, y: Any) -> Any:
    for i in range(len(x)):
        if x[i] > 100:
            raise OverflowError("too {large}")
        if x[i] < -10:
            raise LookupError
        if x[i] < 0:
            raise ValueError("a 'negative'\nnumber", 3)
        y[i] = np.sqrt(x[i])
    return y


def own(x: Any, y: Any) -> Any:
    for i in range(len(x)):
        if x[i] < 0:
            raise Own("no")
        if x[i] > 100:
            raise ValueError(f"{x[i]} is too large")
        y[i] = np.sqrt(x[i])
    return y


class Own(Exception):
    """An exception that compiled code does not know."""


def test_compiled_loops_raise_the_exceptions_of_python() -> None:
    good = np.array([1.0, 4.0, 9.0])
    staged = sc.jit(rooted, backend="numba")
    np.testing.assert_array_equal(staged(good, np.zeros(3)), [1, 2, 3])
    assert "_kernel(" in staged.source(good, np.zeros(3))
    for bad in (-1.0, -11.0, 101.0):
        x = np.array([4.0, bad, -1.0])
        with pytest.raises(Exception) as wanted:  # noqa: PT011
            rooted(x, np.zeros(3))
        with pytest.raises(wanted.type) as found:
            staged(x, np.zeros(3))
        assert found.value.args == wanted.value.args
    slope = sc.grad(sc.jit(lambda x: np.sum(rooted(x, np.zeros(3))), backend="numba"))
    np.testing.assert_allclose(slope(good), 0.5 / np.sqrt(good), rtol=1e-14)
    with pytest.raises(ValueError, match="negative"):
        slope(-good)


def test_exceptions_that_compiled_code_does_not_know_are_raised_by_python() -> None:
    staged = sc.jit(own, backend="numba")
    with pytest.raises(Own, match="no"):
        staged(np.array([1.0, -1.0]), np.zeros(2))
    with pytest.raises(ValueError, match="is too large"):
        staged(np.array([1.0, 101.0]), np.zeros(2))
