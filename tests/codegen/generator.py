"""Random programs in the form that bufferisation leaves: each array has one current version."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Block, Const, For, If, Op, Operand, Stmt, Value, While, const
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import BOOL, FLOAT, INT, ArrayType

VECTOR = ArrayType(np.dtype(np.float64), (4,))
ELEMENT = (Index((Arg(0),)),)
State = dict[str, Any]


class Generator:
    """Makes a function of two numbers and two arrays of four elements."""

    def __init__(self, seed: int, ops: Mapping[str, Op]) -> None:
        self.random = random.Random(seed)
        self.ops = ops
        self.budget = 40

    def function(self) -> Function:
        names = ["x", "y", "a", "b"]
        params = [Value(FLOAT, "x"), Value(FLOAT, "y"), Value(VECTOR, "a"), Value(VECTOR, "b")]
        state: State = dict(zip(names, params, strict=True))
        state |= {"n": const(3), "s": const(0.5)}
        builder = Builder()
        self.body(builder, state, 0)
        if self.random.random() < 0.5:
            self.either(builder, state, self.search(builder, state, 1))
        results = [v for k, v in state.items() if k in ("x", "y", "a", "b", "s", "n")]
        return Function("f", builder.block(params, results))

    def hint(self, name: str = "") -> str:
        return self.random.choice(["", "", name or "t", "x", "u"])

    def add(
        self, builder: Builder, op: str, *args: Operand, hint: str = "", **attrs: Any
    ) -> Value:
        (out,) = builder.add(self.ops[op], args, attrs, hint)
        return out

    def number(self, builder: Builder, state: State, depth: int = 0) -> Operand:
        """A number: a variable, a constant, an element or a sum of such."""
        choice = self.random.random()
        if choice < 0.15 or depth > 3:
            return const(self.random.choice([0.5, -1.0, 2.0]))
        if choice < 0.45:
            return state[self.random.choice(["x", "y", "s"])]
        if choice < 0.65:
            array = state[self.random.choice("ab")]
            element = self.add(
                builder, "read", array, self.index(state), path=ELEMENT, view=False
            )
            return self.add(builder, "to_python", element, kind="float")
        left, right = (self.number(builder, state, depth + 1) for _ in range(2))
        op = self.random.choice(["add", "subtract", "multiply"])
        if isinstance(left, Const) and isinstance(right, Const):
            return left
        return self.add(builder, op, left, right, hint=self.hint())

    def index(self, state: State) -> Operand:
        return state.get("i", const(self.random.randrange(3)))

    def condition(self, builder: Builder, state: State) -> Value:
        left = state[self.random.choice(["x", "y", "s"])]
        if isinstance(left, Const):
            left = self.add(builder, "add", left, state["x"])
        return self.add(builder, "less", left, self.number(builder, state, 2))

    def body(self, builder: Builder, state: State, depth: int) -> None:
        for _ in range(self.random.randint(1, 4)):
            self.budget -= 1
            self.statement(builder, state, depth)

    def statement(self, builder: Builder, state: State, depth: int) -> None:
        kinds = ["assign", "assign", "update", "update", "whole", "swap"]
        if depth < 4 and self.budget > 0:
            kinds += ["if", "if", "for", "while", "choice"]
        match self.random.choice(kinds):
            case "assign":
                name = self.random.choice(["x", "y", "s"])
                op = self.random.choice(["add", "subtract"])
                left = state[name] if isinstance(state[name], Value) else state["x"]
                if isinstance(left, Value):
                    value = self.number(builder, state)
                    out = self.add(builder, op, left, value, hint=self.hint(name))
                    state[name] = self.add(builder, "minimum", out, const(9.0), hint="")
                    state[name] = self.add(builder, "to_python", state[name], kind="float")
            case "update":
                name = self.random.choice("ab")
                value = self.number(builder, state)
                state[name] = self.add(
                    builder, self.random.choice(["update", "accumulate"]),
                    state[name], value, self.index(state), path=ELEMENT, hint=name,
                )  # fmt: skip
            case "whole":
                name = self.random.choice("ab")
                part = (Index((Slice(1, 3),)),)
                view = self.add(builder, "read", state[name], path=part, view=True)
                value = self.add(builder, "multiply", view, const(0.5))
                state[name] = self.add(
                    builder, "update", state[name], value, path=part, hint=name
                )
            case "swap":
                p, q = self.random.choice([("x", "y"), ("a", "b"), ("x", "s")])
                state[p], state[q] = state[q], state[p]
            case "if":
                self.branch(builder, state, depth)
            case "choice":
                self.choice(builder, state)
            case "for":
                self.loop(builder, state, depth)
            case _:
                self.while_(builder, state, depth)

    def choice(self, builder: Builder, state: State) -> None:
        cond = self.condition(builder, state)
        blocks: list[Block] = []
        for _ in range(2):
            inner = Builder()
            blocks.append(inner.block((), (self.number(inner, state, 2),)))
        out = Value(FLOAT, "")
        builder.append(If(cond, blocks[0], blocks[1], (out,)))
        state["s"] = out

    def branch(self, builder: Builder, state: State, depth: int) -> None:
        cond = self.condition(builder, state)
        states = [dict(state), dict(state)]
        builders = [Builder(), Builder()]
        for inner, inside in zip(builders, states, strict=True):
            if self.random.random() < 0.8:
                self.body(inner, inside, depth + 1)
        keys = [k for k in state if any(s[k] is not state[k] for s in states)]
        outs = tuple(Value(state[k].type, k) for k in keys)
        blocks = [
            b.block((), [s[k] for k in keys]) for b, s in zip(builders, states, strict=True)
        ]
        builder.append(If(cond, blocks[0], blocks[1], outs))
        state.update(zip(keys, outs, strict=True))

    def carries(self, state: State) -> tuple[list[str], dict[str, Value]]:
        keys = [k for k in state if k != "i"]
        return keys, {k: Value(state[k].type, k) for k in keys}

    def loop(self, builder: Builder, state: State, depth: int) -> None:
        keys, params = self.carries(state)
        index = Value(INT, "i")
        inside: State = {**params} | {"i": index}
        inner = Builder()
        self.body(inner, inside, depth + 1)
        until = self.random.random() < 0.5
        flag = [self.flag(inner, inside, params, keys)] if until else []
        results = [*(inside[k] for k in keys), *flag]
        block = inner.block([index, *params.values()], results)
        trips = Value(INT, "n") if self.random.random() < 0.4 else None
        outs = tuple(Value(state[k].type, k) for k in keys)
        stmt = For(
            const(0), const(self.random.randint(0, 3)), const(1),
            tuple(state[k] for k in keys), block, outs, until,
            self.random.random() < 0.3, trips,
        )  # fmt: skip
        self.finish(builder, state, stmt, keys)

    def flag(
        self, inner: Builder, inside: State, params: dict[str, Value], keys: list[str]
    ) -> Operand:
        """An exit flag: a test, or the result of branches that break."""
        cond = self.condition(inner, inside)
        if self.random.random() < 0.3:
            return cond
        states = [dict(inside), dict(inside)]
        builders = [Builder(), Builder()]
        for nested, state in zip(builders, states, strict=True):
            if self.random.random() < 0.7:
                self.body(nested, state, 9)
        flags: list[Operand] = [const(True), const(False)]
        if self.random.random() < 0.5:
            flags.reverse()
        if self.random.random() < 0.3:
            flags[0] = self.condition(builders[0], states[0])
        blocks = [
            b.block((), [*(s[k] for k in keys), f])
            for b, s, f in zip(builders, states, flags, strict=True)
        ]
        outs = [Value(params[k].type, k) for k in keys]
        out = Value(BOOL, "")
        inner.append(If(cond, blocks[0], blocks[1], (*outs, out)))
        inside.update(zip(keys, outs, strict=True))
        return out

    def search(self, builder: Builder, state: State, depth: int) -> Operand:
        """A loop that is left early, and whether it was."""
        keys, params = self.carries(state)
        index, broke = Value(INT, "i"), Value(BOOL, "broke")
        inside: State = {**params} | {"i": index}
        inner = Builder()
        self.body(inner, inside, 8)
        if depth < 3 and self.random.random() < 0.5:
            found = self.search(inner, inside, depth + 1)
            inside["i"] = index
            flag = self.either(inner, inside, found, flagged=True)
        else:
            flag = self.flag(inner, inside, params, keys)
        block = inner.block(
            [index, *params.values(), broke], [*(inside[k] for k in keys), flag, flag]
        )
        outs = (*(Value(state[k].type, k) for k in keys), Value(BOOL, self.hint("broke")))
        builder.append(
            For(
                const(0), const(self.random.randint(0, 3)), const(1),
                (*(state[k] for k in keys), const(False)), block, outs, True,
            )
        )  # fmt: skip
        state.update(zip(keys, outs, strict=False))
        return outs[-1]

    def either(
        self, builder: Builder, state: State, cond: Operand, flagged: bool = False
    ) -> Operand:
        """The rest of a block under a flag, as early returns give it."""
        keys = [k for k in state if k != "i"]
        stopped, other = Builder(), Builder()
        inside = dict(state)
        if self.random.random() < 0.2:
            self.body(stopped, state, 8)
        self.body(other, inside, 8)
        flags: tuple[Operand, ...] = ()
        if flagged:
            flags = (
                const(False) if self.random.random() < 0.5 else self.condition(other, inside),
            )
        then = stopped.block(
            (), [*(state[k] for k in keys), *([const(True)] if flagged else [])]
        )
        orelse = other.block((), [*(inside[k] for k in keys), *flags])
        outs = [Value(inside[k].type, k) for k in keys]
        out = [Value(BOOL, "")] if flagged else []
        builder.append(If(cond, then, orelse, (*outs, *out)))
        state.update(zip(keys, outs, strict=True))
        return out[0] if out else cond

    def while_(self, builder: Builder, state: State, depth: int) -> None:
        keys, params = self.carries(state)
        tests = {k: Value(v.type, v.hint) for k, v in params.items()}
        test = Builder()
        count = self.add(test, "less", tests["n"], const(5))
        cond = test.block(list(tests.values()), (count,))
        if self.random.random() < 0.4:
            test = Builder()
            first = self.condition(test, {**tests})
            more = Builder()
            less = self.add(more, "less", tests["n"], const(5))
            out = Value(BOOL, self.hint())
            then, orelse = more.block((), (less,)), Block((), (), (const(False),))
            test.append(If(first, then, orelse, (out,)))
            cond = test.block(list(tests.values()), (out,))
        inside: State = {**params}
        inner = Builder()
        self.body(inner, inside, depth + 1)
        inside["n"] = self.add(inner, "add", params["n"], const(1), hint=self.hint("n"))
        until = self.random.random() < 0.4
        flag = [self.flag(inner, inside, params, keys)] if until else []
        block = inner.block(list(params.values()), [*(inside[k] for k in keys), *flag])
        trips = Value(INT, "n") if self.random.random() < 0.3 else None
        outs = tuple(Value(state[k].type, k) for k in keys)
        init = tuple(state[k] for k in keys)
        self.finish(builder, state, While(init, cond, block, outs, until, trips), keys)

    def finish(self, builder: Builder, state: State, stmt: Stmt, keys: list[str]) -> None:
        assert isinstance(stmt, For | While)
        builder.append(stmt)
        state.update(zip(keys, stmt.carry, strict=True))
        if stmt.trips is not None and self.random.random() < 0.8:
            state["n"] = stmt.trips
