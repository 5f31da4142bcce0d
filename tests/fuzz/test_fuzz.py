"""Random programs: eager Python, graphs, generated code and derivatives agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc
from tests.fuzz import judge as judging
from tests.fuzz.generate import program
from tests.fuzz.judge import judge
from tests.fuzz.mixed_judge import judge_mixture
from tests.fuzz.mixtures import mixture
from tests.fuzz.nests import nest
from tests.fuzz.shrink import reproduction, shrink

BATCH = 10
HEAD = "import numpy as np\n\ndef f(x, y, s, n):\n"
LOSS = """
def loss(x, y, s, n):
    out = f(x, y, s, n)
    return np.sum(np.sin(out[0])) + np.sum(x) + np.sum(y)
"""


@pytest.mark.parametrize("start", range(0, 100, BATCH))
def test_all_ways_to_run_a_program_agree(start: int) -> None:
    verdicts = {seed: judge(program(seed), seed) for seed in range(start, start + BATCH)}
    wrong = {seed: v for seed, v in verdicts.items() if v.kind in ("mismatch", "raises")}
    assert not wrong
    refused = [v for v in verdicts.values() if v.kind == "refused"]
    assert len(refused) <= BATCH // 3, refused


def test_all_ways_to_run_nested_loops_agree() -> None:
    verdicts = {seed: judge(nest(seed), seed) for seed in range(12)}
    assert {v.kind for v in verdicts.values()} <= {"ok", "kink", "raises"}, verdicts


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_all_ways_to_run_mixed_dtypes_agree(backend: str) -> None:
    seeds = range(16) if backend == "numpy" else range(100, 103)
    verdicts = {seed: judge_mixture(mixture(seed), seed, backend) for seed in seeds}
    kinds = [v.kind for v in verdicts.values()]
    assert set(kinds) <= {"ok", "refused", "raises"}, verdicts
    assert kinds.count("ok") > len(kinds) // 2, verdicts


def test_a_program_depends_on_its_seed_only() -> None:
    for write in (program, nest, mixture):
        assert write(5) == write(5)
        assert write(5) != write(6)


def without_slope(x: Any, y: Any, s: Any, n: Any) -> Any:
    return np.sum(np.log(x * 0.0)) + np.sum(y) + s


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_modes_agree_where_both_give_nan() -> None:
    args = judging.arguments(0, 2, None)
    slope = sc.grad(without_slope, argnums=(0, 1, 2))
    derivative = judging.compare_modes(without_slope, slope, args, 0)
    assert np.isnan(derivative)
    assert not judging.compare_differences(without_slope, args, 0, derivative)
    with pytest.raises(judging.Mismatch):
        judging.compare_modes(without_slope, lambda *a: (a[0], a[1], 1.0), args, 0)


# what random programs have found, made small
FOUND = {
    "a value of a branch in a branch leaves a loop": """
    x = x.copy()
    k = 0
    while k < 3 and (np.max(x) > -0.35 or n == 0):
        if k == n - 1:
            x[1:3] = np.sin(x[:2])
        else:
            y[0, 1:] = np.cos(x[1:])
        k += 1
    return x, s
""",
    "a copy of what may be unset": """
    if n > 2:
        x[[0, 2]] = x[[2, 0]]
    else:
        if not np.all(y < -1.3):
            x[:] = x / (1.0 + np.abs(x))
        else:
            np.add.at(x, np.array([1, 1, 3]), np.sin(x[2]))
            if np.max(x) > -0.35 or n == 0:
                return y[0], s
        x[::-1] = np.sin(x)
    return x[np.array([0, 2, 0])], s
""",
    "a pullback for views": "    return y[::1], x[n:], y[:n, 0], s\n",
    "a residual of a path not taken": """
    if not np.all(x < -1.28):
        x[1:3] = 0.5 * (x[:2] + x[2:])
    else:
        c = np.cos(np.full((2,), s))
        x.reshape(2, 2).T[0] -= 0.3 * c / (1.0 + np.abs(c))
    return x, y
""",
    "a test that is pure at the head of its loop too": """
    k = 0
    while k < 2 and not np.all(x < 1.04):
        k += 1
        if np.sum(x) > -1.1:
            return x * 2.0, s
    return x * 3.0, s
""",
    "a tape of what may be unset": """
    for i in range(n):
        for j in range(2):
            if i == n - 1:
                return np.tanh(np.abs(x - y[0])), s
            y[j] += 0.1 * x
    return x, s
""",
    "tangents of views": "    return y[n - 1 :], x[:n], s\n",
    "reshaped and copied to in a loop": """
    for i in range(n):
        x.reshape(2, 2)[1] *= s
        np.copyto(y, x)
        y[i].reshape(2, 2)[0] += 0.1 * i
    return x, y
""",
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_what_was_found_stays_right(text: str) -> None:
    verdict = judge(HEAD + text + LOSS, 3)
    assert verdict.kind == "ok", verdict.detail


def test_a_wrong_gradient_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    right = judging.sc.grad

    def wrong(*args: Any, **options: Any) -> Any:
        slope = right(*args, **options)
        return lambda *given: tuple(part * 1.0001 for part in slope(*given))

    text = HEAD + "    unused = x * 3.0\n    x[0] = s * 0.5\n    return x * y, s\n" + LOSS
    assert judge(text, 1).kind == "ok"
    monkeypatch.setattr(judging.sc, "grad", wrong)
    verdict = judge(text, 1)
    assert (verdict.kind, verdict.stage) == ("mismatch", "modes")
    smaller = shrink(text, 1, verdict)
    assert "unused" not in smaller
    assert "__main__" in reproduction(smaller, 1, verdict)
