"""Every op has a sample row, and every row obeys the generic checks."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

from stagec import ops
from stagec.ir.core import Effect, Op
from tests.ops import (
    samples_elementwise,
    samples_indexing,
    samples_linalg,
    samples_products,
    samples_shape,
)
from tests.ops.rules import CHECKS

TABLES = (
    samples_elementwise.SAMPLES,
    samples_shape.SAMPLES,
    samples_products.SAMPLES,
    samples_indexing.SAMPLES,
    samples_linalg.SAMPLES,
)
SAMPLES: dict[Op, list[Any]] = {op: rows for table in TABLES for op, rows in table.items()}


@pytest.mark.parametrize("op", ops.ALL, ids=lambda op: op.name)
def test_has_a_sample(op: Op) -> None:
    assert op.effect is not Effect.NONE or SAMPLES.get(op), f"{op.name} has no sample row"


def test_every_family_is_exported() -> None:
    families = [f"stagec.ops.{m.name}" for m in pkgutil.iter_modules(ops.__path__)]
    found = {op for name in families for op in getattr(import_module(name), "OPS", ())}
    assert found == set(ops.ALL)


def test_every_sampled_op_is_exported() -> None:
    assert not [op.name for op in SAMPLES if op not in ops.ALL]


def test_names_are_unique() -> None:
    names = [op.name for op in ops.ALL]
    assert sorted(names) == sorted(set(names))


def test_each_callable_has_one_meaning() -> None:
    owners: dict[Any, str] = {}
    for op in ops.ALL:
        for function, _ in op.calls:
            assert owners.setdefault(function, op.name) == op.name, function


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("op", list(SAMPLES), ids=lambda op: op.name)
def test_rules(op: Any, check: Any) -> None:
    for args, attrs in SAMPLES[op]:
        check(op, args, attrs)
