"""Random nonlinear programs: element writes, data-dependent indices, nested control flow."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from stagec.ir.function import Function
from stagec.ir.types import INT, ArrayType, Size, Symbol
from stagec.ops.broadcast import sum_
from stagec.ops.indexing import accumulate_at, read_at, update_at
from stagec.ops.rounding import remainder
from stagec.ops.trigonometric import sin
from tests.transforms.building import F64, SCALAR, at, branch, function, loop, while_loop

LENGTH = 5
VECTOR = ArrayType(F64, (Size(((Symbol("n"), 1),)),))
INTEGERS = ArrayType(np.dtype(np.int64), (Size(((Symbol("n"), 1),)),))
TYPES = {"a": VECTOR, "b": VECTOR, "k": INTEGERS, "s": SCALAR, "t": SCALAR}
Variables = dict[str, Any]


def random_program(seed: int, statements: int = 3) -> Function:
    """The program of a seed: a function of two vectors, integers and two numbers."""
    program = _Program(random.Random(seed))

    def build(*values: Any) -> Any:
        env = dict(zip(TYPES, values, strict=True))
        for _ in range(statements):
            program.statement(env, None, 0)
        return tuple(env.values())

    return function(build, *TYPES.values(), hints=" ".join(TYPES))


def random_arguments(seed: int) -> tuple[Any, ...]:
    """Arguments for the program."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=LENGTH),
        rng.normal(size=LENGTH),
        rng.integers(0, LENGTH, size=LENGTH),
        np.float64(rng.normal()),
        np.float64(rng.normal()),
    )


class _Program:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def statement(self, env: Variables, i: Any, depth: int) -> None:
        """Stage a random statement; it replaces entries of `env`."""
        simple = [self.assign, self.store, self.store, self.add, self.slice, self.renumber]
        nested = [self.loop, self.loop, self.branch, self.loop_while, self.swap]
        self.draw.choice(simple if depth > 2 else simple + nested)(env, i, depth)

    def index(self, env: Variables, i: Any) -> Any:
        """A valid index: constant, from the loop (-1 included), or from the integers."""
        kind = self.draw.randrange(8)
        if i is None or kind == 0:
            return self.draw.randrange(LENGTH)
        if kind == 1:
            return read_at(env["k"], at(...), i)
        if kind == 2:
            return remainder(i + self.draw.randrange(3), LENGTH)
        return self.draw.choice([i, i, i, i - 1, i - 1, LENGTH - 1 - i])

    def number(self, env: Variables, i: Any) -> Any:
        """A random scalar expression."""
        parts = [env["s"], env["t"]]
        parts += [read_at(env[v], at(...), self.index(env, i)) for v in "ab"]
        x, y = self.draw.sample(parts, 2)
        match self.draw.randrange(5):
            case 0:
                return sin(x * y)
            case 1:
                return x / (y * y + 1.0)
            case 2:
                return x * 0.5 + y
            case 3:
                return sin(x) * y + x
            case _:
                return sin(x)

    def assign(self, env: Variables, i: Any, depth: int) -> None:
        """`s = ...`."""
        env[self.draw.choice("st")] = self.number(env, i)

    def store(self, env: Variables, i: Any, depth: int) -> None:
        """`a[...] = ...`."""
        v = self.draw.choice("ab")
        env[v] = update_at(env[v], self.number(env, i), at(...), self.index(env, i))

    def add(self, env: Variables, i: Any, depth: int) -> None:
        """`a[...] += ...`."""
        v = self.draw.choice("ab")
        env[v] = accumulate_at(env[v], self.number(env, i), at(...), self.index(env, i))

    def slice(self, env: Variables, i: Any, depth: int) -> None:
        """`a[1:4] = ...` and a scalar from a slice."""
        v, w = self.draw.choice("ab"), self.draw.choice("ab")
        k = self.draw.randrange(3)
        if i is not None and self.draw.random() < 0.5:
            part = read_at(env[w], at(slice(None, ..., None)), i)
            env["t"] = sum_(part * part * read_at(env[w], at(...), i), axes=(0,)) * 0.3
            return
        part = read_at(env[w], at(slice(k, k + 3, None)))
        if self.draw.random() < 0.5:
            env[v] = update_at(env[v], sin(part) * env["s"], at(slice(1, 4, None)))
        else:
            env["t"] = sum_(sin(part) * part, axes=(0,)) * 0.3

    def renumber(self, env: Variables, i: Any, depth: int) -> None:
        """`k[...] = ...`."""
        value = self.index(env, i)
        env["k"] = update_at(env["k"], value, at(...), self.index(env, i))

    def swap(self, env: Variables, i: Any, depth: int) -> None:
        """`a, b = b, a`."""
        env["a"], env["b"] = env["b"], env["a"]

    def block(self, names: list[str], values: Any, i: Any, depth: int) -> Variables:
        """The variables after one to three statements."""
        env = dict(zip(names, values, strict=True))
        for _ in range(self.draw.randrange(1, 4)):
            self.statement(env, i, depth + 1)
        return env

    def loop(self, env: Variables, i: Any, depth: int) -> None:
        """A `for`, of any direction, perhaps with `until`."""
        names = list(env)
        lo, hi, step = self.draw.choice(
            [(0, 4, 1), (1, 5, 1), (0, 5, 2), (4, 0, -1), (3, 3, 1), (4, -1, -2)]
        )
        if i is not None and self.draw.random() < 0.5:
            lo, hi, step = self.draw.choice([(0, i, 1), (i, LENGTH, 1), (i, -1, -1)])
        until = self.draw.random() < 0.25

        def body(i: Any, *values: Any) -> Any:
            after = self.block(names, values, i, depth)
            results = tuple(after[n] for n in names)
            return (*results, after["s"] > 0.9) if until else results

        outs = loop(
            env["a"],
            lo,
            hi,
            list(env.values()),
            body,
            step=step,
            reverse=self.draw.random() < 0.3,
            until=until,
        )
        env.update(zip(names, outs, strict=True))

    def loop_while(self, env: Variables, i: Any, depth: int) -> None:
        """A `while` with a counter among its carries."""
        names = list(env)

        def body(count: Any, *values: Any) -> Any:
            after = self.block(names, values, count, depth)
            return (count + 1, *(after[n] for n in names))

        limit = self.draw.randrange(4)
        zero = loop(env["a"], 0, 0, [0], lambda i, c: c, types=[INT])
        outs = while_loop(env["a"], [zero, *env.values()], lambda c, *values: c < limit, body)
        env.update(zip(names, outs[1:], strict=True))

    def branch(self, env: Variables, i: Any, depth: int) -> None:
        """An `if` on data."""
        names, values = list(env), list(env.values())
        cond = self.number(env, i) > 0.1

        def side() -> Any:
            after = self.block(names, values, i, depth)
            return tuple(after[n] for n in names)

        outs = branch(cond, side, side if self.draw.random() < 0.7 else lambda: tuple(values))
        env.update(zip(names, outs, strict=True))
