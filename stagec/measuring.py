"""The tests of lengths in the short way from a call to compiled code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from stagec.frontend.arguments import NUMBER
from stagec.frontend.stage import Program
from stagec.ir.asked import Place


def arrays(values: Sequence[Any]) -> list[int]:
    """The leaves that are arrays."""
    return [k for k, a in enumerate(values) if type(a) is np.ndarray]


def limit(place: Place) -> str:
    """The name of what a length may be at most."""
    leaf, axis = place
    return f"most_{leaf}" if axis == NUMBER else f"most_{leaf}_{axis}"


@dataclass(frozen=True, slots=True)
class Lengths:
    """Writes the tests.

    Attributes
    ----------
    leaves, values : the names of the run-time leaves, and what they are at this call.
    limited : the lengths that may not be more than their limits.
    """

    program: Program
    leaves: Sequence[str]
    values: Sequence[Any]
    limited: Set[Place]

    def tests(self) -> Iterator[str]:
        """Test ranks and sizes: those that are decided, equal to others, 0, 1 or more."""
        decisions = self.program.decisions
        fixed = {key for kind, key in decisions if kind == "size"}
        same: dict[Place, list[Place]] = {}
        for kind, key in decisions:
            if kind == "equal":
                same.setdefault(max(key), []).append(min(key))
        referred = {leaf for others in same.values() for leaf, _ in others}
        parted = [(kind, key) for kind, key in decisions if kind in ("multiple", "part")]
        offset = [key for kind, key in decisions if kind == "offset"]
        measured = [*(key for _, key in parted), *offset]
        referred |= {leaf for key in measured for leaf, _ in key[:-1]}
        for leaf in arrays(self.values):
            name, shape = self.leaves[leaf], self.values[leaf].shape
            if len(shape) == 1:
                yield f"{name}.ndim == 1"
                length = f"({name}_n := len({name}))" if leaf in referred else f"len({name})"
            else:
                yield f"len({name}_s := {name}.shape) == {len(shape)}"
                length = ""
            for axis, n in enumerate(shape):
                others = [self.size(o) for o in sorted(same.get((leaf, axis), ()))]
                if n < 2 or (leaf, axis) in fixed:
                    others.append(str(n))
                read = length or self.size((leaf, axis))
                most = self.most((leaf, axis))
                yield " == ".join([read, *others]) + most if others else f"1 < {read}{most}"
        yield from self.related(parted, offset)
        yield from (
            self.leaves[k] + self.most((k, at)) for k, at in self.limited if at == NUMBER
        )

    def related(
        self, parted: Sequence[tuple[str, Any]], offset: Sequence[Any]
    ) -> Iterator[str]:
        """Test lengths that others are multiples of, or away from."""
        for kind, (*axes, parts) in sorted(parted):
            read, *others = map(self.size, axes)
            if kind == "part":
                yield f"{parts} * {read} == {others[0]}"
            else:
                yield from (f"{read} % {parts} == 0", f"{read} > {parts}")
        for place, other, more in sorted(offset):
            tail = f" + {more}" if more else ""
            yield f"{self.size(place)} == {self.size(other)}{tail}"
            if other[1] == NUMBER:
                yield f"{self.size(other)} > 1"

    def most(self, place: Place) -> str:
        """The end of a test that the length is within its limit, if it has one."""
        return f" <= {limit(place)}" if place in self.limited else ""

    def size(self, axis: Place) -> str:
        """The length of an axis that was read before, or an integer."""
        leaf, at = axis
        name = self.leaves[leaf]
        if at == NUMBER:
            return name
        return f"{name}_n" if self.values[leaf].ndim == 1 else f"{name}_s[{at}]"
