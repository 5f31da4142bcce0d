"""Machine code that looks at its arguments itself, and leaves others to Numba."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from stagec_runtime import calling  # noqa: E402
from stagec_runtime.compiling import MOST, Kernel  # noqa: E402
from stagec_runtime.loader import NOTHING  # noqa: E402
from stagec_runtime.machine_code import MachineCode  # noqa: E402
from stagec_runtime.store import Store  # noqa: E402


def installed(function: Callable[..., Any], *integers: int, **options: Any) -> Any:
    """A kernel, and what gives the function that its module calls now."""
    module = ModuleType("generated")
    kernel = Kernel(module, "kernel", numba.njit(**options)(function))
    kernel.install(integers, calling.LIMIT, NOTHING, "")
    return kernel, lambda: vars(module)["kernel"]


def first(x: Any) -> Any:
    return x.flat[0] if isinstance(x, np.ndarray) else x


def flagged(**flags: bool) -> Any:
    made = np.arange(6.0).reshape(2, 3)
    made.setflags(**flags)
    return made


class Own(np.ndarray):
    pass


BYTES = np.zeros(49, np.int8)
SQUARE = np.arange(9.0).reshape(3, 3)
VALUES = {
    "float": 1.5,
    "NaN": float("nan"),
    "np.float64": np.float64(2.5),
    "np.float32": np.float32(2.5),
    "int": 3,
    "negative": -5,
    "np.int64": np.int64(3),
    "bool": True,
    "np.bool": np.True_,
    "complex": 1 + 2j,
    "C": np.arange(6.0).reshape(2, 3),
    "Fortran": np.asfortranarray(SQUARE[:2]),
    "any": SQUARE[:, ::2],
    "read-only": flagged(write=False),
    "unaligned": BYTES[1:].view(np.float64).reshape(2, 3),
    "vector": np.arange(3.0),
    "step": np.arange(6.0)[::2],
    "integers": np.arange(3),
    "single": np.arange(3, dtype=np.float32),
    "swapped": np.arange(3.0).astype(">f8"),
    "truths": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "subclass": np.arange(3.0).view(Own),
}


COMPILED = [n for n in VALUES if n not in ("np.float32", "swapped", "subclass")]


@pytest.mark.parametrize("name", COMPILED)
def test_the_types_are_those_that_numba_finds(name: str) -> None:
    """Machine code takes arguments of its own type, and no others."""
    value = VALUES[name]
    kernel, called = installed(lambda x: 1)
    called()(value)
    assert isinstance(called(), BuiltinFunctionType)
    (made,) = kernel.dispatcher.overloads.values()
    missed: list[Any] = []
    taken = calling.direct(made, missed.append)
    for other in (*VALUES.values(), None, [1.0], "text"):
        missed.clear()
        taken(other)
        if not missed:
            assert numba.typeof(other) == made.signature.args[0]
    missed.clear()
    taken(value if isinstance(value, np.ndarray) else first(np.array(value)).item())
    # to Numba it is as any other
    assert bool(missed) == (name == "unaligned")


def test_numbers_without_a_class_of_their_own_are_left_to_numba() -> None:
    kernel, called = installed(lambda x: x + x)
    assert called()(np.float32(1.5)) == 3.0
    assert called() is kernel.dispatcher


def test_some_versions_are_tried_one_after_the_other() -> None:
    kernel, called = installed(lambda x: x[0])
    for k in range(1, MOST + 3):
        for _ in range(2):
            assert np.all(called()(np.full((2,) * k, float(k))) == k)
        assert len(kernel.direct) == min(k, MOST)
    assert len(kernel.dispatcher.signatures) == MOST + 2


def test_integers_are_small() -> None:
    kernel, called = installed(lambda x: x + 1, 0)
    assert called()(1) == 2
    (made,) = kernel.dispatcher.overloads.values()
    taken = calling.direct(made, lambda x: "other")
    limit = calling.LIMIT
    for inside in (0, -1, limit - 1, 1 - limit):
        assert taken(inside) == inside + 1
    for outside in (limit, -limit, 2**63, -(2**63), 2**64, 2**200, True, np.int64(1), 1.0):
        assert taken(outside) == "other"


def test_another_number_of_arguments_is_left_to_numba() -> None:
    _, called = installed(lambda x, y: x * y)
    assert called()(2.0, 3.0) == 6.0
    for wrong in ((), (1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(TypeError):
            called()(*wrong)
    _, called = installed(lambda: 4.0)
    assert called()() == called()() == 4.0


def test_errors_are_raised() -> None:
    def positive(x: float) -> float:
        if x < 0:
            raise ValueError("negative")
        return x

    _, called = installed(positive)
    assert called()(1.0) == 1.0
    for _ in range(3):
        with pytest.raises(ValueError, match="negative"):
            called()(-1.0)


def test_errors_of_a_call_are_raised_with_their_arguments() -> None:
    def least(x: Any, n: int) -> Any:
        if n:
            raise ValueError("not", n)
        return np.argmin(x)

    _, called = installed(least, 1)
    assert called()(np.array([2.0, 1.0]), 0) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="empty sequence"):
            called()(np.zeros(0), 0)
        with pytest.raises(ValueError, match="not") as error:
            called()(np.zeros(2), 3)
        assert error.value.args == ("not", 3)


def test_nothing_leaks() -> None:
    def made(x: Any, k: int) -> Any:
        if k > 1:
            raise ValueError("large")
        return x * k

    _, called = installed(made, 1)
    x, k = np.ones(3), 1
    called()(x, k)
    before = sys.getrefcount(x)
    for _ in range(100):
        called()(x, k)
        with pytest.raises(ValueError, match="large"):
            called()(x, 2)
        called()(x, 2.0 * 0)
    gc.collect()
    assert sys.getrefcount(x) == before


def test_what_is_returned_belongs_to_the_caller() -> None:
    def several(x: Any, y: Any) -> Any:
        return x, x[1:], y.T, 2 * x, x[0], True, x.copy()

    _, called = installed(several)
    x, y = np.arange(5.0), np.arange(6.0).reshape(2, 3)
    called()(x, y)
    whole, part, turned, twice, number, true, copied = called()(x, y)
    assert whole is x
    assert np.shares_memory(part, x)
    assert np.shares_memory(turned, y)
    assert (number, true) == (0.0, True)
    before = sys.getrefcount(x)
    del whole
    fresh = np.zeros(1)
    held = {sys.getrefcount(made) for made in (fresh, part, turned, twice, copied)}
    assert len(held) == 1
    del part
    gc.collect()
    assert sys.getrefcount(x) == before - 2
    weak = weakref.ref(y)
    del y
    assert np.array_equal(turned, np.arange(6.0).reshape(2, 3).T)  # it keeps the memory
    del turned
    gc.collect()
    assert weak() is None
    x[0] = 7.0
    assert np.array_equal(twice, 2 * np.arange(5.0))
    assert np.array_equal(copied, np.arange(5.0))


def test_what_is_called_keeps_its_code_alive() -> None:
    kernel, called = installed(lambda x: 2 * x)
    called()(1.5)
    (made,) = kernel.dispatcher.overloads.values()
    taken = calling.direct(made, None)
    del kernel, called, made
    gc.collect()
    assert taken(1.5) == 3.0


def test_machine_code_of_the_store_is_called_so(tmp_path: Any) -> None:
    def double(x: float) -> float:
        return 2 * x

    for found in (0, 1):
        module = ModuleType("generated")
        kernel = Kernel(module, "kernel", numba.njit(double))
        kernel.install((), calling.LIMIT, Store(tmp_path, "key"), "text")
        assert vars(module)["kernel"](1.5) == 3.0
        assert isinstance(vars(module)["kernel"], BuiltinFunctionType)
        cache = kernel.dispatcher._cache
        assert isinstance(cache, MachineCode)
        assert cache.found == found


def spin(n: int) -> float:
    total = 1.0
    for k in range(n):
        total = total * 1.0000001 + k
    return total


def test_other_threads_run_beside_a_kernel() -> None:
    _, called = installed(spin, 0, nogil=True)
    called()(1)
    seen: list[float] = []
    begun, done = threading.Event(), threading.Event()

    def watch() -> None:
        begun.set()
        while not done.is_set():
            seen.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=watch)
    thread.start()
    begun.wait()
    start = time.perf_counter()
    called()(200_000_000)
    end = time.perf_counter()
    done.set()
    thread.join()
    assert sum(start < moment < end for moment in seen) > 3
