"""Walking: which values of enclosing blocks a block uses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.core import Value
from stagec.ir.function import Function
from stagec.ir.walk import free_values, operands, regions, statements, uses
from stagec.opt import siblings


def staged(function: Any, *args: Any) -> Function:
    """The optimised graph of a function."""
    made = sc.jit(function)
    made(*args)
    (found,) = next(iter(made._compiler.table.values()))
    return found.optimised


def nested(x: Any, n: int) -> Any:
    total, twice = 0.0, 2.0 * x
    for i in range(n):
        if x[i] > 0.0:
            total += twice[i]
        while total > 9.0:
            total -= np.sum(x) + n
    return total


def test_free_values_in_order_of_first_use() -> None:
    fn = staged(nested, np.ones(4), 3)
    for stmt in statements(fn.body):
        for block in regions(stmt):
            mine: set[Value] = set(block.params)
            expected: dict[Any, None] = {}
            for inner in statements(block):
                for region in regions(inner):
                    mine |= set(region.params)
                mine |= set(inner.outs)
            for inner in block.stmts:
                found = [v for v in operands(inner) if isinstance(v, Value)]
                found += [v for region in regions(inner) for v in free_values(region)]
                expected |= dict.fromkeys(v for v in found if v not in mine)
            expected |= dict.fromkeys(
                v for v in block.results if isinstance(v, Value) and v not in mine
            )
            assert list(free_values(block)) == list(expected)
            assert free_values(block) is free_values(block)  # found once
    assert not free_values(fn.body)


def test_uses_of_a_statement_with_blocks() -> None:
    fn = staged(nested, np.ones(4), 3)
    (loop,) = (s for s in fn.body.stmts if regions(s))
    named = [v for v in operands(loop) if isinstance(v, Value)]
    assert list(uses(loop)) == list(dict.fromkeys([*named, *free_values(*regions(loop))]))


def test_what_statements_raise_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each pair of loops that may be joined."""
    pytest.importorskip("numba", reason="the Numba target needs Numba")
    asked: list[Any] = []
    before = siblings.failures

    def counted(stmt: Any, *rest: Any) -> Any:
        asked.append(stmt)
        return before(stmt, *rest)

    monkeypatch.setattr(siblings, "failures", counted)

    def rows(x: Any) -> Any:
        for _ in range(8):
            x = x - np.mean(np.sin(x), axis=1)[:, None]
        return x

    sc.jit(lambda x: [rows(x), rows(x.T), rows(2 * x)], backend="numba").source(np.ones((3, 4)))
    assert asked
    assert max(Counter(asked).values()) <= 2  # by each of the two passes
