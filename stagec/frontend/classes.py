"""Classes defined in staged code: real classes, whose methods staging enters.

    def simulate(x, v):
        class Particle:                      a class made while staging; in it `step` stands for
            scale = 2 * x            ->      the function as staged code has it, and `scale` for
            def step(self): ...              a staged value

All that reads a class meets what it meets in one from outside: functions, properties, bases.
"""

from __future__ import annotations

import types
from dataclasses import replace
from typing import Any, NoReturn

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend import containers, hosting, names, objects
from stagec.frontend.calls import nested_code
from stagec.frontend.expressions import evaluate
from stagec.frontend.machine import Frame, Machine
from stagec.frontend.state import RESULT, Exit, Leaf, State, Tree
from stagec.frontend.values import (
    DEFINED,
    STANDS_FOR,
    Fields,
    FunctionValue,
    Held,
    Known,
    Maybe,
    Outside,
    Ref,
    Scope,
    Value,
)

# the bodies of classes as functions, by the statement
BODIES: dict[int, tuple[gast.ClassDef, gast.FunctionDef]] = {}


def class_statement(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """Make the class and bind its name."""
    bases = tuple(m.need_known(state, evaluate(m, frame, b, state), loc, "a base class")
                  for b in stmt.bases)  # fmt: skip
    keywords = {
        k.arg: m.need_known(state, evaluate(m, frame, k.value, state), loc, "this argument")
        for k in stmt.keywords
    }
    check_bases(bases, keywords, loc)
    body = body_of(stmt)
    code = nested_code(body)
    own = replace(frame.code, class_name=stmt.name)
    m.cells += 1
    methods = Scope({"__class__": m.cells}, frame.scope)
    scope = Scope({}, frame.scope, methods)
    # the class keeps all variables of its body: none is dead
    inner = Frame(scope, code.info, own, stmt.name, RESULT, {}, {})
    with m.resumed(inner):
        tree = m.run(body.body, inner, state)
    if not isinstance(tree, Leaf) or tree.exit not in (Exit.NORMAL, Exit.RAISE):
        refuse("branches in its body do not join", loc)
    if tree.exit is Exit.RAISE:
        return tree
    made = make(m, tree.state, stmt, inner, bases, keywords, loc)
    tree.state.cells[methods.cells["__class__"]] = made
    value: Value = made
    for decorator in reversed(stmt.decorator_list):
        f = evaluate(m, frame, decorator, tree.state)
        value = m.call_value(tree.state, f, (value,), {}, loc)
    names.store(m, frame, stmt.name, value, tree.state, loc)
    return tree


def make(
    m: Machine, state: State, stmt: Any, frame: Frame, bases: tuple[Any, ...],
    keywords: dict[str, Any], loc: Loc,
) -> Known:  # fmt: skip
    """The class with what its body bound."""
    space: dict[str, Any] = {"__module__": frame.code.globals.get("__name__", "")}
    staged = Fields(())
    for name, cell in frame.scope.cells.items():
        value: Any = state.cells.get(cell)
        if value is None or name.startswith("."):
            continue
        space[objects.mangled(frame, name)] = plain = attribute(m, state, name, value, loc)
        if isinstance(plain, Held):
            staged = staged.set(objects.mangled(frame, name), plain.value)
    annotations = {
        s.target.id: gast.unparse(s.annotation)
        for s in body_of(stmt).body
        if isinstance(s, gast.AnnAssign) and isinstance(s.target, gast.Name)
    }
    space["__annotations__"] = annotations

    def defined() -> Any:
        return types.new_class(stmt.name, bases, keywords, lambda ns: ns.update(space))

    made = m.host(state, defined, [], {}, loc)
    DEFINED.add(made.value)
    if staged.items:
        m.outside[id(made.value)] = (m.new_cell(state, Outside(made, staged)), made)
    return made


def attribute(m: Machine, state: State, name: str, value: Value, loc: Loc) -> Any:
    """What the class holds for a value that its body bound."""
    if isinstance(value, FunctionValue):
        return function(value).value
    if isinstance(value, Maybe):
        refuse(f"{name!r} is set on some paths only", loc)
    if isinstance(value, Ref) and not name.startswith("__"):
        if any(hasattr(value.cls, part) for part in ("__get__", "__set__", "__set_name__")):
            refuse(f"{name!r} is a descriptor made in it", loc)
        return Held(value)
    plain = containers.plain(m, state, value)
    return plain if containers.known([plain]) else Held(value)


def function(value: FunctionValue) -> Known:
    """A Python function that stands for one of staged code, for what Python does with it."""

    def staged(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(f"Python itself calls {value.node.name}", None)

    staged.__name__ = staged.__qualname__ = value.node.name
    vars(staged)[STANDS_FOR] = value
    return Known(staged)


def body_of(stmt: gast.ClassDef) -> gast.FunctionDef:
    """A function with the body of the class: what is known of functions is known of it."""
    if id(stmt) not in BODIES:
        node = gast.parse(f"def {stmt.name}(): pass").body[0]
        gast.copy_location(node, stmt)
        node.body = stmt.body
        BODIES[id(stmt)] = (stmt, node)
    return BODIES[id(stmt)][1]


def check_bases(bases: tuple[Any, ...], keywords: dict[str, Any], loc: Loc) -> None:
    """Refuse what would run code of the user's while the class is made."""
    meta = [type(b) for b in bases if isinstance(b, type)] + [keywords.get("metaclass", type)]
    hooks = [objects.class_attribute(b, "__init_subclass__") for b in bases
             if isinstance(b, type)]  # fmt: skip
    if any(isinstance(h, classmethod) and hosting.module_of(h.__func__) not in hosting.LIBRARIES
           for h in hooks):  # fmt: skip
        refuse("its base defines __init_subclass__", loc)
    if any(hosting.module_of(k) not in (*hosting.LIBRARIES, "enum") for k in meta):
        refuse("it has a metaclass of the program", loc)


def refuse(what: str, loc: Loc | None) -> NoReturn:
    """Refuse it: it is no class that staging can make."""
    raise StagecError(
        "SC103", f"a class defined in staged code: {what}", loc, "define it at module level"
    )
