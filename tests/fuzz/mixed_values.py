"""Expressions of random programs of mixed dtypes: only their axes are tracked."""

from __future__ import annotations

import random
from dataclasses import dataclass

UNARY = (
    "-{}",
    "abs({})",
    "np.sqrt(abs({}))",
    "np.square({})",
    "~{}",
    "np.sign({})",
    "np.sin({})",
    "np.floor({})",
    "+{}",
    "np.exp(-abs({}))",
    "np.real({})",
    "np.conj({})",
    "np.isfinite({})",
    "np.float32({})",
    "np.logical_not({})",
    "{} ** 2",
    "{} / 2",
    "{} // 2",
    "{} % 3",
    "2.0 ** {}",
)
BINARY = (
    "({} + {})",
    "({} - {})",
    "({} * {})",
    "({} / {})",
    "({} // {})",
    "({} % {})",
    "np.maximum({}, {})",
    "np.minimum({}, {})",
    "({} & {})",
    "({} | {})",
    "({} ^ {})",
    "({} > {})",
    "({} == {})",
    "({} << 1) + {}",
    "np.where({} > 0, {}, {})",
    "np.hypot({}, {})",
    "np.add({}, {})",
    "np.floor_divide({}, {})",
    "np.arctan2({}, {})",
    "({} <= {})",
    "np.copysign({}, {})",
    "np.logical_or({}, {})",
)
NUMBERS = (
    "0",
    "1",
    "2",
    "-1",
    "3",
    "0.5",
    "-1.5",
    "1e3",
    "True",
    "100",
    "np.float32(0.1)",
    "np.int8(100)",
    "1j",
    "np.uint8(200)",
    "np.float64(0.1)",
    "np.int64(3)",
    "np.int32(7)",
    "False",
    "200",
    "-129",
)
REDUCED = (
    "np.sum({})",
    "{}.sum()",
    "len({})",
    "np.max({}, initial=0)",
    "{}.size",
    "np.any({})",
    "np.count_nonzero({})",
    "int(np.sum({}) > 1)",
    "np.mean({})",
    "np.prod({}[:2])",
)


@dataclass(frozen=True, slots=True)
class Name:
    """What the program can name: an array with these axes, a number or a length."""

    text: str
    kind: str
    axes: str = ""


class Values:
    """Writes expressions; `lines` is the statement so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.names: list[Name] = []
        self.loops: list[str] = []
        self.count = 0

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def write(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def add(self, text: str, kind: str, axes: str = "") -> None:
        self.names.append(Name(text, kind, axes))

    def array(self, axes: str = "") -> Name:
        """An array, one with these axes if there is one."""
        arrays = [x for x in self.names if x.kind == "array"]
        return self.random.choice([x for x in arrays if x.axes == axes] or arrays)

    def narrower(self, axes: str) -> str:
        """The axes, or some that are broadcast to them."""
        return axes if self.chance(0.6) else axes[1:] if self.chance(0.5) else ""

    def view(self, array: Name) -> tuple[str, str]:
        """A view of the array, and its axes."""
        a = array.text
        if len(array.axes) == 2:
            return self.random.choice(
                [
                    (f"{a}[0]", array.axes[1]),
                    (f"{a}[:, 0]", array.axes[0]),
                    (f"{a}.T", array.axes[::-1]),
                    (f"{a}[::-1]", array.axes),
                    (f"{a}[:, ::-1]", array.axes),
                    (f"{a}[1:]", "?"),
                    (f"{a}[-1]", array.axes[1]),
                    (f"{a}.reshape(-1)[:n]", "n"),
                    (f"{a}[..., -1]", array.axes[0]),
                    (f"{a}[::2, ::-2]", "?"),
                    (f"np.diagonal({a}).copy()", "?"),
                ]
            )
        return self.random.choice(
            [
                (f"{a}[::-1]", array.axes),
                (f"{a}[:]", array.axes),
                (f"{a}[1:]", "?"),
                (f"{a}[::2]", "?"),
                (f"{a}[-2::-1]", "?"),
                (f"{a}[:-1]", "?"),
                (f"{a}[None, :]", "?"),
                (f"{a}[3:0:-1]", "?"),
                (a, array.axes),
                (f"{a}.reshape(1, -1)[0]", array.axes),
                (f"{a}[::-2]", "?"),
                (f"{a}.real", array.axes),
            ]
        )

    def target(self) -> tuple[str, str]:
        """A part of an array that is written to, and its axes."""
        array = self.array()
        text, axes = self.view(array)
        if self.loops and self.chance(0.4):
            i = self.pick(*self.loops)
            text, axes = f"{array.text}[{i}]", array.axes[1:]
        elif "[" not in text.removeprefix(array.text):
            text += "[:]"
        return text, axes

    def index(self, axis: str) -> str:
        options = ["0", "-1", "n // 2", "s"]
        if self.loops:
            i = self.pick(*self.loops)
            options += [
                i,
                i,
                i,
                i,
                f"{i} - 1",
                f"-1 - {i}",
                f"({i} + 1) % {axis}",
                f"n - 1 - {i}",
            ]
        return self.pick(*options)

    def reference(self) -> str:
        """An element of an array."""
        array = self.array()
        axes = array.axes if set(array.axes) <= set("nm") else "n"
        return f"{array.text}[{', '.join(self.index(axis) for axis in axes or 'n')}]"

    def scalar(self, depth: int = 0) -> str:
        """A number of any type."""
        kind = self.random.random()
        if depth > 1 or kind < 0.3:
            numbers = [x.text for x in self.names if x.kind in ("number", "count")]
            return self.pick(*NUMBERS, *numbers * 3, *self.loops * 4)
        if kind < 0.55:
            return self.reference()
        if kind < 0.7:
            return self.random.choice(REDUCED).format(self.array().text)
        form = self.random.choice(UNARY if kind < 0.8 else BINARY)
        return form.format(*(self.scalar(depth + 1) for _ in range(form.count("{}"))))

    def leaf(self, axes: str) -> str:
        """An array with the axes, or what is broadcast to it."""
        if not axes:
            return self.scalar(1)
        fitting = [x.text for x in self.names if x.kind == "array" and x.axes == axes]
        if fitting:
            a = self.pick(*fitting)
            return self.pick(a, a, a, f"{a}[::-1]") if axes != "?" else a
        return self.array(axes[-1:]).text

    def expression(self, axes: str, depth: int = 0) -> str:
        """An expression with the axes, or what is broadcast to it."""
        if not axes:
            return self.scalar()
        kind = self.random.random()
        if depth > 2 or kind < 0.3:
            return self.leaf(axes)
        if kind < 0.4:
            return self.scalar()
        if kind < 0.45 and len(axes) == 1:
            return self.pick(
                f"({self.leaf('nm')} @ {self.leaf('m')})",
                f"np.sum({self.leaf('nm')}, axis=1)",
                f"np.einsum('ij->i', {self.leaf('nm')})",
                f"{self.leaf('nm')}.max(axis=-1)",
            )
        form = self.random.choice(UNARY if kind < 0.6 else BINARY)
        return form.format(
            *(self.expression(self.narrower(axes), depth + 1) for _ in range(form.count("{}")))
        )

    def test(self) -> str:
        """A condition."""
        options = [
            f"{self.scalar()} > {self.scalar(1)}",
            f"{self.reference()} {self.pick('>', '<', '==')} 1",
            f"np.any({self.array().text} > 1)",
            "n > 2",
            "s > 1",
            f"len({self.array().text}) > 3 and {self.reference()} > 0",
        ]
        for i in self.loops:
            options += [f"{i} % 2 == 0", f"{i} > 1", f"{i} == n - 1"]
        return self.pick(*options)
