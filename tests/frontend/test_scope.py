"""The names of a function, compared with those that CPython's own compiler found."""

from __future__ import annotations

import symtable
import types
from collections.abc import Iterator

import gast
import pytest

from stagec.frontend.desugar import desugar
from stagec.frontend.desugar.scope import scope
from tests.frontend.core_language import define
from tests.frontend.corpus import PROGRAMS


def tables(table: symtable.SymbolTable) -> Iterator[symtable.Function]:
    for child in table.get_children():
        if isinstance(child, symtable.Function):
            yield child
        yield from tables(child)


@pytest.mark.parametrize("name", PROGRAMS)
def test_locals_are_those_of_the_compiler(name: str) -> None:
    text, _ = PROGRAMS[name]
    functions = {t.get_lineno(): t for t in tables(symtable.symtable(text, "f", "exec"))}
    found = [n for n in gast.walk(define(text)) if isinstance(n, gast.FunctionDef)]
    for node in found:
        table = functions[node.lineno]
        if table.get_name() != node.name:
            continue  # a lambda on the same line
        own = scope(node)
        assert own.locals == set(table.get_locals())
        assert sorted(own.parameters) == sorted(table.get_parameters())
        assert own.nonlocals == set(table.get_nonlocals())


@pytest.mark.parametrize("name", PROGRAMS)
def test_cells_are_those_of_the_compiler(name: str) -> None:
    text, _ = PROGRAMS[name]
    namespace: dict[str, types.FunctionType] = {}
    exec(compile(text, "<text>", "exec", dont_inherit=True), namespace)
    own = scope(define(text))
    code = namespace["f"].__code__
    assert own.cells == set(code.co_cellvars)
    assert set(code.co_varnames) | set(code.co_cellvars) == own.locals
    assert own.is_generator == bool(code.co_flags & 0x20)


@pytest.mark.parametrize("name", PROGRAMS)
def test_core_form_keeps_the_users_locals(name: str) -> None:
    text, _ = PROGRAMS[name]
    node = define(text)
    core = {n for n in scope(desugar(node)).locals if not n.startswith(".")}
    assert core == scope(node).locals


def test_free_names_and_rebinding() -> None:
    [inner] = define("""
def outer(a, b, c):
    def inner(x):
        nonlocal c
        c = a + x + d
        def deep():
            nonlocal x
            x = b
        return len([deep, x])
    return inner
""").body[:1]
    own = scope(inner, ["a", "b", "c"])
    assert own.free == {"a", "b", "c"}
    assert own.reads == {"a", "b", "c", "d", "len"} - {"c"} | (own.reads & {"c"})
    assert own.cells == own.rebound == {"x"}
    assert own.locals == {"x", "deep"}
