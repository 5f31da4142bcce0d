"""Expressions of random programs: their shapes are tracked, their values stay moderate."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

Shape = tuple[int, ...]
VECTOR: Shape = (4,)
SHORT: Shape = (3,)
PAIR: Shape = (2,)
MATRIX: Shape = (3, 4)
TURNED: Shape = (4, 3)
FLAT: Shape = (12,)
UNARY = (
    "np.sin({})", "np.cos({})", "np.tanh({})", "np.exp(-np.abs({}))", "-({})", "np.arctan({})",
    "np.sqrt(1.0 + ({}) ** 2)", "np.log(1.5 + np.square({}))", "np.abs({})", "({}) ** 2 * 0.5",
    "np.clip({}, -0.8, 0.9)",
)  # fmt: skip
BINARY = (
    "({} + {})", "({} - {})", "({} * {})", "({} / (2.0 + np.cos({})))", "np.maximum({}, {})",
    "np.minimum({}, {})", "np.where({} > 0.1, {}, {})", "np.hypot({}, 1.0 + {} ** 2)",
)  # fmt: skip
BOUNDED = ("np.tanh({})", "np.sin({})", "0.4 * np.arctan({})", "({}) / (1.0 + np.abs({}))")


@dataclass(slots=True)
class Scope:
    """What the code at one place can name."""

    arrays: dict[str, Shape] = field(default_factory=dict[str, Shape])
    numbers: list[str] = field(default_factory=list[str])
    indices: list[str] = field(default_factory=list[str])
    locked: set[str] = field(default_factory=set[str])
    helpers: tuple[tuple[str, str], ...] = ()
    returns: tuple[Shape, ...] = ()

    def inner(self) -> Scope:
        """The scope of a nested block: what it binds is not seen outside."""
        return Scope(
            dict(self.arrays), list(self.numbers), list(self.indices), self.locked,
            self.helpers, self.returns,
        )  # fmt: skip


class Expressions:
    """Writes expressions; `lines` is the program so far."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.count = 0
        self.budget = 0

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def write(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def number(self) -> str:
        return repr(round(self.random.uniform(-1.5, 1.5), 2))

    def index(self, scope: Scope, size: int) -> str:
        """An index that is in bounds for an axis of the size (3 or more), or of 2."""
        if scope.indices and size >= 3 and self.chance(0.7):
            i = self.random.choice(scope.indices)
            return self.pick(
                i, i, i, f"-1 - {i}", f"2 - {i}", *([f"{i} + 1"] if size > 3 else [])
            )
        return str(self.random.randrange(-size, size))

    def views(self, name: str, shape: Shape, scope: Scope) -> list[tuple[str, Shape]]:
        """Views of an array, and their shapes."""
        i = lambda k=0: self.index(scope, shape[k])
        match shape:
            case (4,):
                return [
                    *self.folded(name),
                    (f"{name}[{i()}]", ()), (f"{name}[1:]", SHORT), (f"{name}[:-1]", SHORT),
                    (f"{name}[::2]", PAIR), (f"{name}[::-1]", VECTOR), (f"{name}[1:3]", PAIR),
                    (f"{name}[3:0:-1]", SHORT), (f"{name}[:]", VECTOR),
                ]  # fmt: skip
            case (3,):
                return [
                    (f"{name}[{i()}]", ()), (f"{name}[1:]", PAIR), (f"{name}[:2]", PAIR),
                    (f"{name}[::-1]", SHORT), (f"{name}[::2]", PAIR),
                ]  # fmt: skip
            case (3, 4) | (4, 3):
                row, column = (shape[1],), (shape[0],)
                return [
                    (f"{name}[{i()}]", row), (f"{name}[:, {i(1)}]", column),
                    (f"{name}[{i()}, {i(1)}]", ()), (f"{name}.T", shape[::-1]),
                    (f"{name}.T[{i(1)}]", column), (f"{name}[{i()}, 1:3]", PAIR),
                    (f"{name}[::-1]", shape), (f"{name}[:, ::-1]", shape),
                    (f"{name}[{i()}][{i(1)}]", ()), (f"{name}[..., {i(1)}]", column),
                    (f"{name}[0:3:2, 1]", (2,)),
                ]  # fmt: skip
            case _:
                return [(f"{name}[{i()}]", ())] if len(shape) == 1 else []

    def folded(self, name: str) -> list[tuple[str, Shape]]:
        """Views of a vector as a matrix, where it is surely contiguous."""
        if name not in ("x", "WEIGHTS") and not (name[0] == "a" and name[1:].isdigit()):
            return []
        row = self.pick("0", "1")
        return [(f"{name}.reshape(2, 2)[{row}]", PAIR), (f"{name}.reshape(2, 2).T[0]", PAIR)]

    def reads(self, name: str, shape: Shape, scope: Scope) -> list[tuple[str, Shape]]:
        """Fresh results of reading or reducing an array, and their shapes."""
        match shape:
            case (4,):
                return [
                    (f"np.sum({name})", ()), (f"np.mean({name})", ()),
                    (f"({name} @ {name})", ()),
                    (f"{name}[np.array([0, 2, 0])]", SHORT),
                    (f"np.sum({name}[{name} > 0.1])", ()),
                    (f"(np.cumsum({name}) * 0.3)", VECTOR), (f"np.sort({name})", VECTOR),
                    (f"{name}[[3, 1, 0, 1]]", VECTOR),
                    (f"np.max({name})", ()),
                    (f"np.outer({name}, {name})[:3]", MATRIX), (f"{name}.sum()", ()),
                    (f"np.stack([{name}, {name} * 0.5, -{name}])", MATRIX),
                    (f"np.roll({name}, 1)", VECTOR),
                    (f"float({name}[{self.index(scope, 4)}])", ()),
                    (f"np.concatenate(({name}[2:], {name}[:2]))", VECTOR),
                ]  # fmt: skip
            case (3, 4) | (4, 3):
                row, column = (shape[1],), (shape[0],)
                return [
                    (f"np.sum({name})", ()), (f"(np.sum({name}, axis=0) * 0.4)", row),
                    (f"np.mean({name}, axis=1)", column), (f"np.max({name}, axis=0)", row),
                    (f"{name}[:, [0, 0, 2]][{self.index(scope, shape[0])}]", SHORT),
                    (f"np.transpose({name})", shape[::-1]), (f"{name}.reshape(-1)[:4]", VECTOR),
                    (f"{name}.ravel()[::3]", VECTOR),
                    (f"np.sum({name} * {name}, axis=-1)", column),
                    (f"np.diag({name})", SHORT),
                    (f"(({name} @ {name}.T).sum(axis=1) * 0.2)", column),
                ]  # fmt: skip
            case _:
                return [(f"np.sum({name})", ()), (f"np.dot({name}, {name})", ())]

    def leaf(self, shape: Shape, scope: Scope) -> str:
        """A variable, a view or a read of the shape."""
        if shape == () and scope.numbers and self.chance(0.6):
            return self.random.choice(scope.numbers)
        exact = [a for a, own in scope.arrays.items() if own == shape]
        if exact and self.chance(0.6):
            return self.random.choice(exact)
        names = list(scope.arrays.items())
        self.random.shuffle(names)
        for name, own in names:
            options = self.views(name, own, scope)
            if self.chance(0.4):
                options = self.reads(name, own, scope)
            fitting = [text for text, got in options if got == shape]
            if fitting:
                return self.random.choice(fitting)
        if exact:
            return self.random.choice(exact)
        return self.number() if shape == () else f"np.full({shape}, {self.leaf((), scope)})"

    def expression(self, shape: Shape, scope: Scope, depth: int = 0) -> str:
        """An expression of the shape."""
        if depth > 2 or self.chance(0.3):
            return (
                self.leaf(shape, scope) if self.chance(0.85) else self.broadcast(shape, scope)
            )
        if shape == () and scope.helpers and self.chance(0.25):
            called = self.call((), scope, depth)
            if called:
                return called
        if self.chance(0.45):
            inner = self.expression(shape, scope, depth + 1)
            return self.random.choice(UNARY).replace("{}", inner)
        form = self.random.choice(BINARY)
        parts = [self.expression(shape, scope, depth + 1)]
        for _ in range(form.count("{}") - 1):
            small = shape if self.chance(0.6) else self.random.choice([(), shape[-1:]])
            parts.append(self.expression(small, scope, depth + 1))
        return form.format(*parts)

    def broadcast(self, shape: Shape, scope: Scope) -> str:
        """Something of the shape made from a smaller one."""
        if shape == ():
            return self.number()
        whole = self.leaf(shape, scope)
        if len(shape) == 1:
            return f"({whole} * {self.leaf((), scope)})"
        column = self.leaf(shape[:1], scope)
        return f"({whole} * {column}[:, {self.pick('None', 'np.newaxis')}])"

    def bounded(self, shape: Shape, scope: Scope) -> str:
        """An expression whose value is of moderate size."""
        return self.random.choice(BOUNDED).replace("{}", self.expression(shape, scope, 1))

    def call(self, shape: Shape, scope: Scope, depth: int) -> str | None:
        """A call of a helper that returns this shape."""
        wanted = {(): ("number", "closure"), VECTOR: ("array",)}.get(shape, ())
        fitting = [h for h in scope.helpers if h[1] in wanted]
        if not fitting:
            return None
        name, kind = self.random.choice(fitting)
        number = self.expression((), scope, depth + 1)
        if kind == "closure":
            return f"{name}({number})"
        return f"{name}({self.argument(scope)}, {number}, n)"

    def argument(self, scope: Scope) -> str:
        """A vector to hand to a helper that may write to it."""
        own = [a for a, k in scope.arrays.items() if k == VECTOR and a not in scope.locked]
        rows = [
            text for a, k in scope.arrays.items() if a not in scope.locked
            for text, got in self.views(a, k, scope) if got == VECTOR
        ]  # fmt: skip
        return self.random.choice(
            [*own, *own, *(rows[:3] or ["x"]), f"{self.leaf(VECTOR, scope)} * 1.0"]
        )

    def condition(self, scope: Scope) -> str:
        """A test of staged values."""
        a, c = self.leaf(VECTOR, scope), self.number()
        options = [
            f"np.sum({a}) > {c}", f"{self.leaf((), scope)} > {c}", f"np.any({a} > 0.9)",
            "n > 2",
            f"-0.5 < {self.leaf((), scope)} < {self.number()}", f"not np.all({a} < {c})",
            f"{a}[0] < {a}[-1]", f"np.max({a}) > {c} or n == 0",
        ]  # fmt: skip
        if scope.indices:
            i = self.random.choice(scope.indices)
            options += [
                f"{i} % 2 == 0",
                f"{i} > 0",
                f"{i} == n - 1",
                f"{i} > 0 and np.mean({a}) < {c}",
            ]
        return self.random.choice(options)
