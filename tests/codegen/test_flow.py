"""Loops with one way out: what is done there comes after the loop."""

from __future__ import annotations

import ast
from typing import Any

import gast
import numpy as np
import pytest

import stagec as sc
from stagec.codegen.flow import one_way_out


def parts(text: str) -> tuple[list[str], list[str], bool]:
    """The body of the loop and what is moved behind it, as text."""
    body = gast.parse(text).body
    moved, whole = one_way_out(body)

    def lines(nodes: list[Any]) -> list[str]:
        return [ast.unparse(gast.gast_to_ast(n)).replace("\n", ";") for n in nodes]

    return lines(body), lines(moved), whole


def test_what_comes_before_break_moves() -> None:
    found = parts("n += 1\nif n > 3:\n    p = q\n    break\np = n")
    assert found == (["n += 1", "if n > 3:;    break", "p = n"], ["p = q"], True)


def test_return_moves_with_what_comes_before_it() -> None:
    found = parts("if n > 3:\n    p = q\n    return p\np = n")
    assert found == (["if n > 3:;    break", "p = n"], ["p = q", "return p"], True)


@pytest.mark.parametrize(
    "text",
    [
        "if n > 3:\n    break\np = n",  # nothing to move
        "if n > 3:\n    p = 1\n    break\nif n < 0:\n    p = 2\n    break",  # two ways out
        "if n > 3:\n    p = 1\n    break\nif n < 0:\n    raise ValueError",
        "for i in x:\n    if i:\n        p = i\n        break",  # out of another loop
    ],
)
def test_other_loops_stay(text: str) -> None:
    before = [ast.unparse(n).replace("\n", ";") for n in ast.parse(text).body]
    assert parts(text) == (before, [], True)


def test_a_return_from_an_inner_loop_cannot_move() -> None:
    text = "for i in x:\n    if i:\n        p = i\n        return p\np = 0"
    assert parts(text)[1:] == ([], False)


def ends_inside(x: Any, limit: Any) -> Any:
    p, trips = x, 0
    while True:
        trips += 1
        q = p + 1.5
        if np.sum(q) > limit:
            p = q * 2.0
            break
        p = q
    return p, trips


def never_read_again(x: Any, limit: Any) -> Any:
    p, trips = x, 0
    while True:
        trips += 1
        q = p + 1.5
        if np.sum(q) > limit or trips > 1000:
            p = q
            break
        p = q
    return trips


def from_inner_loop(x: Any, limit: Any) -> Any:
    p = q = 0.0
    while True:
        for k in range(len(x)):
            q = p + x[k]
            if q > limit:
                p = q * 2.0
                return p + k
        p = q + 0.25


def sets_what_nobody_reads(x: Any, limit: Any) -> Any:
    r = 0.0
    for k in range(len(x)):
        try:
            if x[k] > limit:
                return r + k
            r += x[k] * k
            continue
        finally:
            r += 100.0
    return r


PROGRAMS = [ends_inside, never_read_again, from_inner_loop, sets_what_nobody_reads]


@pytest.mark.parametrize("program", PROGRAMS)
def test_numba_leaves_the_loop_as_python_does(program: Any) -> None:
    """Numba 0.68 gives a variable that is set before the only `break` a name of its own."""
    pytest.importorskip("numba", reason="the Numba target needs Numba")
    x = np.array([0.5, 1.0])
    np.testing.assert_equal(sc.jit(program, backend="numba")(x, 40.0), program(x, 40.0))
