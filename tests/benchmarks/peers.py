"""How each implementation runs a workload, in the best form that it has.

An implementation makes `Runs` of a workload and its arguments: two functions without
parameters, which end when their results are there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

import stagec
from tests.benchmarks.workload import PULLBACK, Program, Workload, jax, torch
from tests.benchmarks.workloads import WORKLOADS

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Runs:
    """What is measured; None where there is no such form."""

    forward: Callable[[], Any] | None
    derivative: Callable[[], Any] | None


@dataclass(frozen=True)
class Implementation:
    """One way to run workloads.

    `start` does what a process does once, so that it is in no workload's first call: imports,
    threads, the first compilation.
    """

    name: str
    has: Callable[[Workload], bool]
    start: Callable[[], object]
    runs: Callable[[Workload, Arguments], Runs]


def flattened(value: Any) -> list[np.ndarray]:
    """The arrays of nested results."""
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in flattened(item)]
    if hasattr(value, "detach"):
        value = value.detach()
    return [np.asarray(value)]


# -- stagec and NumPy ------------------------------------------------------------------------


@functools.cache
def _staged(name: str, backend: str) -> tuple[Any, Any]:
    """The staged program and its staged derivative, of all sizes."""
    workload = WORKLOADS[name]
    forward = stagec.jit(workload.program, backend=backend)
    return forward, workload.derivative.staged(workload, backend)


def _stagec(workload: Workload, arguments: Arguments) -> Runs:
    taken = workload.forward_arguments(arguments)
    forward, derivative = _staged(workload.name, "numba")
    return Runs(lambda: forward(*taken), lambda: derivative(*arguments))


def _bare(workload: Workload, arguments: Arguments) -> Runs:
    """The compiled function itself, as `compiled` gives it."""
    taken = workload.forward_arguments(arguments)
    staged = _staged(workload.name, "numba")
    forward, derivative = staged[0].compiled(*taken), staged[1].compiled(*arguments)
    return Runs(lambda: forward(*taken), lambda: derivative(*arguments))


def _generated_numpy(workload: Workload, arguments: Arguments) -> Runs:
    """The program as it was written, and the derivative as generated NumPy."""
    taken = workload.forward_arguments(arguments)
    _, derivative = _staged(workload.name, "numpy")
    return Runs(lambda: workload.program(*taken), lambda: derivative(*arguments))


def _start_numba() -> None:
    import_module("numba").njit(lambda x: x + 1.0)(1.0)


def _numba(workload: Workload, arguments: Arguments) -> Runs:
    forward, derivative = workload.numba.forward, workload.numba.derivative
    taken = workload.forward_arguments(arguments)
    return Runs(
        None if forward is None else lambda: forward(*taken),
        None if derivative is None else lambda: derivative(*arguments),
    )


def _copy(workload: Workload, arguments: Arguments) -> Runs:
    """Copies of as many bytes as the program must read, and the derivative read and write."""
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    targets = [np.empty_like(a) for a in arrays]

    def copied(count: int) -> None:
        for source, target in zip(arrays[:count], targets, strict=False):
            np.copyto(target, source)

    return Runs(lambda: copied(len(arrays) // 2), lambda: copied(len(arrays)))


# -- JAX -------------------------------------------------------------------------------------


def _is_traced(workload: Workload, position: int, argument: Any) -> bool:
    """Whether JAX gets the argument at each call; the rest are constants for it."""
    floating = isinstance(argument, np.ndarray) and argument.dtype.kind == "f"
    return floating or position in workload.wrt


def _filled(program: Program, taken: Arguments, traced: list[int]) -> Program:
    """The program of its traced arguments alone."""

    def of_traced(*given: Any) -> Any:
        values = list(taken)
        for position, value in zip(traced, given, strict=True):
            values[position] = value
        return program(*values)

    return of_traced


def _jax(workload: Workload, arguments: Arguments) -> Runs:
    assert workload.jax is not None
    j, program = jax(), workload.jax()
    taken = workload.forward_arguments(arguments)
    traced = [k for k, a in enumerate(taken) if _is_traced(workload, k, a)]
    given = [j.numpy.asarray(taken[k]) for k in traced]
    wrt = tuple(traced.index(k) for k in workload.wrt)
    of_traced = _filled(program, taken, traced)
    forward = j.jit(of_traced)
    given_all = given
    if workload.derivative.jax is not None:
        derivative = j.jit(_filled(workload.derivative.jax(), taken, traced))
    elif workload.derivative is PULLBACK:
        given_all = [*given, j.numpy.asarray(arguments[-1])]

        def pulled(*all_given: Any) -> Any:
            value, pull = j.vjp(of_traced, *all_given[:-1])
            cotangents = pull(all_given[-1])
            return value, [cotangents[k] for k in wrt]

        derivative = j.jit(pulled)
    else:
        derivative = j.jit(j.value_and_grad(of_traced, argnums=wrt))
    wait = j.block_until_ready
    return Runs(lambda: wait(forward(*given)), lambda: wait(derivative(*given_all)))


def _start_jax() -> None:
    jax().jit(lambda x: x + 1.0)(1.0)


# -- PyTorch and autograd --------------------------------------------------------------------


def _torch(workload: Workload, arguments: Arguments) -> Runs:
    assert workload.torch is not None
    t, program = torch(), workload.torch()
    tensors = [
        t.tensor(a) if isinstance(a, np.ndarray) or k in workload.wrt else a
        for k, a in enumerate(arguments)
    ]
    for k in workload.wrt:
        tensors[k] = t.tensor(arguments[k], dtype=_double(t, arguments[k]))
        tensors[k].requires_grad_(True)
    taken = workload.forward_arguments(tuple(tensors))
    weight = tensors[-1] if workload.derivative is PULLBACK else None

    def forward() -> Any:
        with t.no_grad():
            return program(*taken)

    def derivative() -> Any:
        value = program(*taken)
        return value, t.autograd.grad(value, [tensors[k] for k in workload.wrt], weight)

    return Runs(forward, derivative)


def _double(t: Any, argument: Any) -> Any:
    """The dtype of a tensor: that of the array; numbers are double."""
    return t.float32 if getattr(argument, "dtype", None) == np.float32 else t.float64


def _start_torch() -> None:
    x = torch().ones(2, requires_grad=True)
    (x * x).sum().backward()


def _autograd(workload: Workload, arguments: Arguments) -> Runs:
    assert workload.autograd is not None
    program = workload.autograd()
    taken = workload.forward_arguments(arguments)
    make_vjp = import_module("autograd").make_vjp(program, workload.wrt)

    def derivative() -> Any:
        pull, value = make_vjp(*taken)
        weight = arguments[-1] if workload.derivative is PULLBACK else np.ones_like(value)
        return value, pull(weight)

    return Runs(lambda: program(*taken), derivative)


def _start_autograd() -> None:
    import_module("autograd.numpy")


def _always(workload: Workload) -> bool:
    return True


def _nothing() -> None:
    """No start."""


OURS = (
    Implementation("stagec", _always, _start_numba, _stagec),
    Implementation("bare", _always, _nothing, _bare),
    Implementation("numpy", _always, _nothing, _generated_numpy),
    Implementation("numba", lambda w: w.numba.forward is not None, _start_numba, _numba),
    Implementation(
        "copy", lambda w: any(k.startswith("copy ") for k in w.faster_than), _nothing, _copy
    ),
)
PEERS = (
    Implementation("jax", lambda w: w.jax is not None, _start_jax, _jax),
    Implementation("torch", lambda w: w.torch is not None, _start_torch, _torch),
    Implementation("autograd", lambda w: w.autograd is not None, _start_autograd, _autograd),
)
IMPLEMENTATIONS = {i.name: i for i in (*OURS, *PEERS)}
