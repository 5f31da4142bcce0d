"""The benchmarks survive what they measure, and write their report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import report
from tests.benchmarks.supervise import Result, machine, supervised
from tests.benchmarks.workloads import WORKLOADS

pytest.importorskip("numba", reason="the Numba target needs Numba")


def test_a_crash_costs_one_implementation() -> None:
    found = supervised("rosenbrock", ["stagec", "nothing"], [1], 0.01, 200.0)
    assert found.failures == ["nothing: ended with code 1: KeyError: 'nothing'"]
    assert set(found.times[1]) == {"stagec"}
    assert set(found.times[1]["stagec"]) == {"forward", "derivative"}
    assert found.errors == {1: {"stagec": 0.0}}


def test_no_time_is_a_failure_too() -> None:
    found = supervised("rosenbrock", ["stagec"], [1], 0.01, 1.0)
    assert found.failures == ["not measured to the end: no time left"]


def test_report(tmp_path: Path) -> None:
    quick = {"forward": 1e-6, "derivative": 2e-6}
    slow = {"forward": 5e-6, "derivative": 8e-6}
    by_hand = {"forward": 1e-6, "derivative": 4e-6}
    runs = {"stagec": quick, "jax": slow, "numba": by_hand}
    first = {"stagec": {"derivative": 0.6}, "jax": {"derivative": 0.2}}
    found = {
        "rosenbrock": Result(times=dict.fromkeys((1, 2), runs), first=first),
        "lu": Result(failures=["not measured: no time left"]),
    }
    report.write(tmp_path, machine(), found)
    text = (tmp_path / "benchmarks.md").read_text()
    assert "| rosenbrock | faster than JAX, derivative | 3x | 4 | 2 | yes |" in text
    assert (
        "| rosenbrock | derivative / forward by size | spread 1.3 | 2 2 | 4 4 | yes |" in text
    )
    assert "Median of stagec's first derivative over JAX's: 3." in text
    assert "- lu, not measured: no time left" in text
    assert "rosenbrock" in json.loads((tmp_path / "benchmarks.json").read_text())["workloads"]
    assert report.line(WORKLOADS["lu"], found["lu"]).startswith("lu  [not measured")
