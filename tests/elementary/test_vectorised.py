"""LLVM vectorises loops that call elementary functions."""

from __future__ import annotations

import re

import numba
import pytest

from tests.elementary.functions import CASES, over_arrays


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_vectorised(name: str, kind: str) -> None:
    loop = over_arrays(name)
    signature = (numba.types.Array(getattr(numba, kind), 1, "C"),) * (CASES[name].arity + 1)
    loop.compile(signature)
    code = loop.inspect_llvm(signature)
    vector = rf"<\d+ x {'double' if kind == 'float64' else 'float'}>"
    assert re.search(rf"store {vector}", code), "results are stored one by one"
    assert re.search(rf"f(mul|add|sub) {vector}", code), "the arithmetic is that of numbers"
    assert not re.search(r"call \w+ @(?!llvm)[a-z0-9]+\(", _loops(code)), "the loop has a call"


def _loops(code: str) -> str:
    """The vectorised parts of the functions but those for rare operands."""
    bodies = re.findall(r"^define [^\n]*\{.*?^\}", code, flags=re.M | re.S)
    kept = "\n".join(b for b in bodies if "stagec_rare" not in b.split("\n")[0])
    blocks = re.findall(r"^vector\.body.*?(?=^\S)", kept, flags=re.M | re.S)
    assert blocks
    return "\n".join(blocks)
