import ast
import os
import random
import sysconfig
import warnings
from pathlib import Path
from typing import Any

import gast
import numpy as np
import pytest

from stagec.codegen.emit import comment, emit, lines_of, with_comments
from stagec.codegen.tree import constant, literal, name


def test_standard_library_reads_back_as_it_was() -> None:
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(p for p in root.glob("*.py") if 2_000 < os.path.getsize(p) < 25_000)
    random.Random(0).shuffle(files)
    assert len(files) > 60
    for path in files[:60]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = path.read_text(encoding="utf-8")
            text = emit(gast.parse(source))
            printed = ast.parse(text)
        assert len(list(ast.walk(printed))) >= len(list(ast.walk(ast.parse(source))))


CONSTANTS = [
    -1, -0.0, 2.5, 1e300, 5e-324, float("inf"), -float("inf"), 1j, -2j, complex(-0.0, 1.0),
    complex(1.0, float("inf")), complex(0.0, -0.0), True, None, "it's \"quoted\"\n\0", b"\xff",
    10**40, (1, -2.0), np.float32(0.1), np.float64(-0.0), np.int64(-3), np.bool_(True),
    np.uint8(255), np.complex64(1 - 2j), np.float16(0.1), np.float32("inf"), np.float64(1 / 3),
]  # fmt: skip


@pytest.mark.parametrize("value", CONSTANTS, ids=repr)
def test_constant_keeps_type_and_bits(value: Any) -> None:
    text = emit(gast.Module(body=[gast.Expr(value=constant(value))], type_ignores=[]))
    back = eval(text, {"np": np})
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize("value", [-1, -0.0, float("inf"), -2j])
def test_sign_binds_as_part_of_the_constant(value: Any) -> None:
    power = gast.BinOp(left=literal(value), op=gast.Pow(), right=literal(2))
    text = emit(gast.Module(body=[gast.Expr(value=power)], type_ignores=[]))
    assert eval(text, {"np": np}) == value**2


@pytest.mark.parametrize(
    "value",
    [np.arange(3), np.array([[0.1, -np.inf]], np.float32), np.zeros((0, 3)), np.array(1j)],
    ids=str,
)
def test_array_constant(value: Any) -> None:
    text = emit(gast.Module(body=[gast.Expr(value=constant(value))], type_ignores=[]))
    back = eval(text, {"np": np})
    assert back.dtype == value.dtype
    assert back.shape == value.shape
    np.testing.assert_array_equal(back, value)


def test_nan_is_nan() -> None:
    text = emit(gast.Module(body=[gast.Expr(value=constant(float("nan")))], type_ignores=[]))
    assert np.isnan(eval(text, {"np": np}))


@pytest.mark.parametrize("value", [object(), [1], np.array([None]), {1}, np.datetime64("2020")])
def test_other_constants_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be printed"):
        emit(gast.Module(body=[gast.Expr(value=literal(value))], type_ignores=[]))


@pytest.mark.parametrize(
    "text", ["x)+__import__('os').getpid(", "lambda", "a b", "1x", "", "é\n"]
)
def test_hostile_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        emit(gast.Module(body=[gast.Expr(value=name(text))], type_ignores=[]))


def test_comments_move_lines_and_stay_on_one_line() -> None:
    source = "if x:\n    y = 1\nz = 2\n"
    tree = gast.parse(source)
    lines = lines_of(tree, source)
    assert sorted(lines.values()) == [1, 2, 3]
    text, moved = with_comments(source, {2: ["why\nthis = 1"], 3: ["a", "# b"]})
    assert text == "if x:\n    # why this = 1\n    y = 1\n# a\n# b\nz = 2\n"
    assert moved == {1: 1, 2: 3, 3: 6}
    assert comment("\r\u2028 #") == "#"
