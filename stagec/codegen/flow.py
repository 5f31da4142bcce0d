"""Where control goes in a list of Python statements: what ends, what breaks, what to nest."""

from __future__ import annotations

from typing import Any

import gast

from stagec.codegen.tree import branch, negation

JUMPS = (gast.Return, gast.Break, gast.Continue, gast.Raise)


def never_ends(node: Any) -> bool:
    """Whether control never comes past the statement."""
    if isinstance(node, gast.Raise):
        return True
    if not isinstance(node, gast.While) or not isinstance(node.test, gast.Constant):
        return False
    return bool(node.test.value) and not any(map(_breaks, node.body))


def _breaks(node: Any) -> bool:
    """Whether the statement may break out of the loop around it."""
    if isinstance(node, gast.Break):
        return True
    inner = (
        node.orelse if isinstance(node, gast.For | gast.While) else gast.iter_child_nodes(node)
    )
    return any(_breaks(child) for child in inner)


def guarded(test: Any, then: list[Any], orelse: list[Any], loop: bool) -> list[Any]:
    """The branches with as little nesting as possible.

    `loop` says that the statement ends the body of a loop, so that `continue` may stand there.
    """
    if not then and not orelse:
        return []
    if not then:
        if loop and (len(orelse) > 1 or isinstance(orelse[0], gast.For | gast.While | gast.If)):
            return [branch(test, [gast.Continue()]), *orelse]
        return [branch(negation(test), orelse)]
    if not orelse or not isinstance(then[-1], JUMPS):
        if orelse and isinstance(orelse[-1], JUMPS):
            return [branch(negation(test), orelse), *then]
        return [branch(test, then, orelse)]
    return [branch(test, then), *orelse]
