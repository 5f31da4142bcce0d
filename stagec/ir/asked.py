"""Lengths at the first call that note what is asked about them.

Passes decide by how long symbols were at the first call (`Function.lengths`): whether a product
is large, whether a loop makes many trips.  They compute with these integers and compare them.
Both are noted here, so that one can ask whether all would be decided alike for other lengths.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Place = tuple[int, int]  # an argument, and its axis


@dataclass(frozen=True, slots=True)
class Before:
    """The result of an earlier step, by its position."""

    position: int


@dataclass(frozen=True, slots=True)
class Step:
    """A length that is at a place, or what a function gives for earlier results."""

    place: Place | None
    function: Callable[..., int]
    operands: tuple[int | Before, ...] = ()


@dataclass(slots=True, eq=False)
class Asked:
    """What was computed from lengths and asked about them.

    Attributes
    ----------
    steps : each length and each computation, with its position and result.  A truth value is
        an answer.
    """

    steps: dict[Step, tuple[int, int]] = field(default_factory=dict[Step, tuple[int, int]])

    def length(self, place: Place, value: int) -> Length:
        """The length that is at the place."""
        return self._noted(Step(place, int), value)

    def done(self, function: Callable[..., int], operands: tuple[int, ...]) -> Any:
        """What the function gives for lengths and other integers."""
        given = tuple(Before(o.position) if isinstance(o, Length) else o for o in operands)
        return self._noted(Step(None, function, given), function(*map(int, operands)))

    def _noted(self, step: Step, value: int) -> Any:
        position, known = self.steps.setdefault(step, (len(self.steps), value))
        return known if isinstance(known, bool) else Length.made(known, self, position)

    def places(self) -> list[Place]:
        """Where the lengths are that answers depend on."""
        found: list[Place] = []
        needed: set[int] = set()
        for step, (position, known) in reversed(self.steps.items()):
            if position in needed or isinstance(known, bool):
                needed.update(o.position for o in step.operands if isinstance(o, Before))
                found += [step.place] if step.place else []
        return found[::-1]

    def alike(self, now: Callable[[Place], int]) -> bool:
        """Whether all answers are the same for the lengths that there are now."""
        values: list[int] = []
        for step, (_, known) in self.steps.items():
            if step.place is not None:
                values.append(now(step.place))
                continue
            given = (values[o.position] if isinstance(o, Before) else o for o in step.operands)
            try:
                values.append(step.function(*given))
            except ArithmeticError:
                return False
            if isinstance(known, bool) and values[-1] != known:
                return False
        return True


def _noting(function: Callable[..., int]) -> Callable[..., Any]:
    def method(self: Length, *others: Any) -> Any:
        if not all(isinstance(o, int) for o in others):
            return NotImplemented
        return self.asked.done(function, (self, *others))

    return method


def _turned(function: Callable[[int, int], int]) -> Callable[..., Any]:
    def turned(a: int, b: int) -> int:
        return function(b, a)

    return _noting(turned)


def _negative(a: int) -> int:
    return -a


def _distance(a: int) -> int:
    return abs(a)


def _divided(a: int, b: int) -> int:
    return a // b


class Length(int):
    """An integer that notes what is computed from it and asked about it.

    Attributes
    ----------
    asked : where that is noted.
    position : which of the steps gave it.
    """

    asked: Asked
    position: int

    @classmethod
    def made(cls, value: int, asked: Asked, position: int) -> Length:
        """The result of a step."""
        length = cls(value)
        length.asked, length.position = asked, position
        return length

    __add__ = _noting(operator.add)
    __radd__ = _turned(operator.add)
    __sub__ = _noting(operator.sub)
    __rsub__ = _turned(operator.sub)
    __mul__ = _noting(operator.mul)
    __rmul__ = _turned(operator.mul)
    __floordiv__ = _noting(_divided)
    __rfloordiv__ = _turned(_divided)
    __mod__ = _noting(operator.mod)
    __rmod__ = _turned(operator.mod)
    __neg__ = _noting(_negative)
    __abs__ = _noting(_distance)
    __lt__ = _noting(operator.lt)
    __le__ = _noting(operator.le)
    __gt__ = _noting(operator.gt)
    __ge__ = _noting(operator.ge)
    __eq__ = _noting(operator.eq)
    __ne__ = _noting(operator.ne)
    __bool__ = _noting(bool)
    __hash__ = int.__hash__


def computed(function: Callable[..., int], operands: tuple[int, ...]) -> int:
    """What the function gives; noted if it is given a length."""
    for operand in operands:
        if isinstance(operand, Length):
            return operand.asked.done(function, operands)
    return function(*operands)
