"""From a gast tree to text that is known to read back as that tree.

astor formats; it is never trusted: the text is parsed and compared with the tree, and
`ast.unparse` takes over where astor fails.  Names are checked and constants are brought into
the form of `tree.constant` first, as both printers print those of any tree as they are.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import gast

from stagec.codegen.tree import constant
from stagec.codegen.wrap import wrap
from stagec.errors import InternalError

with warnings.catch_warnings():
    # astor touches deprecated nodes of `ast` when it is imported
    warnings.simplefilter("ignore")
    import astor
    from astor.code_gen import SourceGenerator, set_precedence


class _Generator(SourceGenerator):
    """astor's printer, without its own wrapping and with what it lacks left to `ast`."""

    def _whole(self, node: Any) -> None:
        """Print a statement with `ast.unparse`."""
        first, *rest = ast.unparse(node).split("\n")
        self.statement(node)
        self.write(first)
        for line in rest:
            self.newline()
            self.write(line)

    visit_Match = visit_TryStar = visit_TypeAlias = _whole

    def _inline(self, node: Any) -> None:
        """Print an expression with `ast.unparse`."""
        self.write(ast.unparse(node))

    visit_JoinedStr = visit_TemplateStr = visit_arguments = _inline

    def visit_Lambda(self, node: Any) -> None:
        with self.delimit(node) as delimiters:
            set_precedence(delimiters.p, node.body)
            arguments = ast.unparse(node.args)
            self.write(f"lambda {arguments}: " if arguments else "lambda: ", node.body)

    def visit_FunctionDef(self, node: Any, is_async: bool = False) -> None:
        if getattr(node, "type_params", None):
            self._whole(node)
            return
        self.decorators(node, 1 if self.indentation else 2)
        self.statement(node, "async def " if is_async else "def ", node.name, "(")
        self.visit_arguments(node.args)
        self.write(")")
        self.conditional_write(" -> ", node.returns)
        self.write(":")
        self.body(node.body)
        if not self.indentation:
            self.newline(extra=2)

    def visit_ClassDef(self, node: Any) -> None:
        if getattr(node, "type_params", None):
            self._whole(node)
        else:
            super().visit_ClassDef(node)


class _Normal(gast.NodeTransformer):
    """Constants as expressions that every printer prints right."""

    def visit_Constant(self, node: Any) -> Any:
        return constant(node.value)

    def visit_JoinedStr(self, node: Any) -> Any:
        for part in node.values:
            if isinstance(part, gast.FormattedValue):
                self.visit(part)
            else:
                part.kind = None
        return node

    def visit_Match(self, node: Any) -> Any:
        for case in node.cases:
            case.body = [self.visit(stmt) for stmt in case.body]
        node.subject = self.visit(node.subject)
        return node


def emit(tree: Any) -> str:
    """The text of the gast tree; raises InternalError if no printer gets it right.

    Raises ValueError for a name that is no identifier and TypeError for a constant that has
    no spelling.
    """
    tree = _Normal().visit(tree)
    _check_names(tree)
    plain = ast.fix_missing_locations(gast.gast_to_ast(tree))
    for printer in (lambda node: wrap(_astor(node)), _astor, ast.unparse):
        text = _printed(printer, plain)
        if text is not None:
            return text
    raise InternalError("the generated program cannot be printed")


def _astor(tree: Any) -> str:
    return astor.to_source(tree, source_generator_class=_Generator, pretty_source="".join)


def _printed(printer: Callable[[Any], str], tree: Any) -> str | None:
    """The text, if it reads back as the tree."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = printer(tree)
            same = _same(ast.parse(text), tree)
    except (SyntaxError, AttributeError, AssertionError, LookupError, TypeError, ValueError):
        return None
    return text.rstrip() + "\n" if same else None


def _same(one: Any, other: Any) -> bool:
    """Whether the trees are equal, places aside."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if not isinstance(one, ast.AST):
        return repr(one) == repr(other)
    return all(_same(getattr(one, f, None), getattr(other, f, None)) for f in one._fields)


@cache
def _name_fields(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a kind of node that hold names."""
    fields = ("id", "name", "arg", "attr", "asname", "module", "rest")
    return tuple(field for field in fields if field in kind._fields)


def _check_names(tree: Any) -> None:
    for node in gast.walk(tree):
        for field in _name_fields(type(node)):
            text = getattr(node, field, None)
            if not isinstance(text, str) or (isinstance(node, gast.alias) and text == "*"):
                continue
            parts = (
                text.split(".") if isinstance(node, gast.alias | gast.ImportFrom) else [text]
            )
            if not all(p.isidentifier() and not keyword.iskeyword(p) for p in parts):
                raise ValueError(f"{text!r} is not a name")


def _statements(tree: Any, kind: Any) -> Iterator[Any]:
    """The statements of a gast or ast tree, in an order that is the same for both."""
    for field in ("body", "orelse", "handlers", "finalbody"):
        for stmt in getattr(tree, field, None) or []:
            if isinstance(stmt, kind):
                yield stmt
            yield from _statements(stmt, kind)


def lines_of(tree: Any, text: str) -> dict[int, int]:
    """For each statement of the gast module, by `id`, the line of the text it starts on."""
    printed = _statements(ast.parse(text), ast.stmt)
    written = _statements(tree, gast.stmt)
    return {id(a): b.lineno for a, b in zip(written, printed, strict=True)}


def with_comments(text: str, comments: Mapping[int, list[str]]) -> tuple[str, dict[int, int]]:
    """The text with comments on lines of their own, and the new number of each line.

    `comments` maps a line to what stands above it.
    """
    out: list[str] = []
    moved: dict[int, int] = {}
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        out += [indent + comment(c) for c in comments.get(number, ())]
        out.append(line)
        moved[number] = len(out)
    return "\n".join(out) + "\n", moved


def comment(text: str) -> str:
    """The text as a comment on one line."""
    text = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text).strip().lstrip("#").strip()
    return f"# {text}".rstrip()
