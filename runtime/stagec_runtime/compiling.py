"""Kernels: functions of generated modules that Numba compiles; needs Numba."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba import errors


@dataclass(slots=True)
class Kernel:
    """A compiled function of a module, which runs as Python where Numba cannot compile it.

    It is the module's variable `name` that is called: Numba's dispatcher itself, or a function
    that looks at integers first, or in the end the Python function.

    Attributes
    ----------
    refused : Numba's message, if it could not compile the function.
    """

    module: dict[str, Any]
    name: str
    dispatcher: Any
    refused: str = ""

    def install(self, integers: tuple[int, ...], limit: int) -> None:
        """Put the kernel into its module; larger integers at these positions run as Python."""
        compile_for = self.dispatcher._compile_for_args

        def compiled_for(*args: Any) -> Any:
            try:
                return compile_for(*args)
            except errors.NumbaError as error:
                return self.refuse(str(error))

        # the dispatcher asks this for machine code for types that are new to it
        self.dispatcher._compile_for_args = compiled_for
        python = self.dispatcher.py_func
        self.module[self.name] = (
            small_only(self.dispatcher, python, integers, limit)
            if integers
            else self.dispatcher
        )

    def refuse(self, why: str) -> Callable[..., Any]:
        """Leave the function to Python from here on; returns it."""
        self.refused = why
        self.module[self.name] = self.dispatcher.py_func
        return self.dispatcher.py_func


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
    return namespace["small_only"]
