"""Refuses syntax that has no meaning in staged code, by name and place."""

from __future__ import annotations

import gast

from stagec.errors import StagecError
from stagec.frontend.location import location

_REFUSED: dict[str, tuple[str, str, str]] = {
    "AsyncFunctionDef": ("SC110", "async def is not supported", "write a plain function"),
    "AsyncFor": ("SC110", "async for is not supported", "write a plain for loop"),
    "AsyncWith": ("SC110", "async with is not supported", "write a plain with statement"),
    "Await": (
        "SC110",
        "await is not supported",
        "await outside the staged function and pass the result in",
    ),
    "TryStar": ("SC111", "except* is not supported", "use except with a tuple of classes"),
    "TypeAlias": ("SC112", "a type statement is not supported", "move it to the module"),
    "TemplateStr": ("SC113", "a template string is not supported", "use an f-string"),
    "YieldFrom": (
        "SC114",
        "the value of yield from is not supported",
        "loop over the generator and yield",
    ),
}


def check(function: gast.FunctionDef, file: str) -> None:
    """Raise StagecError at the first construct that cannot be staged."""
    allowed = {
        id(n.value)
        for n in gast.walk(function)
        if isinstance(n, gast.Expr) and isinstance(n.value, gast.YieldFrom)
    }
    for node in gast.walk(function):
        found = _REFUSED.get(type(node).__name__)
        if found is not None and id(node) not in allowed:
            code, message, help = found
            raise StagecError(code, message, location(node, file), help)
        _check_parts(node, function, file)


def _check_parts(node: gast.AST, function: gast.FunctionDef, file: str) -> None:
    """Refuse what only some forms of a supported construct do."""
    match node:
        case gast.comprehension(is_async=1):
            raise StagecError(
                "SC110",
                "an asynchronous comprehension is not supported",
                location(node.target, file),
                "write a plain comprehension",
            )
        case gast.FunctionDef() | gast.ClassDef() if node.type_params and node is not function:
            raise StagecError(
                "SC112",
                "type parameters of a nested definition are not supported",
                location(node, file),
                "move the definition to the module, or leave them out",
            )
        case gast.ExceptHandler(type=kind) if kind is not None and not _plain(kind):
            raise StagecError(
                "SC115",
                "an except clause whose class is computed is not supported",
                location(kind, file),
                "assign the class to a variable before the try statement",
            )
        case _:
            return


def _plain(kind: gast.expr) -> bool:
    """Whether the exception class is a name, an attribute or a tuple of these."""
    allowed = (gast.Name, gast.Attribute, gast.Tuple, gast.Subscript, gast.Constant,
               gast.Starred, gast.expr_context)  # fmt: skip
    return all(isinstance(n, allowed) for n in gast.walk(kind))
