"""Each example runs without a warning, says what it should and leaves its pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
OUTPUT = {
    "cholesky": "its gradient equals the inverse to 1e-10",
    "digits": "test accuracy 9",
    "gauss_seidel": "after 60 gradient steps",
    "heat": "largest error",
    "imperative_declarative": "the gradients written by stagec equal those written by hand",
    "linear_regression": "slope 2.4954, offset 3.9990",
    "newton": "dE/dM = 1.171149558112",
    "pendulum": "(true 1.3 m)",
    "toy_classifier": "epoch 10: ",
}


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(OUTPUT)


@pytest.mark.parametrize("name", OUTPUT)
def test_example(name: str, tmp_path: Path) -> None:
    pictures = ["--out", str(tmp_path)] if name == "toy_classifier" else []
    paths = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *pictures],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert OUTPUT[name] in done.stdout
    made = {path.name: path.read_bytes()[:8] for path in tmp_path.glob("*.png")}
    expected = ["toy_before.png", "toy_after.png"] if pictures else []
    assert made == dict.fromkeys(expected, b"\x89PNG\r\n\x1a\n")
