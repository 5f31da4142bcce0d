"""The tutorial's code runs, block after block."""

from __future__ import annotations

import linecache
import re
from pathlib import Path
from typing import Any

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"


def test_tutorial_runs() -> None:
    text = TUTORIAL.read_text()
    namespace: dict[str, Any] = {"__name__": "tutorial"}
    for k, block in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)):
        name = f"<tutorial {k}>"
        lines = [str(line) for line in block.splitlines(keepends=True)]
        linecache.cache[name] = (len(block), None, lines, name)
        exec(compile(block, name, "exec", dont_inherit=True), namespace)
