"""What the documents promise is there, and the pages made from the sources are current."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import linecache
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest

from stagec import ops
from stagec.frontend import builtins
from stagec.ir.core import Op

ROOT = Path(__file__).parent.parent
CODE = re.compile(r"SC\d{3}")


def blocks(text: str) -> list[str]:
    """The bash code blocks."""
    return re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_first_screen_has_the_two_commands() -> None:
    screen = "".join((ROOT / "README.md").read_text().splitlines(keepends=True)[:40])
    use, check = blocks(screen)
    assert use.count("\n") == check.count("\n") == 1
    assert shlex.split(use)[:3] == ["pip", "install", ".[examples]"]
    assert check == 'pip install -e ".[test]" && python -m tests unit\n'


def test_first_command_runs_an_example() -> None:
    [script] = re.findall(r"examples/\w+\.py", blocks((ROOT / "README.md").read_text())[0])
    assert (ROOT / script).exists()


def test_gradient_of_the_readme_is_what_is_generated(request: pytest.FixtureRequest) -> None:
    page = ROOT / "README.md"
    before = page.read_text()
    program, shown = re.findall(r"^```python\n(.*?)^```", before, re.MULTILINE | re.DOTALL)
    text = run(program, "<readme>")["text"].rstrip() + "\n"
    if request.config.getoption("--update-golden"):
        page.write_text(before.replace(f"```python\n{shown}```", f"```python\n{text}```"))
    assert f"```python\n{text}```" in page.read_text(), "run pytest with --update-golden"


def run(code: str, name: str) -> dict[str, Any]:
    """What the code defines; its text is registered, so that it can be staged."""
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "document"}
    exec(compile(code, name, "exec", dont_inherit=True), namespace)
    return namespace


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [t for t in targets if not (path.parent / t).exists()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_prompts_show_what_happens(path: Path) -> None:
    assert doctest.testfile(str(path), module_relative=False).failed == 0


def test_op_fields_are_explained() -> None:
    page = (ROOT / "docs" / "adding-an-op.md").read_text()
    assert [f.name for f in dataclasses.fields(Op) if f"`{f.name}`" not in page] == []


def functions_page() -> str:
    """The list of functions that ops, or code of the front end, are the meaning of."""
    found: dict[str, set[str]] = {}
    called = [function for op in ops.ALL for function, _ in op.calls]
    for function in (*called, *(f for f in builtins.TABLE if f is not id)):
        module = getattr(function, "__module__", None) or "numpy"
        if not function.__name__.startswith("__"):  # those go by the name of what they do
            found.setdefault(module.strip("_"), set()).add(function.__name__)
    parts = [
        "# Functions that can be staged",
        "",
        "This page is made from the compiler's own tables. Array methods are looked up by the",
        "name of the NumPy function.",
    ]
    for module in sorted(found):
        names = ", ".join(f"`{name}`" for name in sorted(found[module]))
        parts += ["", f"## {module}", "", textwrap.fill(names, 96)]
    return "\n".join(parts) + "\n"


def errors_page() -> str:
    """The list of error codes, from the places that raise them."""
    rows: dict[str, set[tuple[str, str]]] = {}
    for path in sorted((ROOT / "stagec").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
            if not parts or not CODE.fullmatch(_text(parts[0])):
                continue
            keywords = node.keywords if isinstance(node, ast.Call) else []
            helps = [k.value for k in keywords if k.arg == "help"] or parts[2:]
            advice = [_text(part) for part in helps if _text(part)]
            row = _text(parts[1]), advice[-1] if advice else ""
            rows.setdefault(_text(parts[0]), set()).add(row)
    lines = [
        "# Errors",
        "",
        "This page is made from the sources. `…` stands for a name or a value. Every message",
        "also shows the file, the line and the place in it.",
        "",
        "| code | what is wrong | what to do |",
        "|---|---|---|",
    ]
    for code in sorted(rows):
        for k, row in enumerate(sorted(rows[code])):
            lines.append(f"| {'' if k else code} | {row[0]} | {row[1]} |")
    return "\n".join(lines) + "\n"


def _text(node: ast.expr) -> str:
    """The text of a string in the source; what is filled in at run time is an ellipsis."""
    match node:
        case ast.Constant(value=str(text)):
            return text.replace("|", "\\|")
        case ast.JoinedStr(values=values):
            return "".join(_text(v) or "…" for v in values)
        case _:
            return ""


PAGES = {"functions.md": functions_page, "errors.md": errors_page}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(name: str, request: pytest.FixtureRequest) -> None:
    page, text = ROOT / "docs" / name, PAGES[name]()
    if request.config.getoption("--update-golden"):
        page.write_text(text)
    assert page.read_text() == text, "run pytest tests/test_documents.py --update-golden"
