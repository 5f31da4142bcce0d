"""Running the core form of a program beside the program itself."""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import io
from collections.abc import Callable
from typing import Any

import gast

from stagec.frontend.desugar import is_normal_exit, old_value

CORE_STATEMENTS = (
    gast.Assign, gast.AugAssign, gast.AnnAssign, gast.Expr, gast.If, gast.While, gast.For,
    gast.Return, gast.Break, gast.Continue, gast.Pass, gast.Raise, gast.Try, gast.With,
    gast.FunctionDef, gast.ClassDef, gast.Delete, gast.Global, gast.Nonlocal, gast.Import,
    gast.ImportFrom,
)  # fmt: skip
SUGAR = (
    gast.BoolOp, gast.IfExp, gast.NamedExpr, gast.Lambda, gast.ListComp, gast.SetComp,
    gast.DictComp, gast.GeneratorExp, gast.YieldFrom, gast.Await,
)  # fmt: skip


def define(text: str) -> gast.FunctionDef:
    [node] = [n for n in gast.parse(text).body if isinstance(n, gast.FunctionDef)]
    return node


class Restore(gast.NodeTransformer):
    """The core form as Python that CPython runs."""

    def __init__(self, constants: dict[str, object]) -> None:
        self.constants = constants
        self.exits: list[str] = []

    def name(self, name: str) -> str:
        return "_" + name.replace(".", "_") if "." in name else name

    def visit_Name(self, node: gast.Name) -> gast.AST:
        node.id = self.name(node.id)
        return node

    def visit_Nonlocal(self, node: gast.Nonlocal) -> gast.AST:
        node.names = [self.name(n) for n in node.names]
        return node

    def visit_FunctionDef(self, node: gast.FunctionDef) -> gast.AST:
        node.name = self.name(node.name)
        return self.generic_visit(node)

    def visit_Constant(self, node: gast.Constant) -> gast.AST:
        if node.value is None or isinstance(node.value, int | float | complex | str | bytes):
            return node
        if node.value is ...:
            return node
        name = f"_const_{id(node.value)}"
        self.constants[name] = node.value
        return gast.copy_location(gast.Name(name, gast.Load(), None, None), node)

    def visit_AugAssign(self, node: gast.AugAssign) -> Any:
        old = old_value(node)
        self.generic_visit(node)
        if old is None:
            return node
        place = gast.Name(self.name(old), gast.Store(), None, None)
        value = gast.Name(self.name(old), gast.Load(), None, None)
        return [
            gast.copy_location(gast.AugAssign(place, node.op, node.value), node),
            gast.copy_location(gast.Assign([node.target], value, None), node),
        ]

    def visit_Break(self, node: gast.Break) -> Any:
        if not is_normal_exit(node):
            return node
        flag = gast.Name(self.exits[-1], gast.Store(), None, None)
        return [gast.Assign([flag], gast.Constant(True, None), None), node]

    def visit_While(self, node: gast.While) -> Any:
        if not (node.orelse and isinstance(node.test, gast.Constant)):
            self.exits.append("_unused_exit")
            self.generic_visit(node)
            self.exits.pop()
            return node
        flag = f"_exit_{id(node)}"
        orelse = []
        for stmt in node.orelse:
            restored = self.visit(stmt)
            orelse += restored if isinstance(restored, list) else [restored]
        node.orelse = []
        self.exits.append(flag)
        self.generic_visit(node)
        self.exits.pop()
        clear = gast.Assign(
            [gast.Name(flag, gast.Store(), None, None)], gast.Constant(False, None), None
        )
        test = gast.Name(flag, gast.Load(), None, None)
        return [clear, node, gast.If(test, orelse, [])]


def compiled(tree: gast.FunctionDef, namespace: dict[str, Any]) -> Callable[..., Any]:
    """The function that a tree of the core language defines."""
    constants: dict[str, object] = {}
    tree = Restore(constants).visit(copy.deepcopy(tree))
    module = ast.Module([gast.gast_to_ast(tree)], [])
    ast.fix_missing_locations(module)
    namespace |= constants
    exec(compile(module, "<core>", "exec", dont_inherit=True), namespace)
    return namespace[tree.name]


def assert_core(function: gast.FunctionDef) -> None:
    """Fail unless the body uses the core language only, with locations everywhere."""
    in_class = {
        id(s) for n in gast.walk(function) if isinstance(n, gast.ClassDef) for s in n.body
    }
    whole = {id(n.value) for n in gast.walk(function) if isinstance(n, gast.Assign | gast.Expr)}
    for stmt in function.body:
        for node in gast.walk(stmt):
            assert not isinstance(node, SUGAR), gast.dump(node)
            if isinstance(node, gast.Call | gast.Yield):
                assert id(node) in whole, gast.dump(node)
            if isinstance(node, gast.Compare):
                assert len(node.ops) == 1
            if isinstance(node, gast.stmt):
                assert isinstance(node, CORE_STATEMENTS), gast.dump(node)
                assert not isinstance(node, gast.AnnAssign) or id(node) in in_class
            if isinstance(node, gast.stmt | gast.expr):
                assert node.lineno >= 1, gast.dump(node)
            if isinstance(node, gast.Assign | gast.Delete):
                assert len(node.targets) == 1
            if isinstance(node, gast.With):
                assert len(node.items) == 1


class Recorder:
    """Helpers for the programs that log what they do."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def names(self) -> dict[str, Any]:
        def e(tag: Any, value: Any = None) -> Any:
            self.log.append(tag)
            return tag if value is None else value

        @contextlib.contextmanager
        def manager(tag: Any, swallow: bool = False):
            self.log.append(f"enter {tag}")
            try:
                yield tag
            except Exception:
                if not swallow:
                    raise
            finally:
                self.log.append(f"exit {tag}")

        class Box:
            def __init__(box, **fields: Any) -> None:
                vars(box).update(fields)

        class Point:
            __match_args__ = ("x", "y")

            def __init__(point, x: Any, y: Any) -> None:
                point.x, point.y = x, y

        return {
            "e": e,
            "manager": manager,
            "Box": Box,
            "Point": Point,
            "__builtins__": builtins,
            "G": 7,
            "__name__": "program",
        }


def outcome(make: Callable[[dict[str, Any]], Callable[..., Any]], args: list[Any]) -> Any:
    recorder = Recorder()
    function = make(recorder.names())
    copied = eval(repr(args))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result: Any = function(*copied)
            if hasattr(result, "__next__"):
                result = list(result)
        except Exception as error:
            result = type(error), str(error)
    return repr(result), recorder.log, copied, out.getvalue()


def same(text: str, tree: gast.FunctionDef, runs: list[list[Any]]) -> None:
    """Fail unless the core form `tree` of `text` acts like the original on all runs."""

    def original(namespace: dict[str, Any]) -> Callable[..., Any]:
        exec(compile(text, "<original>", "exec", dont_inherit=True), namespace)
        return namespace["f"]

    for args in runs:
        expected = outcome(original, args)
        found = outcome(lambda namespace: compiled(tree, namespace), args)
        assert found == expected
