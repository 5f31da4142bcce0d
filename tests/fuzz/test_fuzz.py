"""Random programs: eager Python, graphs, generated code and derivatives agree."""

from __future__ import annotations

import pytest

from tests.fuzz.generate import program
from tests.fuzz.judge import Verdict, judge
from tests.fuzz.shrink import shrink

BATCH = 10


@pytest.mark.parametrize("start", range(0, 100, BATCH))
def test_all_ways_to_run_a_program_agree(start: int) -> None:
    verdicts = {seed: judge(program(seed), seed) for seed in range(start, start + BATCH)}
    wrong = {seed: v for seed, v in verdicts.items() if v.kind in ("mismatch", "raises")}
    assert not wrong
    refused = [v for v in verdicts.values() if v.kind == "refused"]
    assert len(refused) <= BATCH // 3, refused


def test_programs_depend_on_the_seed_only() -> None:
    assert program(5) == program(5)
    assert program(5) != program(6)


WRONG = """
import numpy as np

def spoiled(a):
    return np.asarray(a).copy() * {factor}

def f(x, y, s, n):
    unused = x * 3.0
    if n > 1:
        x[0] = s * 0.5
    return np.sum(x) * s

def loss(x, y, s, n):
    return f(x, y, s, n) + np.sum(y)
"""


def test_the_judge_accepts_a_right_program() -> None:
    assert judge(WRONG.format(factor=1.0), 1).kind == "ok"


def test_a_failing_program_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.fuzz.judge as module

    real = module.sc.grad

    def wrong(*args: object, **options: object) -> object:
        right = real(*args, **options)
        return lambda *given: tuple(part * 1.0001 for part in right(*given))

    monkeypatch.setattr(module.sc, "grad", wrong)
    text = WRONG.format(factor=1.0)
    verdict = judge(text, 1)
    assert (verdict.kind, verdict.stage) == ("mismatch", "modes")
    smaller = shrink(text, 1, verdict)
    assert "unused" not in smaller
    assert isinstance(verdict, Verdict)
