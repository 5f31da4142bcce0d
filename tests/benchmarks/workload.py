"""What a workload is: a program, its data, what is differentiated, and the same by peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np

import stagec

Program = Callable[..., Any]


@dataclass(frozen=True)
class Derivative:
    """What is measured beside the forward run.

    `extra` counts the arguments at the end of the data that only the derivative takes: the
    cotangent of a pullback.  `staged` makes it of a workload, for a target; `jax` for JAX,
    where it is not what JAX's own transforms make of the program.
    """

    name: str
    extra: int
    staged: Callable[[Workload, str], Program]
    jax: Callable[[], Program] | None


@dataclass(frozen=True)
class Handwritten:
    """Loops for Numba by hand: of the program's arguments, and of the derivative's; or None.

    The derivative returns the value and then one gradient for each differentiated argument.
    """

    forward: Program | None
    derivative: Program | None


@dataclass(frozen=True)
class Workload:
    """One measured program; an implementation that cannot do it is None."""

    name: str
    program: Program  # plain NumPy
    data: Callable[[int], tuple[Any, ...]]  # arguments by size
    sizes: tuple[int, ...]  # from small to large; the program's meaning of size is its own
    wrt: tuple[int, ...]  # the differentiated arguments
    derivative: Derivative
    numba: Handwritten
    jax: Callable[[], Program] | None  # makes the program when asked, so that imports are lazy
    torch: Callable[[], Program] | None
    autograd: Callable[[], Program] | None
    # how many times slower the named runs must be than stagec's of the same kind
    faster_than: dict[str, float]
    # the most that the named ratios may be; runs without an owner are stagec's
    within: dict[str, float]

    def forward_arguments(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Those of the data that the program takes."""
        return arguments[: len(arguments) - self.derivative.extra]


def _value_and_gradient(workload: Workload, backend: str) -> Program:
    return stagec.value_and_grad(workload.program, argnums=workload.wrt, backend=backend)


def _pullback(workload: Workload, backend: str) -> Program:
    program, wrt = workload.program, workload.wrt

    def pulled(*arguments: Any) -> Any:
        value, pull = stagec.vjp(program, *arguments[:-1])
        cotangents = pull(arguments[-1])
        return value, tuple([cotangents[k] for k in wrt])

    return stagec.jit(pulled, backend=backend)


# value and gradient of a program whose result is a number
GRADIENT = Derivative("gradient", 0, _value_and_gradient, None)
# value and vector-Jacobian product of a program whose result is an array
PULLBACK = Derivative("pullback", 1, _pullback, None)


def loops(function: Program) -> Program:
    """Hand-written loops, compiled by Numba at the first call, as fast as NaN allows."""
    return import_module("numba").njit(
        error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"}
    )(function)


def jax() -> Any:
    """JAX in double precision."""
    module = import_module("jax")
    module.config.update("jax_enable_x64", True)
    return module


def torch() -> Any:
    """PyTorch."""
    return import_module("torch")


def respelled(program: Program, spelling: Any) -> Program:
    """The program, and the functions of its module that it calls, with another NumPy."""
    space = dict(program.__globals__)
    for name, value in program.__globals__.items():
        if isinstance(value, FunctionType) and value.__module__ == program.__module__:
            space[name] = FunctionType(
                value.__code__, space, name, value.__defaults__, value.__closure__
            )
    space["np"] = spelling
    return space[program.__name__]


def with_jax(program: Program) -> Callable[[], Program]:
    """The program as JAX runs it: a program that writes into no array needs no other form."""

    def make() -> Program:
        jax()
        return respelled(program, import_module("jax.numpy"))

    return make


def with_autograd(program: Program) -> Callable[[], Program]:
    """The program as autograd runs it, which must write into no array."""
    return lambda: respelled(program, import_module("autograd.numpy"))


def normal(seed: int, *shape: int) -> np.ndarray:
    """Reproducible numbers."""
    return np.random.default_rng(seed).normal(size=shape)
