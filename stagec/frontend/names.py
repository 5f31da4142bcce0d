"""Variables: reading, binding and deleting names, globals and closure cells included."""

from __future__ import annotations

import builtins
from collections import Counter
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.sources import Cell, Constant, Global
from stagec.frontend.state import State
from stagec.frontend.values import ArrayCell, ArrayRef, Known, Maybe, Number, Scope, Value
from stagec.ir.chains import mentioned
from stagec.ir.core import Block, Operand
from stagec.ir.walk import clone
from stagec.ops import effects


def with_names(m: Machine, block: Block) -> Block:
    """The block with the user's names on its values.

    What is only given to a parameter is called so if it needs a variable at all.
    """
    used = Counter(mentioned(block))
    given = {v: name for v, name in m.argument_names.items() if used[v] > 1}
    return clone(block, {}, given | m.names)


def lookup(frame: Frame, name: str) -> int | None:
    """The cell of a variable of this function or of one around it."""
    scope: Scope | None = frame.scope
    if name in frame.info.globals:
        return None
    if name not in frame.info.locals:
        scope = scope.parent if scope else None
    while scope is not None:
        if name in scope.cells:
            return scope.cells[name]
        scope = scope.parent
    return None


def variable(m: Machine, frame: Frame, name: str) -> int:
    """The cell that binding `name` here sets."""
    if name in frame.info.locals and name not in frame.info.nonlocals:
        if name not in frame.scope.cells:
            m.cells += 1
            frame.scope.cells[name] = m.cells
        return frame.scope.cells[name]
    cell = lookup(frame, name)
    if cell is None:
        m.cells += 1
        cell = frame.scope.cells[name] = m.cells
    return cell


def load(m: Machine, frame: Frame, name: str, state: State, loc: Loc) -> Value:
    """The value of a name."""
    cell = lookup(frame, name)
    if cell is not None or (name in frame.info.locals and not frame.scope.methods):
        content = state.cells.get(cell) if cell is not None else None
        if content is None:
            raise Raised(unbound(frame, name))
        if isinstance(content, Maybe):
            handle = m.handle(state, content.flag)
            effects.check_defined(handle, name=name)
            content = state.cells[cell] = content.value  # type: ignore[index]
        return m.written(state, content)
    written = m.globals_written.get((id(frame.code.globals), name))
    if written is not None and written in state.cells:
        return state.cells[written]  # type: ignore[return-value]
    for free, known in frame.code.closure:
        if free == name:
            return captured(m, frame, Cell(known, name))
    if name in frame.code.globals:
        return captured(m, frame, Global(frame.code.globals, name))
    scope = frame.code.globals.get("__builtins__", builtins)
    space = scope if isinstance(scope, dict) else vars(scope)
    if name in space:
        return Known(space[name], Global(space, name) if space is not vars(builtins) else None)
    raise Raised(NameError(f"name {name!r} is not defined"))


def unbound(frame: Frame, name: str) -> Exception:
    """Python's own error for a variable that is not set."""
    if name in frame.info.locals:
        text = f"cannot access local variable {name!r} where it is not associated with a value"
        return UnboundLocalError(text)
    text = f"cannot access free variable {name!r} where it is not associated with a value"
    return NameError(text + " in enclosing scope")


def captured(m: Machine, frame: Frame, source: Any) -> Value:
    """The value of a variable outside the staged function."""
    try:
        value = source.get(m.args)
    except LookupError:
        raise Raised(NameError(f"name {str(source)!r} is not defined")) from None
    own = is_own(frame.code.globals)
    return Known(value) if own else m.capture(Known(value, source))


def is_own(space: dict[str, Any]) -> bool:
    """Whether a module is one of this package: what it holds never changes."""
    return str(space.get("__name__", "")).startswith("stagec.")


def store(m: Machine, frame: Frame, name: str, value: Value, state: State, loc: Loc) -> None:
    """Bind a name."""
    if name in frame.info.globals:
        key = (id(frame.code.globals), name)
        if key not in m.globals_written:
            m.cells += 1
            m.globals_written[key] = m.cells
            m.global_spaces[m.cells] = (frame.code.globals, name)
        state.cells[m.globals_written[key]] = value
        return
    if lookup(frame, name) is None and name in frame.info.nonlocals:
        raise StagecError(
            "SC340", f"staged code rebinds {name!r}, a variable of a function outside", loc,
            "return the new value instead",
        )  # fmt: skip
    content = content_of(value, state)
    made = m.generators.get(id(value.value)) if isinstance(value, Known) else None
    if made is not None and made.value is not None:
        content = made.value.operand
    if content is not None:
        m.name(content, name)
    state.cells[variable(m, frame, name)] = value


def content_of(value: Value, state: State) -> Operand | None:
    """The number or the whole array, as it is now; None: it is something else."""
    if isinstance(value, Number):
        return value.operand
    cell = state.cells[value.cell] if isinstance(value, ArrayRef) and not value.path else None
    return cell.operand if isinstance(cell, ArrayCell) else None


def delete(m: Machine, frame: Frame, name: str, state: State, loc: Loc) -> None:
    """`del name`."""
    load(m, frame, name, state, loc)
    cell = lookup(frame, name)
    if cell is None:
        raise StagecError("SC341", f"staged code deletes {name!r}", loc, "keep the variable")
    del state.cells[cell]


def constant(value: Any, name: str) -> Known:
    """An object that staged code holds on to by itself."""
    return Known(value, Constant(value, name))
