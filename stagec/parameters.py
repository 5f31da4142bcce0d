"""The parameters of the user's function, as those of the short way to a call of it.

Python then binds the arguments, by position or by name, and counts them, which costs nothing;
to take whatever comes as `*rest, **named` costs as much as half a call of compiled code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from stagec.frontend.stage import user_function

NOT_PASSED: Any = object()


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters that can be passed by position and by name; `required` have no default."""

    function: str
    names: tuple[str, ...]
    required: int

    @staticmethod
    def of(function: Any) -> Parameters | None:
        """Those of the user's function; None if it has others as well."""
        own = user_function(function)
        if not isinstance(own, FunctionType):
            return None
        code = own.__code__
        others = code.co_posonlyargcount + code.co_kwonlyargcount
        if others or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
            return None
        names = code.co_varnames[: code.co_argcount]
        return Parameters(own.__qualname__, names, len(names) - len(own.__defaults__ or ()))

    def take(self, count: int) -> bool:
        """Whether so many arguments can be passed."""
        return self.required <= count <= len(self.names)

    def passed(self, *values: Any) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as they were passed: by position until one was not."""
        first = next((k for k, v in enumerate(values) if v is NOT_PASSED), len(values))
        rest = zip(self.names[first:], values[first:], strict=True)
        return list(values[:first]), {n: v for n, v in rest if v is not NOT_PASSED}

    def given_to(self, made: Callable[..., Any]) -> None:
        """Name the function so, and its parameters, which have other names inside."""
        code = made.__code__
        local = code.co_varnames[len(self.names) :]
        name = self.function.rpartition(".")[2]
        made.__code__ = code.replace(co_varnames=(*self.names, *local), co_name=name)
        made.__name__, made.__qualname__ = name, self.function
