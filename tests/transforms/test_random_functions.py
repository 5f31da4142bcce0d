"""Both modes on random functions full of views, writes, branches, loops and lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stagec.ir.core import Value
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.verifier import verify
from stagec.transforms.activity import differentiable
from stagec.transforms.forward import forward
from stagec.transforms.reverse import joined, reverse
from tests.opt.random_functions import arguments, random_function
from tests.transforms.building import inner
from tests.transforms.programs import random_arguments, random_program

COUNT = 60


def scaled(x: Any, rng: np.random.Generator) -> Any:
    """A random value like `x`, small enough for a chain of products to stay finite."""
    if isinstance(x, list):
        return [scaled(e, rng) for e in x]
    value = rng.normal(size=np.shape(x))
    return np.asarray(value) if isinstance(x, np.ndarray) else type(x)(value)


def size(x: Any) -> float:
    """The largest absolute entry."""
    if isinstance(x, list):
        return max(map(size, x), default=0.0)
    return float(np.max(np.abs(x), initial=0.0))


def check_adjoint(fn: Function, args: tuple[Any, ...], rng: np.random.Generator) -> None:
    """Check `<ct, J dx> == <J' ct, dx>` and that the primal results are unchanged."""
    wrt = [k for k, p in enumerate(fn.params) if differentiable(p.type)]
    of = [
        k for k, r in enumerate(fn.results) if isinstance(r, Value) and differentiable(r.type)
    ]
    values = evaluate(fn, *args)
    dxs = [scaled(args[k], rng) for k in wrt]
    cts = [scaled(values[k], rng) for k in of]
    tangent, pullback = forward(fn, wrt), joined(reverse(fn, wrt, of))
    verify(tangent)
    verify(pullback)
    pushed = evaluate(tangent, *args, *dxs)[len(values) :]
    inexact = [k for k, r in enumerate(fn.results) if differentiable(r.type)]
    dys = [dy for k, dy in zip(inexact, pushed, strict=True) if k in of]
    found = evaluate(pullback, *args, *cts)
    bars = found[len(values) :]
    left = sum(inner(c, d) for c, d in zip(cts, dys, strict=True))
    right = sum(inner(b, d) for b, d in zip(bars, dxs, strict=True))
    scale = 1.0 + sum(size(c) * size(d) for c, d in zip(cts, dys, strict=True))
    assert np.isfinite(left)
    assert abs(left - right) <= 1e-10 * scale


@pytest.mark.parametrize("seed", range(COUNT))
def test_modes_agree(seed):
    rng = np.random.default_rng(seed)
    fn = random_function(seed)
    args = tuple(scaled_argument(a, rng) for a in arguments(fn, seed))
    check_adjoint(fn, args, rng)


def scaled_argument(x: Any, rng: np.random.Generator) -> Any:
    """An argument: booleans as they are, numbers of moderate size."""
    return x if isinstance(x, bool) else scaled(x, rng)


@pytest.mark.parametrize("seed", range(40))
def test_modes_agree_on_programs(seed):
    rng = np.random.default_rng(seed)
    check_adjoint(random_program(seed), random_arguments(seed), rng)


@pytest.mark.parametrize("seed", range(6))
def test_modes_agree_on_their_own_output(seed):
    rng = np.random.default_rng(seed)
    fn, args = random_program(seed), random_arguments(seed)
    wrt = [k for k, p in enumerate(fn.params) if differentiable(p.type)]
    values = evaluate(fn, *args)
    cts = [scaled(values[k], rng) for k in wrt]
    check_adjoint(joined(reverse(fn, wrt, wrt)), (*args, *cts), rng)
    dxs = [scaled(args[k], rng) for k in wrt]
    check_adjoint(forward(fn, wrt), (*args, *dxs), rng)
