"""Source templates of ops: parsed once, filled by substituting trees, never by joining text.

`{}` stands for the next operand, `{2}` for a certain one, and `{function}` for the object in an
attribute of the op; a template is an expression or one or more statements.  `{1:unsaid}` stands
for nothing: the operand has to be computed, but no text mentions it.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import gast

from stagec.codegen.tree import name, names_in, negation
from stagec.errors import InternalError

_HOLE = "_hole_"


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A parsed template.

    Attributes
    ----------
    body : the expression, or the list of statements.
    slots : the operand of each hole, in the order in which Python evaluates the holes; then the
        operands that are needed without a hole.
    optional : the operands that some evaluations of the template skip or repeat.
    names : the variables that the template itself mentions.
    attributes : the attributes whose objects it mentions.
    width : about how many characters it has besides its operands.
    """

    body: Any
    slots: tuple[int, ...]
    optional: frozenset[int]
    names: frozenset[str]
    attributes: tuple[str, ...]
    width: int

    @property
    def is_expression(self) -> bool:
        """Whether it has a value."""
        return not isinstance(self.body, list)

    def fill(self, operands: Sequence[Any]) -> Any:
        """The tree, or list of statements, with operand trees in the holes."""
        return _filled(self.body, operands)

    def bound(self, names: Mapping[str, str]) -> Template:
        """The template with the given names for the objects in the attributes."""
        trees = {attribute: name(text) for attribute, text in names.items()}
        body = _filled(self.body, trees)
        return replace(self, body=body, names=self.names | set(names.values()), attributes=())


@lru_cache(maxsize=4096)
def parse_template(text: str) -> Template:
    """The template that the text spells."""
    source, attributes, width, unsaid = _with_names(text)
    try:
        body = gast.parse(source).body
    except SyntaxError as error:
        raise InternalError(f"template {text!r} is not Python: {error.msg}") from None
    whole: Any = body
    if len(body) == 1 and isinstance(body[0], gast.Expr):
        whole = body[0].value
    slots: list[int] = []
    optional: set[int] = set()
    _scan(whole, False, slots, optional)
    roots = whole if isinstance(whole, list) else [whole]
    names = frozenset(n for r in roots for n in names_in(r) if not n.startswith(_HOLE))
    return Template(whole, (*slots, *unsaid), frozenset(optional), names, attributes, width)


def _with_names(text: str) -> tuple[str, tuple[str, ...], int, list[int]]:
    """The text with variables for holes, the attributes, the length without holes, and the
    operands without a hole.
    """
    parts: list[str] = []
    attributes: list[str] = []
    unsaid: list[int] = []
    width = automatic = 0
    for plain, field, spec, _ in string.Formatter().parse(text):
        parts.append(plain)
        width += len(plain)
        if field is None:
            continue
        if field == "":
            field, automatic = str(automatic), automatic + 1
        if spec == "unsaid":
            unsaid.append(int(field))
            continue
        if not field.isdecimal():
            attributes.append(field)
        parts.append(_HOLE + field)
    return "".join(parts), tuple(dict.fromkeys(attributes)), width, unsaid


def _hole(node: Any) -> int | str | None:
    if not isinstance(node, gast.Name) or not node.id.startswith(_HOLE):
        return None
    field = node.id.removeprefix(_HOLE)
    return int(field) if field.isdecimal() else field


def _scan(node: Any, skipped: bool, slots: list[int], optional: set[int]) -> None:
    """Collect the holes of the tree in the order of evaluation."""
    if isinstance(node, list):
        for item in node:
            _scan(item, skipped, slots, optional)
        return
    if not isinstance(node, gast.AST):
        return
    hole = _hole(node)
    if isinstance(hole, str):
        return
    if hole is not None:
        slots.append(hole)
        if skipped:
            optional.add(hole)
        return
    for k, child in enumerate(_children(node)):
        _scan(child, skipped or k >= _certain(node), slots, optional)


def _children(node: Any) -> list[Any]:
    if isinstance(node, gast.Assign):
        return [node.value, node.targets]
    if isinstance(node, gast.BoolOp):
        return list(node.values)
    return [getattr(node, field, None) for field in node._fields]


def _certain(node: Any) -> int:
    """How many children are evaluated exactly once whenever the node is."""
    if isinstance(node, gast.IfExp | gast.BoolOp | gast.If | gast.Assert):
        return 1
    repeated = gast.Lambda | gast.ListComp | gast.GeneratorExp | gast.While | gast.For
    return 0 if isinstance(node, repeated) else 1 << 30


def _filled(node: Any, operands: Sequence[Any] | Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_filled(item, operands) for item in node]
    if not isinstance(node, gast.AST):
        return node
    hole = _hole(node)
    if hole is not None and isinstance(hole, str) == isinstance(operands, Mapping):
        return _in_context(operands[hole], node.ctx)  # type: ignore[index]
    fields = {f: _filled(getattr(node, f, None), operands) for f in node._fields}
    if isinstance(node, gast.If) and _is_negation(node.test):
        # `if not a == b` reads better as `if a != b`
        fields["test"] = negation(fields["test"].operand)
    if _is_transpose(node) and _is_transpose(fields["value"]):
        return fields["value"].value
    return type(node)(**fields)


def _is_transpose(node: Any) -> bool:
    return isinstance(node, gast.Attribute) and node.attr == "T"


def _is_negation(node: Any) -> bool:
    return isinstance(node, gast.UnaryOp) and isinstance(node.op, gast.Not)


def _in_context(operand: Any, ctx: Any) -> Any:
    """The operand, as a target if it stands where the template stores."""
    if isinstance(ctx, gast.Load) or not hasattr(operand, "ctx"):
        return operand
    fields = {f: getattr(operand, f, None) for f in operand._fields}
    return type(operand)(**(fields | {"ctx": ctx}))
