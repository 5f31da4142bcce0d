"""What the tests of the code generator share: ops by name, and a runner of generated source."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import stagec.ops
import stagec_runtime as rt
from stagec.codegen.module import Module, to_module
from stagec.ir.core import Op
from stagec.ir.interpreter import evaluate
from stagec.ir.parser import parse


@pytest.fixture(scope="session")
def ops() -> Mapping[str, Op]:
    names = [m.name for m in pkgutil.iter_modules(stagec.ops.__path__)]
    modules = [importlib.import_module(f"stagec.ops.{name}") for name in names]
    return {op.name: op for m in modules for op in vars(m).values() if isinstance(op, Op)}


def run(module: Module, *args: Any) -> Any:
    """The result of the generated function for copies of the arguments."""
    space: dict[str, Any] = {"np": np, "rt": rt, **module.objects}
    exec(compile(module.text, "<generated>", "exec"), space)
    return space[module.entry](*(np.array(a) if isinstance(a, np.ndarray) else a for a in args))


@pytest.fixture
def prints(ops: Mapping[str, Op]) -> Callable[..., None]:
    """A graph prints as the source, and that computes what the interpreter does."""

    def check(text: str, source: str, *inputs: tuple[Any, ...]) -> None:
        fn = parse(text, ops)
        module = to_module(fn)
        assert module.text == source.lstrip("\n")
        for args in inputs:
            expected = evaluate(fn, *args)
            found = run(module, *args)
            found = found if len(expected) > 1 else (found,)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)
                assert type(a) is type(b)

    return check
