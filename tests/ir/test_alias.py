"""What single statements say about memory, checked against NumPy."""

import random

import numpy as np
import pytest

from stagec.ir.alias import Atom, Memory, depth, disjoint, result_memories
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Value
from stagec.ir.path import Index, Item, Path, Slice, Transpose
from stagec.ir.types import FLOAT, TEXT, ArrayType, ListType
from stagec.ops import arithmetic, indexing, lists
from stagec.ops.axes import expand_dims, squeeze
from stagec.ops.broadcast import broadcast_like

VECTOR = ArrayType(np.dtype(float), (4,))
MATRIX = ArrayType(np.dtype(float), (4, 4))
NUMBER = ArrayType(np.dtype(float), (), "np")


def outcome(op, *args, **attrs) -> tuple[Memory, ...]:
    """The memories of the results when operand k is made of the atom `k`."""
    builder = Builder()
    builder.add(op, args, attrs)
    (stmt,) = builder.stmts
    assert isinstance(stmt, Apply)
    memories = tuple(
        Memory(frozenset((atom(k),)), identity=a) if depth(a.type) is not None else Memory()
        for k, a in enumerate(args)
    )
    return result_memories(stmt, memories, lambda value, what: atom(what))


ATOMS: dict[object, Atom] = {}


def atom(key: object) -> Atom:
    fixed = "repeated" if key == "repeated" else ""
    return ATOMS.setdefault(key, Atom(str(key), fixed))


def names(memory: Memory) -> tuple[set[str], set[str]]:
    return {a.name for a in memory.own}, {a.name for a in memory.content}


def test_numbers_and_strings_have_no_memory() -> None:
    assert [depth(t) for t in (FLOAT, TEXT, NUMBER, VECTOR)] == [None, None, None, 0]
    assert depth(ListType(ListType(VECTOR))) == 2
    x = Value(VECTOR)
    (element,) = outcome(indexing.read, x, path=(Index((0,)),), view=False)
    assert names(element) == (set(), set())


def test_results_are_new_or_share_what_the_op_says() -> None:
    x, m = Value(VECTOR), Value(MATRIX)
    assert names(outcome(arithmetic.add, x, x)[0]) == ({"own"}, set())
    assert names(outcome(indexing.update, x, x, path=())[0]) == ({"0"}, set())
    assert names(outcome(indexing.read, m, path=(Transpose((1, 0)),))[0]) == ({"0"}, set())
    (wide,) = outcome(expand_dims, x, axes=(0,))
    assert names(wide) == ({"0"}, set())
    assert names(outcome(squeeze, Value(ArrayType(VECTOR.dtype, (1, 4))), axes=(0,))[0])[0] == {
        "0"
    }


def test_views_that_repeat_elements_may_not_be_written_to() -> None:
    (wide,) = outcome(broadcast_like, Value(VECTOR), Value(MATRIX))
    assert names(wide) == ({"0", "repeated"}, set())
    (full,) = outcome(broadcast_like, Value(NUMBER), Value(VECTOR))
    assert names(full) == ({"own", "repeated"}, set())


def test_lists_share_what_they_hold() -> None:
    xs, v = Value(ListType(VECTOR)), Value(VECTOR)
    assert names(outcome(lists.list_new, v, v, element=VECTOR)[0]) == ({"own"}, {"0", "1"})
    assert names(outcome(lists.list_append, xs, v)[0]) == ({"0"}, {"1"})
    assert names(outcome(lists.list_copy, xs)[0])[0] == {"own"}
    assert names(outcome(lists.list_zeros, xs)[0]) == ({"own"}, set())


def selected(item: Item, n: int) -> set[int]:
    if isinstance(item, int):
        return {int(np.arange(n)[item])}
    assert isinstance(item, Slice)
    return set(np.arange(n)[slice(item.start, item.stop, item.step)].tolist())


@pytest.mark.parametrize("seed", range(20))
def test_regions_that_are_called_disjoint_are(seed: int) -> None:
    draw = random.Random(seed)

    def item() -> Item:
        bound = [None, *range(-4, 5)]
        if draw.random() < 0.4:
            return draw.randrange(-4, 5)
        return Slice(draw.choice(bound), draw.choice(bound), draw.choice((None, 1, 2, -1)))

    whole = Value(VECTOR)
    written = Memory(identity=whole)
    for _ in range(300):
        items, path = (item(),), (Index((item(),)),)
        if disjoint(Memory(region=(whole, items)), written, path):
            for n in range(1, 7):
                try:
                    common = selected(items[0], n) & selected(path[0].items[0], n)
                except IndexError:
                    continue
                assert not common


@pytest.mark.parametrize(
    ("items", "path"),
    [
        ((0,), (Index((Slice(1, None),)),)),
        ((-1,), (Index((Slice(None, -1),)),)),
        ((0,), (Index((3,)),)),
        ((Slice(None, 2),), (Index((Slice(2, None),)),)),
        ((Slice(None), 0), (Index((Slice(None), 1)),)),
    ],
)
def test_constant_regions_that_do_not_meet_are_told_apart(
    items: tuple[Item, ...], path: Path
) -> None:
    whole = Value(VECTOR)
    assert disjoint(Memory(region=(whole, items)), Memory(identity=whole), path)
    assert not disjoint(Memory(region=(Value(VECTOR), items)), Memory(identity=whole), path)
