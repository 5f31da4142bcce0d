"""Reverse mode: a function and the function that maps cotangents of its results back.

The output is ordinary IR, so both modes apply to it again.

Reference: A. Griewank, A. Walther, "Evaluating Derivatives", 2nd ed., ch. 3 to 6; L. Hascoet,
V. Pascual, "The Tapenade automatic differentiation tool", ACM TOMS 39(3), 2013, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stagec.ir.core import Block, Value
from stagec.ir.function import Function
from stagec.ir.walk import free_values, substitute
from stagec.transforms.calls import Calls
from stagec.transforms.family import check_differentiable, fresh_flags
from stagec.transforms.halves import halves


@dataclass(frozen=True, slots=True)
class Pullback:
    """A differentiated function in two halves.

    `forward` has the parameters of the function, and its results followed by residuals;
    `backward` takes the residuals and one cotangent for each chosen result, and returns one
    cotangent for each chosen parameter.
    """

    forward: Function
    backward: Function
    residuals: int


def reverse(fn: Function, wrt: Sequence[int], of: Sequence[int]) -> Pullback:
    """The pullback of `fn`, from its results number `of` to its parameters number `wrt`."""
    check_differentiable(fn, wrt, fn.params)
    check_differentiable(fn, of, fn.results)
    calls = Calls.of(fn)
    parts = halves(fn, wrt, of, calls.rule)
    forward, backward = parts.forward, parts.backward
    free = list(free_values(Block(parts.seeds, backward.stmts, backward.results)))
    inputs = {v: Value(v.type, v.hint) for v in free}
    backward = substitute(backward, inputs)
    primal = Function(
        name=f"{fn.name}_forward",
        body=Block(forward.params, forward.stmts, (*forward.results, *free)),
        fresh=(*fresh_flags(fn), *(False for _ in free)),
        functions=fn.functions,
        errstate=fn.errstate,
    )
    pullback = Function(
        name=f"{fn.name}_backward",
        body=Block((*inputs.values(), *parts.seeds), backward.stmts, backward.results),
        fresh=tuple(True for _ in wrt),
        functions=calls.all(),
        errstate=fn.errstate,
    )
    return Pullback(primal, pullback, len(free))


def joined(pullback: Pullback) -> Function:
    """Both halves as one function of the parameters and the cotangents of the results."""
    forward, backward = pullback.forward, pullback.backward
    count = len(forward.results) - pullback.residuals
    inputs, seeds = (
        backward.params[: pullback.residuals],
        backward.params[pullback.residuals :],
    )
    names = dict(zip(inputs, forward.results[count:], strict=True))
    body = substitute(backward.body, names)
    functions = {f.name: f for f in (*forward.functions, *backward.functions)}
    return Function(
        name=forward.name.removesuffix("_forward") + "_vjp",
        body=Block(
            (*forward.params, *seeds),
            (*forward.body.stmts, *body.stmts),
            (*forward.results[:count], *body.results),
        ),
        fresh=(*forward.fresh[:count], *backward.fresh),
        functions=tuple(functions.values()),
        errstate=forward.errstate,
    )
