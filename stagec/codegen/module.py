"""A graph as a Python module: plain NumPy, and the kernels that Numba compiles."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gast

from stagec.codegen.emit import comment, emit, lines_of, with_comments
from stagec.codegen.given import Objects
from stagec.codegen.kernels import compiled, integers, kernel_templates
from stagec.codegen.names import clean, unused
from stagec.codegen.outline import outline
from stagec.codegen.statements import Places, write_function
from stagec.codegen.template import Template, parse_template
from stagec.codegen.tree import attribute, call, constant, name, names_in
from stagec.errors import Loc
from stagec.ir.core import Apply, Call
from stagec.ir.function import Function
from stagec.ir.walk import statements

IMPORTS = {"math": ("math", None), "np": ("numpy", "np"), "rt": ("stagec_runtime", "rt")}
PARTS = {"njit": "numba", "kernels": "stagec_runtime", "threads": "stagec_runtime"}
RESERVED = {"range", "reversed", "complex", *IMPORTS, *PARTS}
Comments = Mapping[tuple[str, int], tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """Generated source.

    Attributes
    ----------
    text : the source.
    entry : the name of the function to call.
    line_map : for lines of the text, where in the user's program they come from.
    objects : what the text needs under these names and cannot import: captured functions.
    kernels : the compiled functions, with the positions of their integer arguments.
    parts : those of them that do a range of trips, and may be called in parts.
    """

    text: str
    entry: str
    line_map: dict[int, Loc]
    objects: dict[str, Any]
    kernels: dict[str, tuple[int, ...]]
    parts: tuple[str, ...]


def to_module(
    fn: Function, comments: Comments | None = None, header: Sequence[str] = ()
) -> Module:
    """The function as a module that needs NumPy, `stagec_runtime` and, for kernels, Numba.

    `comments` are the user's, by file and line; each, one object on all lines of its statement,
    is printed above the first statement that comes from these lines.  `header` are the lines of
    the comment at the top.
    """
    functions = _flat(outline(fn))
    names = _function_names(functions)
    objects = Objects({*IMPORTS, *PARTS, *dir(builtins), *names.values()})
    places: Places = {}
    definitions: list[Any] = []
    for function in reversed(functions):
        templates = (
            kernel_templates(function)
            if function.kernel
            else {
                s: objects.bound(s, template_of(s))
                for s in statements(function.body)
                if isinstance(s, Apply)
            }
        )
        used = {n for template in templates.values() for n in template.names}
        reserved = RESERVED | used | set(names.values())
        entry = function is functions[0] and not _called(fn.name, functions)
        distinct = entry or function.whole is not None
        definition, found = write_function(function, templates, names, reserved, distinct)
        if function.errstate:
            definition.body = [_errstate(dict(function.errstate), definition.body)]
        if function.kernel:
            definition = compiled(definition, function)
        definitions.append(definition)
        places |= found
    tree = gast.Module(
        body=[*_imports(definitions), *objects.statements, *definitions], type_ignores=[]
    )
    text, line_map = _text(tree, places, comments or {}, (*header, *objects.notes()))
    compiled_names = {names[f.name]: integers(f) for f in functions if f.kernel}
    parts = tuple(names[f.name] for f in functions if f.whole is not None)
    return Module(text, names[fn.name], line_map, objects.table, compiled_names, parts)


def template_of(stmt: Apply) -> Template:
    """The NumPy template of the op applied."""
    source = stmt.op.source
    if callable(source):
        source = source(*(a.type for a in stmt.args), **stmt.kwargs)
    return parse_template(source)


def _flat(fn: Function) -> list[Function]:
    """The function and the residual functions below it."""
    found = {fn.name: fn}
    for inner in fn.functions:
        for other in _flat(inner):
            found.setdefault(other.name, other)
    return list(found.values())


def _called(name: str, functions: Sequence[Function]) -> bool:
    """Whether the functions call the one of that name."""
    stmts = (s for function in functions for s in statements(function.body))
    return any(isinstance(s, Call) and s.function == name for s in stmts)


def _function_names(functions: Sequence[Function]) -> dict[str, str]:
    taken = {*IMPORTS, *dir(builtins)}
    names: dict[str, str] = {}
    for function in functions:
        chosen = unused(clean(function.name) or "function", taken)
        taken.add(chosen)
        names[function.name] = chosen
    return names


def _errstate(settings: dict[str, Any], body: list[Any]) -> Any:
    """`with np.errstate(...):` around the body."""
    context = call(attribute(name("np"), "errstate"))
    context.keywords = [gast.keyword(arg=k, value=constant(v)) for k, v in settings.items()]
    item = gast.withitem(context_expr=context, optional_vars=None)
    return gast.With(items=[item], body=body, type_comment=None)


def _imports(definitions: Sequence[Any]) -> list[Any]:
    used = {n for d in definitions for n in names_in(d)}
    whole = [
        gast.Import(names=[gast.alias(name=module, asname=short)])
        for variable, (module, short) in IMPORTS.items()
        if variable in used
    ]
    parts: dict[str, list[Any]] = {}
    for part, module in PARTS.items():
        if part in used:
            parts.setdefault(module, []).append(gast.alias(name=part, asname=None))
    return [
        *whole,
        *(gast.ImportFrom(module=m, names=names, level=0) for m, names in parts.items()),
    ]


def _text(
    tree: Any, places: Places, comments: Comments, header: Sequence[str]
) -> tuple[str, dict[int, Loc]]:
    text = emit(tree)
    lines = {line: places.get(node, ()) for node, line in lines_of(tree, text).items()}
    text, moved = with_comments(text, _above(lines, comments))
    top = [*(comment(line) for line in header), ""] if header else []
    line_map = {moved[line] + len(top): found[0] for line, found in lines.items() if found}
    return "\n".join([*top, text]), line_map


def _above(lines: Mapping[int, tuple[Loc, ...]], comments: Comments) -> dict[int, list[str]]:
    """The user's comments by the line of the text that they stand above, each once."""
    printed: set[int] = set()
    above: dict[int, list[str]] = {}
    for line in sorted(lines):
        for place in sorted({(loc.file, loc.line) for loc in lines[line]}):
            found = comments.get(place)
            if found is not None and id(found) not in printed:
                printed.add(id(found))
                above.setdefault(line, []).extend(found)
    return above
