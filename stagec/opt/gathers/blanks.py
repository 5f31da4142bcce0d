"""Parts of arrays that are zero where additions to them begin: what is added takes their place.

    a[1:-1] = 0                       a[0] += s[0]
    a += s                     ->     a[1:-1] = s[1:-1]
                                      a[-1] += s[-1]

The adjoint of `b[1:-1] = f(a)` sets the inner part of `b_bar` to zero once it is passed on, and
the adjoint of what read `b` before adds to the whole of it again.  The zeros need neither be
written nor read.  What is set to zero at the end of each trip, and is zero before the first
one, is never written at all: what the trip adds there is handed on at once.  Where two arrays
take turns, the part that a trip sets to zero is that which the next one adds to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Const, For, Operand, Value
from stagec.ir.types import ArrayType
from stagec.ir.walk import statements, uses
from stagec.ops.indexing import read, update
from stagec.opt.parts import Part


@dataclass(frozen=True, slots=True)
class Blank:
    """A part of an array that is zero before a chain of additions.

    Attributes
    ----------
    part : the part.
    root : the array that the chain begins with, whose part need not be zero any more.
    passing : whether the part is set to zero behind the additions as well; it is not written
        then.
    reads : what reads the part between the additions and that.
    dropped : the results of statements that are not needed any more.
    left : the number of the carry that has something in the part when the loop ends, where
        the program says zero.
    """

    part: Part
    root: Value
    passing: bool
    reads: tuple[Apply, ...]
    dropped: tuple[Value, ...]
    left: int | None = None

    @classmethod
    def of(cls, chain: Sequence[Apply], loop: For, zeros: Collection[Value]) -> Blank | None:
        """What is zero before the additions of the chain, in the body of the loop.

        `zeros` are arrays of zeros that the loop may begin with.
        """
        counts = Counter(mentioned(loop.body))
        root = chain[0].args[0]
        if not isinstance(root, Value) or counts[root] != 1:
            return None
        if root in loop.body.params:
            return cls._of_each_trip(chain, loop, zeros, counts)
        makers = (s for s in loop.body.stmts if root in s.outs)
        part = _cleared(next(makers, None))
        return None if part is None else cls(part, root, False, (), (root,))

    @classmethod
    def _of_each_trip(
        cls,
        chain: Sequence[Apply],
        loop: For,
        zeros: Collection[Value],
        counts: Counter[Operand],
    ) -> Blank | None:
        """What each trip sets to zero for the next one."""
        body, root, last = loop.body, chain[0].args[0], chain[-1].out
        assert isinstance(root, Value)
        k = body.params.index(root) - 1
        cleared = next((s for s in body.stmts if body.results[k] in s.outs), None)
        part = _cleared(cleared)
        if part is None or loop.init[k] not in zeros:
            return None
        assert isinstance(cleared, Apply)
        if counts[cleared.out] != 1:
            return None
        if cleared.args[0] is not last:  # the next trip adds to another array
            return cls(part, root, False, (), (cleared.out,), k)
        users = [s for s in statements(body) if last in uses(s)]
        reads = tuple(s for s in users if isinstance(s, Apply) and s.op is read)
        alone = len(reads) + 1 == len(users) == counts[last] and all(
            s in body.stmts and Part.of(s, 1) == part for s in reads
        )
        dropped = (cleared.out, *(s.out for s in reads))
        return cls(part, root, True, reads, dropped) if alone else None


def _cleared(stmt: object) -> Part | None:
    """The part of an array that the statement sets to zero."""
    if not isinstance(stmt, Apply) or stmt.op is not update:
        return None
    array, value = stmt.args[0].type, stmt.args[1]
    assert isinstance(array, ArrayType)
    if not isinstance(value, Const) or value.value != 0 or array.dtype.kind not in "fc":
        return None
    return Part.of(stmt, 2)
