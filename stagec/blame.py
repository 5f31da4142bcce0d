"""Where in the user's program an exception of generated code happened.

Machine code does not tell on which line it raised.  What is known is the kernel, and often the
check that failed; the note names every line that has such a check, never a guess among them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import stagec_runtime as rt
from stagec.codegen.module import Module
from stagec.errors import Loc

HELPERS = str(Path(rt.__file__).parent)
THREADS = str(Path(rt.__file__).parent / "threads.py")
HARMLESS = (
    ast.Assign, ast.Return, ast.Expr, ast.Call, ast.Name, ast.Tuple, ast.Constant,
    ast.expr_context,
)  # fmt: skip


def annotate(error: Exception, module: Module, file: str) -> None:
    """Add a note to an exception of the module in the file, saying where it comes from."""
    found = [f"{place}: {place.text.strip()}" for place in places(error, module, file)]
    if len(found) == 1:
        error.add_note(f"in staged code: {found[0]}")
    elif found:
        error.add_note("\n  ".join(["in staged code, on one of these lines:", *found]))


def places(error: Exception, module: Module, file: str) -> list[Loc]:
    """The user's lines that the exception may come from; one, if it was not in a kernel."""
    # that parts of a loop run on threads tells nothing of where
    trace = [t for t in frames(error.__traceback__) if not in_file(t, THREADS)]
    own = [t for t in trace if in_file(t, file)]
    if not own:
        return []
    line = own[-1].tb_lineno
    statement = statement_at(line, module.text)
    called = {n for n in named(statement) if n in module.kernels}
    if own[-1].tb_frame.f_code.co_name in module.kernels or not called:
        return located([line], module)
    last = trace[-1].tb_frame.f_code
    helper = last.co_name.lstrip("_") if last.co_filename.startswith(HELPERS) else ""
    lines = [k for name in sorted(called) for k in suspects(name, helper, error, module.text)]
    if not helper and not all(isinstance(n, HARMLESS) for n in parts(statement)):
        lines.append(line)  # something else of the statement may have raised
    return located(lines, module)


def frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    """The entries of a traceback, outermost first."""
    while trace is not None:
        yield trace
        trace = trace.tb_next


def in_file(entry: TracebackType, file: str) -> bool:
    """Whether the entry is of code in the file."""
    return entry.tb_frame.f_code.co_filename == file


def suspects(name: str, helper: str, error: Exception, text: str) -> list[int]:
    """The lines of a kernel that may raise the error: in the helper, if one is named."""
    (definition,) = (
        n for n in tree_of(text).body if isinstance(n, ast.FunctionDef) and n.name == name
    )
    nodes = [n for stmt in definition.body for n in ast.walk(stmt)]
    if helper:
        chosen = [n for n in nodes if isinstance(n, ast.Attribute) and n.attr == helper]
    elif isinstance(error, IndexError):
        chosen = [n for n in nodes if isinstance(n, ast.Subscript) and not is_size(n)]
    else:
        chosen = []
    return sorted(n.lineno for n in chosen or nodes if isinstance(n, ast.expr | ast.stmt))


def is_size(node: ast.Subscript) -> bool:
    """Whether this reads a length, as in `x.shape[0]`."""
    return isinstance(node.value, ast.Attribute) and node.value.attr == "shape"


def statement_at(line: int, text: str) -> ast.stmt:
    """The innermost statement on the line."""
    around = (
        n
        for n in ast.walk(tree_of(text))
        if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or n.lineno)
    )
    return max(around, key=lambda n: n.lineno)


def parts(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement, but for the range and the work of a call in parts: sizes."""
    yield tree
    children = list(ast.iter_child_nodes(tree))
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) in ("threads.run", "threads.fold"):
        first = 1 if ast.unparse(tree.func) == "threads.run" else 2
        children = [*tree.args[:first], *tree.args[first + 3 :]]
    for child in children:
        yield from parts(child)


def named(statement: ast.stmt) -> set[str]:
    """The names that the statement uses, of functions called or passed on."""
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}


def located(lines: Iterable[int], module: Module) -> list[Loc]:
    """The user's lines that the lines of the module come from, each once, in order."""
    found: dict[tuple[str, int], Loc] = {}
    for line in lines:
        before = [k for k in module.line_map if k <= line]
        if before:
            place = module.line_map[max(before)]
            found.setdefault((place.file, place.line), place)
    return [found[key] for key in sorted(found)]


@functools.lru_cache(maxsize=16)
def tree_of(text: str) -> ast.Module:
    """The tree of a module."""
    return ast.parse(text)
