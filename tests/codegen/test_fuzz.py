"""Random programs: the generated source computes what the interpreter does, bit for bit."""

import copy
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stagec_runtime as rt
from stagec.codegen.module import to_module
from stagec.ir.core import Op
from stagec.ir.interpreter import evaluate

spec = importlib.util.spec_from_file_location(
    "generator", Path(__file__).parent / "generator.py"
)
assert spec is not None
assert spec.loader is not None
generator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generator)

INPUTS: list[tuple[Any, ...]] = [
    (0.3, -1.2, np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, -0.5, 0.0, 1.0])),
    (2.0, 1.0, np.array([0.0, -2.0, 3.0, 1.0]), np.array([0.5, 0.5, 0.0, -1.0])),
]


@pytest.mark.parametrize("seed", range(80))
def test_source_computes_what_the_graph_does(seed: int, ops: Mapping[str, Op]) -> None:
    fn = generator.Generator(seed, ops).function()
    module = to_module(fn)
    space: dict[str, Any] = {"rt": rt}
    exec(compile(module.text, "<generated>", "exec"), space)
    for args in INPUTS:
        expected = evaluate(fn, *copy.deepcopy(args))
        found = space[module.entry](*copy.deepcopy(args))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
            assert type(a) is type(b)
