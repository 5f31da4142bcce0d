"""Shared fixtures. `golden` compares text with tests/golden/<test path>/<test name>.<ext>."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
os.environ["STAGEC_CACHE_DIR"] = "off"  # tests compile, and leave nothing behind


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function `check(text, ext)` that fails unless the golden file holds `text`."""
    where = Path(request.node.path).relative_to(ROOT).with_suffix("")

    def check(text: str, ext: str) -> None:
        path = ROOT / "golden" / where / f"{request.node.name}.{ext}"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        expected = path.read_text() if path.exists() else ""
        assert text == expected, f"{path}: review the diff, then run pytest --update-golden"

    return check
