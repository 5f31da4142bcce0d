"""The definition of a function, found by its position in the parsed file.

Invariant: a definition is handed out only if the text compiles to the very bytecode that runs,
so a file edited after its import is an error and never another program.
"""

from __future__ import annotations
import __future__

import ast
import io
import linecache
import sys
import tokenize
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MappingProxyType, MethodType
from typing import Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend.depth import deep

_Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_PARSE = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_FUTURE = 0
for _feature in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _feature).compiler_flag


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as its author wrote it.

    `comments` holds the comments on lines of their own, by the lines of the statement that they
    precede; `class_name` is the class whose private names (`__x`) the function mangles.
    """

    node: gast.FunctionDef
    file: str
    line: int
    comments: Mapping[int, tuple[str, ...]]
    qualname: str
    class_name: str | None
    flags: int


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """One function of a file: its node, the statement of the module it is in, its class."""

    node: _Node
    top: ast.stmt
    class_name: str | None


@dataclass(slots=True, eq=False)
class _File:
    """A parsed file; what is derived from it is kept."""

    lines: list[str]
    imports: list[ast.stmt]
    places: dict[tuple[str, int], list[_Place]]
    codes: dict[ast.stmt, list[CodeType]] = field(default_factory=dict)
    nodes: dict[_Node, tuple[gast.FunctionDef, Mapping[int, tuple[str, ...]]]] = field(
        default_factory=dict
    )


_files: dict[tuple[str, int], _File] = {}


def find(function: Callable[..., Any]) -> Definition:
    """The definition of a Python function, method or lambda; never that of what it wraps."""
    if isinstance(function, MethodType):
        function = function.__func__
    if not isinstance(function, FunctionType):
        raise StagecError(
            "SC203",
            f"{function!r} is not a Python function, so it has no source",
            help="pass a function written in Python, or wrap the call in stagec.callback",
        )
    code = function.__code__
    flags = code.co_flags & _FUTURE
    parsed = _parse(function, flags)
    place = _locate(code, parsed.places.get((code.co_name, code.co_firstlineno), []))
    if place is None or not _verified(code, parsed, place, flags):
        raise _changed(function)
    if place.node not in parsed.nodes:
        parsed.nodes[place.node] = _convert(place.node), _comments(parsed.lines, place.node)
    node, comments = parsed.nodes[place.node]
    return Definition(
        node,
        code.co_filename,
        code.co_firstlineno,
        comments,
        function.__qualname__,
        place.class_name,
        flags,
    )


def _parse(function: FunctionType, flags: int) -> _File:
    """The parsed file of the function, from memory unless its text is new."""
    file = function.__code__.co_filename
    lines = _lines(function)
    known = _files.get((file, flags))
    if known is not None and (known.lines is lines or known.lines == lines):
        return known
    try:
        with deep():
            tree = compile("".join(lines), file, "exec", flags | _PARSE, dont_inherit=True)
    except (SyntaxError, ValueError):
        raise _changed(function) from None
    assert isinstance(tree, ast.Module)
    places: dict[tuple[str, int], list[_Place]] = {}
    for place in _functions(tree):
        places.setdefault(_key(place.node), []).append(place)
    _files[file, flags] = _File(lines, list(_imports(tree.body)), places)
    return _files[file, flags]


def _lines(function: FunctionType) -> list[str]:
    """The text of the function's file, as the interpreter's own tracebacks would show it."""
    file = function.__code__.co_filename
    linecache.checkcache(file)
    lines = linecache.getlines(file, function.__globals__)
    if not lines and file == "<string>" and "-c" in sys.orig_argv[:-1]:
        lines = sys.orig_argv[sys.orig_argv.index("-c") + 1].splitlines(keepends=True)
    if lines:
        return lines
    raise _unreadable(function)


def _unreadable(function: FunctionType) -> StagecError:
    """The error for a function whose text is nowhere."""
    file = function.__code__.co_filename
    return StagecError(
        "SC202",
        f"the source of {function.__qualname__} cannot be read ({file})",
        help="save the function to a file, or register its text in linecache.cache",
    )


def _functions(tree: ast.Module) -> Iterator[_Place]:
    """Every function and lambda of the module."""
    stack: list[tuple[ast.AST, ast.stmt, str | None]] = [(top, top, None) for top in tree.body]
    while stack:
        node, top, class_name = stack.pop()
        if isinstance(node, _Node):
            yield _Place(node, top, class_name)
        elif isinstance(node, ast.ClassDef):
            class_name = node.name
        stack += [(child, top, class_name) for child in ast.iter_child_nodes(node)]


def _imports(body: list[Any]) -> Iterator[ast.stmt]:
    """The imports of the module itself: calls on a module compile in a way of their own."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _imports([n for n in ast.iter_child_nodes(node) if _holds_statements(n)])


def _holds_statements(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.excepthandler | ast.match_case)


def _key(node: _Node) -> tuple[str, int]:
    """The name and first line that the function's code object has."""
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    return node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _locate(code: CodeType, places: list[_Place]) -> _Place | None:
    """The place whose body holds the instructions of the code most tightly."""
    hull = _hull(code) if len(places) > 1 else None
    if hull is None:
        return places[0] if places else None
    around = [(_body(p.node), p) for p in places]
    inside = [
        (end, start, p) for (start, end), p in around if start <= hull[0] and hull[1] <= end
    ]
    # the innermost of nested bodies ends first or, where the ends agree, starts last
    inside.sort(key=lambda item: (item[0], (-item[1][0], -item[1][1])))
    return inside[0][2] if inside else None


def _hull(code: CodeType) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The range of source that the instructions span, or None if columns were not kept."""
    starts, ends = [], []
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if (line, column) != (end_line, end_column):  # entry instructions are of no width
            starts.append((line, column))
            ends.append((end_line, end_column))
    return (min(starts), max(ends)) if starts else None


def _body(node: _Node) -> tuple[tuple[int, int], tuple[int, int]]:
    """The range of the function's body."""
    first, last = (
        (node.body, node.body)
        if isinstance(node, ast.Lambda)
        else (node.body[0], node.body[-1])
    )
    assert last.end_lineno is not None
    assert last.end_col_offset is not None
    return (first.lineno, first.col_offset), (last.end_lineno, last.end_col_offset)


def _verified(code: CodeType, parsed: _File, place: _Place, flags: int) -> bool:
    """Whether the text at `place` compiles to `code`."""
    if any("@py" in name for part in _nested(code) for name in part.co_varnames):
        return True  # pytest rewrites the assert statements of test modules
    if place.top not in parsed.codes:
        tree = ast.Module([*parsed.imports, place.top], [])
        mode = flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        with deep():
            module = compile(tree, code.co_filename, "exec", mode, dont_inherit=True)
        parsed.codes[place.top] = list(_nested(module))
    return any(
        other.co_firstlineno == code.co_firstlineno
        and _same(code, other)
        and (code.co_name != "<lambda>" or _hull(other) == _hull(code))
        for other in parsed.codes[place.top]
    )


def _nested(code: CodeType) -> Iterator[CodeType]:
    """The code object and all those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects run the same program."""
    return (
        one.co_name == other.co_name
        and one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_freevars == other.co_freevars
        and one.co_cellvars == other.co_cellvars
        and one.co_argcount == other.co_argcount
        and one.co_posonlyargcount == other.co_posonlyargcount
        and one.co_kwonlyargcount == other.co_kwonlyargcount
        and one.co_flags == other.co_flags
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def _same_constant(one: object, other: object) -> bool:
    """Whether two constants are the same to the bit: 1, 1.0, True and -0.0 all differ."""
    if isinstance(one, CodeType):
        return isinstance(other, CodeType) and _same(one, other)
    if isinstance(one, tuple):
        return (
            isinstance(other, tuple)
            and len(one) == len(other)
            and all(map(_same_constant, one, other))
        )
    if isinstance(one, frozenset):
        return isinstance(other, frozenset) and set(map(repr, one)) == set(map(repr, other))
    return type(one) is type(other) and repr(one) == repr(other)


def _changed(function: FunctionType) -> StagecError:
    """The error for a function whose text is not what was compiled."""
    code = function.__code__
    if code.co_filename == "<string>" and "<string>" not in linecache.cache:
        return _unreadable(function)  # made by exec in a `python -c` program
    return StagecError(
        "SC201",
        f"the source of {function.__qualname__} has changed since it was imported",
        Loc(code.co_filename, code.co_firstlineno),
        help="reload the module; an import hook that rewrites code has the same effect",
    )


def _convert(node: _Node) -> gast.FunctionDef:
    """The gast form of the function; a lambda becomes a function with one return."""
    with deep():
        tree = gast.ast_to_gast(node)
    if isinstance(tree, gast.AsyncFunctionDef):
        return gast.copy_location(gast.FunctionDef(**vars(tree)), tree)
    if not isinstance(tree, gast.Lambda):
        return tree
    body = gast.copy_location(gast.Return(tree.body), tree.body)
    return gast.copy_location(
        gast.FunctionDef("<lambda>", tree.args, [body], [], None, None, []), tree
    )


def _comments(lines: list[str], node: _Node) -> Mapping[int, tuple[str, ...]]:
    """The comments on lines of their own inside a `def`, by the statement they precede.

    All lines of a simple statement have its comments, as one object: the graph tells apart on
    which of them a part of it is.
    """
    if isinstance(node, ast.Lambda):
        return MappingProxyType({})
    text = "".join(lines[node.lineno - 1 : node.end_lineno])
    if "#" not in text:
        return MappingProxyType({})
    statements = sorted(
        {
            (n.lineno, n.end_lineno or n.lineno)
            for n in ast.walk(node)
            if isinstance(n, ast.stmt)
        }
    )
    simple = [
        (n.lineno, n.end_lineno or n.lineno)
        for n in ast.walk(node)
        if isinstance(n, ast.stmt) and not hasattr(n, "body") and n.lineno != n.end_lineno
    ]
    found: dict[int, tuple[str, ...]] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0] + node.lineno - 1
        if token.type != tokenize.COMMENT or token.line[: token.start[1]].strip():
            continue
        within = [first for first, last in simple if first < line <= last]
        after = bisect_left(statements, (line, 0))
        if within or after < len(statements):
            target = within[0] if within else statements[after][0]
            found[target] = (*found.get(target, ()), token.string)
    for first, last in simple:
        if first in found:
            found |= dict.fromkeys(range(first, last + 1), found[first])
    return MappingProxyType(found)
