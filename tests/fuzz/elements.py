"""Expressions of random programs of loops: elements by their indices, and parts of arrays."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

UNARY = ("np.sin({})", "np.tanh({})", "np.cos({})", "-{}", "np.sqrt(1.0 + {} ** 2)", "abs({})")
BINARY = ("({} + {})", "({} - {})", "({} * {})", "({} / (2.0 + np.cos({})))", "max({}, {})",
          "np.minimum({}, {})", "({} if {} > 0.1 else {})")  # fmt: skip
PARTS = ("({} + {})", "({} - {})", "({} * {})", "np.maximum({}, {})", "np.sin({} - {})",
         "np.where({} > 0.1, {}, {})", "({} - 2.0 * {} + {})")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """An index `name` of the axis, at least `below` and less than its length less `above`."""

    name: str
    axis: str
    below: int = 0
    above: int = 0


@dataclass(slots=True)
class Place:
    """What the code at one place can name: arrays by the axes they have."""

    arrays: dict[str, str]
    numbers: list[str]
    counts: list[Count] = field(default_factory=list[Count])
    depth: int = 0
    loop: bool = False

    def inner(self, *counts: Count, loop: bool = True) -> Place:
        """The place inside of a loop or branch."""
        return Place(
            dict(self.arrays), list(self.numbers), [*self.counts, *counts],
            self.depth + 1, loop or self.loop,
        )  # fmt: skip


class Elements:
    """Writes elements and parts of arrays; `lines` is the program so far."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.names = 0
        self.budget = 0
        self.helpers: list[str] = []
        self.result = ""

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def write(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def axes(self, place: Place) -> list[str]:
        return sorted({axis for axes in place.arrays.values() for axis in axes})

    def index(self, place: Place, axis: str) -> str:
        """An index of the axis, mostly inside of it."""
        counts = [c for c in place.counts if c.axis == axis]
        if not counts or self.chance(0.08):
            return self.pick("0", "0", "-1", f"{axis} - 1")
        c = self.random.choice(counts)
        if self.chance(0.1):
            return f"{axis} - 1 - {c.name}"
        if self.chance(0.05):
            return f"-1 - {c.name}"
        offset = self.random.choice([0, 0, *range(-c.below, c.above + 1)])
        sign = "+" if offset > 0 else "-"
        return f"{c.name} {sign} {abs(offset)}" if offset else c.name

    def reference(self, place: Place) -> str:
        """An element of an array."""
        name = self.random.choice(list(place.arrays))
        where = ", ".join(self.index(place, axis) for axis in place.arrays[name])
        return f"{name}[{where}]"

    def number_of(self, place: Place, depth: int = 0) -> str:
        """A number."""
        kind = self.random.random()
        if depth > 2 or kind < 0.35:
            return self.reference(place) if self.chance(0.7) else self.pick(
                *place.numbers, "0.7", "-0.3", *(f"0.1 * {c.name}" for c in place.counts)
            )  # fmt: skip
        form = self.random.choice(UNARY if kind < 0.6 else BINARY)
        return form.format(*(self.number_of(place, depth + 1) for _ in range(form.count("{}"))))

    def condition(self, place: Place) -> str:
        """A test of staged values."""
        options = [
            f"{self.reference(place)} > {self.pick('0.2', '-0.5', '0.0')}",
            "t > 0.1",
            "n > 2",
        ]
        for c in place.counts:
            options += [f"{c.name} % 2 == 0", f"{c.name} > 0", f"{c.name} == {c.axis} - 1"]
        return self.pick(*options)

    def part_of(self, place: Place, axes: str, margin: int, depth: int = 0) -> str:
        """An expression of parts with so many elements less than the axes."""
        names = [a for a, own in place.arrays.items() if own == axes]
        if names and (depth > 1 or self.chance(0.4)):
            return f"{self.pick(*names)}[{self.cut(axes, margin)}]"
        if not names or self.chance(0.15):
            return self.number_of(place, 2)
        form = self.random.choice(PARTS)
        return form.format(
            *(self.part_of(place, axes, margin, depth + 1) for _ in range(form.count("{}")))
        )

    def cut(self, axes: str, margin: int) -> str:
        """Slices that leave out so many elements along each axis."""
        return ", ".join(self.slice(axis, margin) for axis in axes)

    def slice(self, axis: str, margin: int) -> str:
        front = self.random.randint(0, margin)
        behind = margin - front
        if margin == 0:
            return self.pick(":", ":", ":", "::-1")
        start = str(front) if front else ""
        stop = self.pick(f"-{behind}", f"{axis} - {behind}") if behind else ""
        if not front and self.chance(0.1):
            return f"-{behind + 1}::-1"
        return f"{start}:{stop}"
