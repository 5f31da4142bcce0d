"""Where control goes in a list of Python statements: what ends, what breaks, what to nest."""

from __future__ import annotations

from collections.abc import Iterator
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


def one_way_out(body: list[Any]) -> tuple[list[Any], bool]:
    """Take what a loop without a test does on its only way out, to come after the loop.

    Returns those statements, now taken from `body`, and whether they are all there is: where
    the way out is a return from a loop inside, they must stay.

    Numba takes a block that every run passes and that no loop holds for one that comes after
    the blocks before it in the text.  So a variable that is set there, right before `break`,
    is another one from there on, and the rest of the loop, which is further down, no longer
    sets the variable that the next trip reads.
    """
    ways = list(_ways_out(body, True))
    if len(ways) != 1 or ways[0][0] is body or len(ways[0][0]) == 1:
        return [], True
    block, direct = ways[0]
    if not direct:
        return [], False
    moved = block[:-1] if isinstance(block[-1], gast.Break) else block[:]
    block[:] = [gast.Break()]
    return moved, True


def _ways_out(block: list[Any], direct: bool) -> Iterator[tuple[list[Any], bool]]:
    """The blocks that end with leaving the loop, and whether no other loop holds them."""
    for node in block:
        ends = isinstance(node, gast.Return | gast.Raise)
        if ends or (direct and isinstance(node, gast.Break)):
            yield block, direct
        looping = isinstance(node, gast.For | gast.While)
        yield from _ways_out(getattr(node, "body", []), direct and not looping)
        yield from _ways_out(getattr(node, "orelse", []), direct)


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
