"""Random programs: every pass, and any sequence of passes, keeps results, prints and errors."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from stagec.ir.build import Builder, params
from stagec.ir.core import Block, For, If, Op, Operand, Value, While, const
from stagec.ir.function import Function
from stagec.ir.interpreter import Unset, evaluate
from stagec.ir.parser import parse
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import BOOL, FLOAT, INT, ArrayType, Type
from stagec.ir.verifier import verify
from stagec.ops.arithmetic import add, multiply, subtract
from stagec.ops.comparison import less
from stagec.ops.creation import zeros_like
from stagec.ops.effects import print_
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.cse import cse
from stagec.opt.dce import dce
from stagec.opt.hoist import hoist
from stagec.opt.simplify import simplify
from stagec.opt.sink import sink

ARRAY = ArrayType(np.dtype(float), (4,))
NUMBER = ArrayType(np.dtype(float), (), "np")
PASSES = (cse, dce, hoist, simplify, sink)
CONSTANTS = {FLOAT: (0.0, 1.0, -0.0), INT: (0, 1, 2), BOOL: (True, False)}


class Maker:
    """Makes random blocks; `scope` is what the block being made may use."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def function(self) -> Function:
        inputs = params(ARRAY, ARRAY, FLOAT, NUMBER, INT, BOOL, hints="abxyic")
        body = self.block(inputs, inputs, (ARRAY, ARRAY, FLOAT, NUMBER, BOOL), 3)
        return Function("f", body, fresh=(False,) * len(body.results))

    def pick(self, scope: list[Value], type: Type) -> Operand:
        values = [v for v in scope if v.type == type]
        if type in CONSTANTS and (not values or self.random.random() < 0.3):
            return const(self.random.choice(CONSTANTS[type]))
        # late values more often: chains are more interesting than heaps
        return values[max(self.random.randrange(len(values)) for _ in range(2))]

    def block(
        self, own: tuple[Value, ...], outer: tuple[Value, ...], results: Any, depth: int
    ) -> Block:
        builder, scope = Builder(), list(dict.fromkeys((*outer, *own)))
        for _ in range(self.random.randint(1, 6)):
            self.stmt(builder, scope, depth)
        return builder.block(own, [self.pick(scope, t) for t in results])

    def stmt(self, builder: Builder, scope: list[Value], depth: int) -> None:
        kinds = [self.op] * 5 + ([self.branch, self.for_, self.while_] if depth else [])
        self.random.choice(kinds)(builder, scope, depth)
        for out in builder.stmts[-1].outs:
            scope.append(out)

    def op(self, builder: Builder, scope: list[Value], depth: int) -> None:
        def pick(*types: Type) -> list[Operand]:
            return [self.pick(scope, t) for t in types]

        element, rest = (Index((Arg(0),)),), (Index((Slice(1, 3),)),)
        make = self.random.choice(
            (
                lambda: (self.arithmetic(), pick(FLOAT, FLOAT), {}),
                lambda: (self.arithmetic(), pick(ARRAY, FLOAT), {}),
                lambda: (self.arithmetic(), pick(NUMBER, FLOAT), {}),
                lambda: (self.arithmetic(), pick(ARRAY, ARRAY), {}),
                lambda: (less, pick(FLOAT, FLOAT), {}),
                lambda: (read, pick(ARRAY, INT), {"path": element, "view": False}),
                lambda: (read, pick(ARRAY), {"path": rest, "view": True}),
                lambda: (update, pick(ARRAY, FLOAT, INT), {"path": element}),
                lambda: (update, pick(ARRAY, NUMBER), {"path": rest}),
                lambda: (accumulate, pick(ARRAY, ARRAY), {"path": ()}),
                lambda: (zeros_like, pick(ARRAY), {"dtype": np.dtype(float)}),
                lambda: (print_, pick(FLOAT), {"sep": " ", "end": "\n"}),
            )
        )
        op, args, attrs = make()
        builder.add(op, args, attrs)

    def arithmetic(self) -> Op:
        return self.random.choice((add, subtract, multiply))

    def types(self) -> list[Type]:
        return self.random.choices(
            (ARRAY, FLOAT, NUMBER, BOOL, INT), k=self.random.randint(1, 3)
        )

    def branch(self, builder: Builder, scope: list[Value], depth: int) -> None:
        types = self.types()
        cond = self.pick(scope, BOOL)
        for _ in range(self.random.randint(1, 2)):
            then, orelse = (self.block((), tuple(scope), types, depth - 1) for _ in range(2))
            builder.append(If(cond, then, orelse, params(*types)))
            scope += builder.stmts[-1].outs

    def for_(self, builder: Builder, scope: list[Value], depth: int) -> None:
        types = self.types()
        own = params(INT, *types)
        until = self.random.random() < 0.3
        trips = params(INT)[0] if self.random.random() < 0.3 else None
        results = (*types, BOOL) if until else types
        body = self.block(own, tuple(scope), results, depth - 1)
        lo, hi, step = const(0), self.pick(scope, INT), const(1)
        hi = hi if isinstance(hi, Value) and hi.hint else const(self.random.randint(0, 3))
        init = tuple(self.pick(scope, t) for t in types)
        reverse = self.random.random() < 0.3
        builder.append(For(lo, hi, step, init, body, params(*types), until, reverse, trips))

    def while_(self, builder: Builder, scope: list[Value], depth: int) -> None:
        types = self.types()
        tested, own = params(FLOAT, *types), params(FLOAT, *types)
        cond = Builder()
        more = cond.add(less, (tested[0], const(2.5)), {})
        body = self.block(own, tuple(scope), types, depth - 1)
        ahead = Builder(stmts=list(body.stmts))
        (following,) = ahead.add(add, (own[0], const(1.0)), {})
        builder.append(
            While(
                (const(0.0), *(self.pick(scope, t) for t in types)),
                cond.block(tested, more),
                ahead.block(own, (following, *body.results)),
                params(FLOAT, *types),
            )
        )


def _outcome(fn: Function, args: tuple[Any, ...], capsys: Any) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        try:
            results: Any = evaluate(fn, *args)
        except IndexError:
            return "IndexError", None
    printed = capsys.readouterr().out
    shown = [
        repr(r) if isinstance(r, Unset) else (type(r), np.asarray(r).tobytes()) for r in results
    ]
    return printed, shown


def _inputs(seed: int) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=4), rng.normal(size=4), x, np.float64(-0.5), i, c)
        for x, i, c in ((1.5, 2, True), (0.0, 0, False), (-2.0, 3, True))
    ]


@pytest.mark.parametrize("seed", range(12))
def test_passes_keep_the_meaning(seed: int, ops: Mapping[str, Op], capsys: Any) -> None:
    fn = Maker(seed).function()
    verify(fn)
    assert str(parse(str(fn), ops)) == str(fn)
    inputs = _inputs(seed)
    expected = [_outcome(fn, args, capsys) for args in inputs]
    chosen = random.Random(seed)
    done = fn
    for run_pass in (*PASSES, *chosen.sample(PASSES, 5), *chosen.sample(PASSES, 5)):
        single = run_pass(fn)
        done = run_pass(done)
        for result in (single, done):
            verify(result)
            assert str(run_pass(result)) == str(result), run_pass.__name__
            assert [_outcome(result, args, capsys) for args in inputs] == expected
