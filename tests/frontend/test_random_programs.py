"""Random programs: core form beside original, and with the dead names overwritten."""

from __future__ import annotations

import pytest

from stagec.frontend.desugar import desugar
from tests.frontend.core_language import assert_core, define, same
from tests.frontend.random_programs import Writer
from tests.frontend.test_liveness import poisoned

RUNS = [[1, 2, 3, 4, [5, 6, 7]], [0, -1, 0, 2, [1]]]


@pytest.mark.parametrize("seed", range(20))
def test_core_form_acts_like_the_original(seed: int) -> None:
    text = Writer(seed).program()
    tree = desugar(define(text))
    assert_core(tree)
    same(text, tree, RUNS)
    same(text, poisoned(tree), RUNS)
