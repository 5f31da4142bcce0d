"""What the tests of the passes share: a checker of one pass on one program."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from stagec.ir.core import Op
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.parser import parse
from stagec.ir.verifier import verify
from stagec.ops import arithmetic, axes, comparison, copying, creation, effects, indexing, lists

MODULES = (arithmetic, axes, comparison, copying, creation, effects, indexing, lists)
Pass = Callable[[Function], Function]


@pytest.fixture(scope="session")
def ops() -> Mapping[str, Op]:
    return {
        op.name: op for module in MODULES for op in vars(module).values() if isinstance(op, Op)
    }


@pytest.fixture
def check(ops: Mapping[str, Op], capsys: Any) -> Callable[..., None]:
    """A pass turns the text into the other; it is idempotent and keeps results and prints."""

    def run(run_pass: Pass, before: str, after: str, *inputs: tuple[Any, ...]) -> None:
        fn = parse(before, ops)
        verify(fn)
        done = run_pass(fn)
        assert str(done) == str(parse(after, ops))
        verify(done)
        assert str(run_pass(done)) == str(done)
        for args in inputs:
            expected = evaluate(fn, *copy.deepcopy(args))
            printed = capsys.readouterr().out
            found = evaluate(done, *copy.deepcopy(args))
            assert capsys.readouterr().out == printed
            assert len(found) == len(expected)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)
                assert type(a) is type(b)

    return run
