"""Ops raise exactly when, and what, they tell beforehand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from stagec.ir.core import Op
from stagec.ir.path import Arg, Index, Slice
from stagec.ops.arithmetic import divide, log
from stagec.ops.effects import check_defined
from stagec.ops.exponential import sqrt
from stagec.ops.indexing import read, update
from stagec.ops.lists import list_get, list_pop, list_set
from stagec.ops.rounding import floor_divide, remainder

MATRIX = np.arange(12.0).reshape(3, 4)
ROW, ELEMENT = (Index((Arg(0),)),), (Index((Arg(0), Arg(1))),)
TWICE = Index((Slice(1, None), Slice())), Index((Arg(0),))
CASES: list[tuple[Op, tuple[Any, ...], dict[str, Any]]] = [
    *((op, (x, y), {}) for op in (divide, floor_divide, remainder)
      for x in (3, 2.5) for y in (0, 0.0, -0.0, 2, math.nan)),
    *((op, (x,), {"python": True}) for op in (sqrt, log)
      for x in (0.0, -0.0, 2.0, -1.0, math.nan, math.inf)),
    *((read, (MATRIX, i), {"path": ROW}) for i in (0, 2, 3, -3, -4)),
    *((read, (MATRIX, i, j), {"path": ELEMENT}) for i in (1, 3) for j in (-4, -5)),
    *((read, (MATRIX, i), {"path": TWICE}) for i in (1, 2)),
    *((update, (MATRIX, 1.0, i), {"path": ROW}) for i in (2, 3)),
    *((list_get, ([1.0, 2.0], i), {}) for i in (1, 2, -2, -3)),
    *((list_set, ([1.0, 2.0], i, 3.0), {}) for i in (1, 2, -2, -3)),
    *((list_pop, (xs,), {}) for xs in ([1.0], [])),
    *((check_defined, (flag,), {"name": "x"}) for flag in (True, False)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "args", "attrs"), CASES)
def test_told(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    assert op.failing is not None
    told = [(error, why) for error, why, when in op.failing(*args, **attrs) if when]
    found = []
    try:
        op.value(*args, **attrs)
    except Exception as error:
        found = [(type(error), error.args)]
    assert told[:1] == found


def test_not_told() -> None:
    assert read.failing is not None
    assert update.failing is not None
    assert read.failing(MATRIX, np.array([0, 7]), path=ROW) is None
    assert update.failing(MATRIX, np.ones(3), 1, path=ROW) is None
    assert update.failing(MATRIX, np.ones(4), 1, path=ROW) is not None
