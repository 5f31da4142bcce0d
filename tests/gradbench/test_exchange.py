"""Recorded sessions, replayed through the tool: each eval line by line, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.gradbench import det
from examples.gradbench.protocol import EVALS, Tool, serve

ROOT = Path(__file__).parent.parent.parent
EXCHANGES = Path(__file__).parent / "exchanges"


def recorded(name: str) -> tuple[list[str], list[dict[str, Any]]]:
    """What the eval said, and what the tool answered."""
    lines = (EXCHANGES / f"{name}.jsonl").read_text().splitlines()
    return lines[::2], [json.loads(line) for line in lines[1::2]]


def same(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() - {"timings"} == expected.keys()
        for key, part in expected.items():
            same(found[key], part)
    elif isinstance(expected, list | float) and not isinstance(expected, bool):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    else:
        assert found == expected


@pytest.mark.parametrize("name", EVALS)
def test_replay(name: str) -> None:
    said, expected = recorded(name)
    answers: list[str] = []
    serve(said, answers.append, "numpy")
    assert len(answers) == len(expected)
    for line, wanted in zip(answers, expected, strict=True):
        assert line.endswith("\n")
        same(json.loads(line), wanted)


def test_command() -> None:
    said, expected = recorded("llsq")
    done = subprocess.run(
        [sys.executable, "-m", "examples.gradbench", "--backend", "numpy", "--multithreaded"],
        input="\n".join(said),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime")])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    for line, wanted in zip(done.stdout.splitlines(), expected, strict=True):
        same(json.loads(line), wanted)


def ask(tool: Tool, kind: str, **fields: Any) -> dict[str, Any]:
    return tool.answer({"id": 7, "kind": kind, **fields})


def test_repetition_and_timings() -> None:
    tool = Tool("numpy")
    ask(tool, "define", module="lse")
    given = {"x": [1.0, 2.0, 4.0], "min_runs": 5, "min_seconds": 0}
    answer = ask(tool, "evaluate", module="lse", function="primal", input=given)
    names = [t["name"] for t in answer["timings"]]
    assert names == ["prepare", *5 * ["evaluate"]]
    assert all(type(t["nanoseconds"]) is int for t in answer["timings"])


def test_nothing_is_compiled_after_define() -> None:
    tool = Tool("numpy")
    ask(tool, "define", module="gmm")
    before = set(tool.compiled)
    rng = np.random.default_rng(0)
    given = {"d": 5, "k": 6, "n": 9, "m": 0, "gamma": 1.0, "x": rng.normal(size=(9, 5)),
             "alpha": rng.normal(size=6), "mu": rng.normal(size=(6, 5)),
             "q": rng.normal(size=(6, 5)), "l": rng.normal(size=(6, 10))}  # fmt: skip
    for function in ("objective", "jacobian"):
        assert ask(tool, "evaluate", module="gmm", function=function, input=given)["success"]
    assert tool.compiled == before


def test_sizes_that_are_programs_are_compiled_at_define(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [sample["ell"] for sample in det.WANTED] == [5, 6, 7, 8, 9, 10, 11]
    monkeypatch.setattr(det, "WANTED", [{"A": np.zeros(16), "ell": 4}])
    tool = Tool("numba")
    assert ask(tool, "define", module="det")["success"]
    before = set(tool.compiled)
    given = {"A": np.arange(16.0).tolist(), "ell": 4}
    for function in ("primal", "gradient"):
        answer = ask(tool, "evaluate", module="det", function=function, input=given)
        assert [t["name"] for t in answer["timings"]] == ["prepare", "evaluate"]
    assert tool.compiled == before


def test_refusals() -> None:
    tool = Tool("numpy")
    assert not ask(tool, "define", module="unknown")["success"]
    assert ask(tool, "celebrate") == {"id": 7}
    ask(tool, "define", module="lse")
    failed = ask(tool, "evaluate", module="lse", function="primal", input={"x": "no"})
    assert not failed["success"]
    assert "ValueError" in failed["error"]


def test_no_answer_that_is_not_json() -> None:
    answers: list[str] = []
    said = [
        {"id": 0, "kind": "define", "module": "hello"},
        {"id": 1, "kind": "evaluate", "module": "hello", "function": "square", "input": 1e200},
    ]
    serve(map(json.dumps, said), answers.append, "numpy")
    assert json.loads(answers[1]) == {
        "id": 1, "success": False, "error": json.loads(answers[1])["error"],
    }  # fmt: skip
