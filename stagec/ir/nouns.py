"""What a value without a name of the user's is, in a word: from the op that makes it."""

from __future__ import annotations

from stagec.ir.alias import path_of, path_operands
from stagec.ir.core import Apply, Value
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType, ListType

LONGEST = 3  # letters and digits of an index that are part of a name
TAPE = "_tape"  # behind the name of what a tape holds


def noun(made: Apply) -> str:
    """A name for what the op gives, empty if there is none.

    An element of an array has a name if the array and the index have: `x_i` for `x[i]`, `x0`
    for `x[0]`, `a_ij` for `a[i, j]`.  What comes from a tape is called as it was before.  Else
    it is what the op says (`cos` for `np.cos(x)`).
    """
    array = made.args[0] if made.args else None
    if not isinstance(array, Value) or not array.hint:
        return made.op.noun
    step = _index(made)
    if array.hint.endswith(TAPE) and (step or array.type == ListType(made.outs[0].type)):
        return array.hint.removesuffix(TAPE)
    return (_element(made, array, step) if step else "") or made.op.noun


def _index(made: Apply) -> Index | None:
    """The index that the op reads at, if that is all that it does."""
    path = path_of(made)
    if path is None or len(path) != 1 or made.op.overwrites is not None:
        return None
    return path[0] if isinstance(path[0], Index) else None


def _element(made: Apply, array: Value, step: Index) -> str:
    if not isinstance(array.type, ArrayType) or len(step.items) != array.type.rank:
        return ""
    operands = path_operands(made)
    given = [operands[i.position] if isinstance(i, Arg) else i for i in step.items]
    parts = [str(i) if isinstance(i, int) else getattr(i, "hint", "") for i in given]
    index = "".join(parts)
    if not all(map(str.isalnum, parts)) or len(index) > LONGEST:
        return ""
    joined = index.isdecimal() and array.hint.isalpha()
    return f"{array.hint}{index}" if joined else f"{array.hint}_{index}"
