"""The generated gradient of every example, word for word, and its graphs as text and back."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stagec
from stagec import ops
from stagec.ir.parser import parse
from stagec.ir.printer import to_text
from stagec.specs import spec

EXAMPLES = Path(__file__).parents[2] / "examples"
VECTOR, SQUARE, FLOAT = spec("f64[n]"), spec("f64[n, n]"), spec("float")


@dataclass(frozen=True)
class Core:
    """The function of an example that is differentiated, and its arguments."""

    function: str
    args: tuple[Any, ...]
    argnums: int | tuple[int, ...] = 0


def layer(rows: str, columns: str) -> tuple[Any, Any]:
    return spec(f"f64[{rows}, {columns}]"), spec(f"f64[{columns}]")


def named_layer(rows: str, columns: str) -> dict[str, Any]:
    return dict(zip(("weights", "bias"), layer(rows, columns), strict=True))


OPS = {op.name: op for op in ops.ALL}
BATCH = spec("f64[n, a]"), spec("i64[n]")
CORES = {
    "cholesky": Core("log_determinant", (SQUARE,)),
    "digits": Core("loss", ([named_layer("a", "b"), named_layer("b", "c")], *BATCH)),
    "gauss_seidel": Core("misfit", (SQUARE, SQUARE, spec("int"))),
    "heat": Core("misfit", (VECTOR, VECTOR, spec("int"), FLOAT)),
    "imperative_declarative": Core("program", (SQUARE, SQUARE, SQUARE), (0, 1, 2)),
    "linear_regression": Core("loss", ((FLOAT, FLOAT), VECTOR, VECTOR)),
    "newton": Core("kepler", (FLOAT, FLOAT), (0, 1)),
    "pendulum": Core("misfit", (FLOAT, VECTOR, FLOAT, FLOAT)),
    "toy_classifier": Core("loss", ((*layer("a", "b"), *layer("b", "c")), *BATCH)),
}


def gradient(name: str) -> tuple[Any, tuple[Any, ...]]:
    """The value and gradient of the core of an example, and its arguments."""
    place = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    core = CORES[name]
    return stagec.value_and_grad(vars(module)[core.function], argnums=core.argnums), core.args


def test_every_example_is_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(CORES)


@pytest.mark.parametrize("name", CORES)
def test_source(name: str, golden: Callable[[str, str], None]) -> None:
    function, args = gradient(name)
    golden(function.source(*args), "py")


@pytest.mark.parametrize("stage", ["staged", "optimised", "bufferised"])
@pytest.mark.parametrize("name", CORES)
def test_graph_survives_its_text(name: str, stage: str) -> None:
    function, args = gradient(name)
    text = to_text(function.ir(*args, stage=stage))
    assert to_text(parse(text, OPS)) == text
