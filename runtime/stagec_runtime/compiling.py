"""Kernels: functions of generated modules that Numba compiles; needs Numba."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from numba import errors, types
from numba.core.compiler_lock import global_compiler_lock

from stagec_runtime.calling import direct
from stagec_runtime.collecting import fewer_collections
from stagec_runtime.machine_code import MachineCode
from stagec_runtime.pipeline import Compiler
from stagec_runtime.store import Store

LOCK = threading.RLock()
# for these, machine code takes any number without a loss, or refuses it; where it wants an
# integer, it would cut a float that a caller of `compiled` passes
WIDEST = (types.float64, types.complex128)
MOST = 4  # versions for which the types are compared one after the other


def _hold() -> None:
    """Wait until no thread compiles: a forked child would never get its locks."""
    LOCK.acquire()
    global_compiler_lock.acquire()


def _free() -> None:
    global_compiler_lock.release()
    LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_free, after_in_child=_free)


@dataclass(slots=True)
class Kernel:
    """A compiled function of a module, which runs as Python where Numba cannot compile it.

    It is the module's variable `name` that is called: at first Numba's dispatcher, which
    compiles, or a function that looks at integers before; then machine code for the types of
    that call, which leaves arguments of other types to what was called before; or the Python
    function.

    Attributes
    ----------
    apart : whether no array that it writes to shares memory with another that it is given:
        LLVM needs to be told, or it compares all pairs, and gives up where they are many.
    refused : Numba's message, if it could not compile the function.
    direct : what was compiled for some types, and is called directly for these.
    """

    module: ModuleType
    name: str
    dispatcher: Any
    apart: bool = False
    refused: str = ""
    direct: list[Any] = field(default_factory=list[Any])

    def install(self, integers: tuple[int, ...], limit: int, store: Store, text: str) -> None:
        """Put the kernel into its module; larger integers at these positions run as Python.

        Machine code is kept in the store; `text` is the source of the module.
        """
        if not hasattr(self.dispatcher, "_compile_for_args"):
            return  # Numba is disabled: it is a Python function
        compile_for = self.dispatcher._compile_for_args

        def compiled_for(*args: Any) -> Any:
            if self.refused:
                return self.dispatcher.py_func
            try:
                with importable(self.module), fewer_collections():
                    found = compile_for(*args)
                    self.found(found)
            except (errors.NumbaError, NotImplementedError, ImportError) as error:
                # its last stage raises the second; BLAS and LAPACK are SciPy's, the third
                return self.refuse(str(error))
            return found

        apart = self.apart
        self.dispatcher._compiler.pipeline_class = Compiler
        self.dispatcher._compiler._customize_flags = lambda flags: settings(flags, apart)
        # the dispatcher asks these for machine code for types that are new to it
        self.dispatcher._compile_for_args = compiled_for
        if store.root is not None:
            self.dispatcher._cache = MachineCode(store, text, self.name, self.apart)
        self.call(self.dispatcher, integers, limit)

    def call(self, called: Callable[..., Any], integers: tuple[int, ...], limit: int) -> None:
        """Let the module call this, if integers are small."""
        if integers:
            called = small_only(called, self.dispatcher.py_func, integers, limit)
        setattr(self.module, self.name, called)

    def found(self, entry: Callable[..., Any]) -> None:
        """Let the module call the machine code, that Numba calls so, directly for arguments of
        the types that it is for.
        """
        overloads = self.dispatcher.overloads.values()
        made = next(m for m in overloads if m.entry_point is entry)
        if made in self.direct or len(self.direct) == MOST:
            return
        self.direct.append(made)
        widest = all(kind in WIDEST for kind in made.signature.args)
        otherwise = entry if widest and len(overloads) == 1 else getattr(self.module, self.name)
        setattr(self.module, self.name, direct(made, otherwise) or otherwise)

    def refuse(self, why: str) -> Callable[..., Any]:
        """Leave the function to Python from here on; returns it."""
        self.refused = why
        setattr(self.module, self.name, self.dispatcher.py_func)
        return self.dispatcher.py_func


def settings(flags: Any, apart: bool) -> Any:
    """Numba's settings, with those that are not for the reader of the generated code."""
    if apart:
        flags.noalias = True
    flags.no_cfunc_wrapper = True  # nothing calls a kernel from C
    return flags


@contextlib.contextmanager
def importable(module: ModuleType) -> Iterator[None]:
    """Let Numba find the module by name: code that belongs to none is not kept."""
    with LOCK:
        sys.modules[module.__name__] = module
        try:
            yield
        finally:
            del sys.modules[module.__name__]


def small_only(
    compiled: Any, python: Any, integers: tuple[int, ...], limit: int
) -> Callable[..., Any]:
    """A function that calls `compiled` if the integers at the positions are below the limit in
    size, and `python` otherwise.
    """
    params = [f"p{k}" for k in range(python.__code__.co_argcount)]
    tests = " and ".join(f"{-limit} < {params[k]} < {limit}" for k in integers)
    given = ", ".join(params)
    text = (
        f"def small_only({given}):\n"
        f"    if {tests}:\n"
        f"        return compiled({given})\n"
        f"    return python({given})\n"
    )
    namespace = {"compiled": compiled, "python": python}
    exec(compile(text, f"<{python.__name__} for small integers>", "exec"), namespace)
    chosen = namespace["small_only"]
    chosen.compiled = compiled
    return chosen
