"""Reading one line of the text form: tokens, types, constants, attributes and paths."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Arg, Index, Item, NewAxis, Reshape, Slice, Step, Transpose
from stagec.ir.types import (
    BOOL,
    COMPLEX,
    FLOAT,
    GENERATOR,
    INT,
    LONG,
    TEXT,
    ArrayType,
    Dim,
    ListType,
    Size,
    Symbol,
    Type,
    affine,
    size,
)

T = TypeVar("T")

TOKEN = re.compile(
    r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"    # strings
    |[^\W\d][\w.]*:[^\W\d][\w.]*                   # module:name
    |-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?              # numbers
    |%\d+|[^\W\d]\w*(?:\.\d+)?                     # names
    |\S)""",
    re.VERBOSE,
)
PYTHON = {"bool": BOOL, "int": INT, "float": FLOAT, "complex": COMPLEX}
WORDS = {"True": True, "False": False, "None": None, "nan": np.nan, "inf": np.inf}
NUMBER = re.compile(r"-?\d")
ADDRESS = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*$")


class Line:
    """The tokens of one line, read from the left."""

    def __init__(self, text: str, number: int, ops: Mapping[str, Op]) -> None:
        self.text = text
        self.number = number
        self.ops = ops
        self.tokens = TOKEN.findall(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        """The token that many places ahead; empty at the end of the line."""
        k = self.at + ahead
        return self.tokens[k] if k < len(self.tokens) else ""

    def next(self) -> str:
        """The next token, which is consumed."""
        token = self.peek()
        self.at += 1
        return token

    def take(self, *tokens: str) -> bool:
        """Whether the next tokens are these, which are then consumed."""
        if any(self.peek(k) != token for k, token in enumerate(tokens)):
            return False
        self.at += len(tokens)
        return True

    def expect(self, token: str) -> None:
        """Consume the token, which must be next."""
        if not self.take(token):
            self.fail(f"expected {token!r}")

    def fail(self, what: str) -> NoReturn:
        """Raise the error that names this line."""
        place = self.peek() or "the end of the line"
        raise SyntaxError(f"line {self.number}: {what} at {place}: {self.text.strip()}")

    def separated(self, item: Callable[[], T], end: str) -> tuple[T, ...]:
        """Items between commas, and the end token."""
        items: list[T] = []
        while not self.take(end):
            items.append(item())
            if self.peek() != end:
                self.expect(",")
        return tuple(items)

    # types

    def type(self) -> Type:
        """A type."""
        name = self.next()
        if name == "text":
            return TEXT
        if name == "generator":
            return GENERATOR
        if name == "list":
            self.expect("<")
            element = self.type()
            self.expect(">")
            return ListType(element)
        if name in LONG and self.take("["):
            return ArrayType(LONG[name], self.separated(self._dim, "]"))
        if name in PYTHON:
            return self._python(PYTHON[name])
        if name == "bool_" or name in LONG:
            return ArrayType(LONG[name.rstrip("_")], (), "np")
        self.at -= 1
        return self.fail("expected a type")

    def _python(self, type: ArrayType) -> ArrayType:
        if not self.take("{"):
            return type
        known = self._dim()
        self.expect("}")
        if not isinstance(known, Size):
            self.fail("expected a symbolic size before this")
        return ArrayType(type.dtype, (), "py", known)

    def _dim(self) -> Dim:
        if self.take("?"):
            return None
        parts: list[tuple[Dim, int]] = []
        sign = -1 if self.take("-") else 1
        while True:
            parts.append(self._term(sign))
            if self.take("+"):
                sign = 1
            elif self.take("-"):
                sign = -1
            else:
                return affine(*parts)

    def _term(self, sign: int) -> tuple[Dim, int]:
        if NUMBER.match(self.peek()):
            number = int(self.next())
            return (self._symbol(), sign * number) if self.take("*") else (number, sign)
        return self._symbol(), sign

    def _symbol(self) -> Dim:
        return size(Symbol(self.next(), self.take("?")))

    # constants

    def scalar(self) -> Any:
        """A Python number or string, or a NumPy scalar; `Line` if there is none."""
        token = self.peek()
        if token in WORDS:
            return WORDS[self.next()]
        if NUMBER.match(token):
            return ast.literal_eval(self.next())
        if token[:1] in ("'", '"') and len(token) > 1:
            return ast.literal_eval(self.next())
        if self.take("-"):
            return -self.scalar()
        if self.peek(1) == "(" and (token in LONG or token in ("complex", "bool_")):
            self.at += 2
            return self._made(token, self.separated(self.scalar, ")"))
        return Line

    def _made(self, name: str, parts: tuple[Any, ...]) -> Any:
        if name == "complex":
            return complex(*parts)
        dtype = LONG[name.rstrip("_")]
        if dtype.kind == "c":
            return np.array(complex(*parts), dtype)[()]
        return dtype.type(*parts)

    # attributes

    def attribute(self) -> Any:
        """The value of an attribute."""
        token = self.peek()
        if token in ("[", "."):
            return self._path()
        if self.take("("):
            return self.separated(self.attribute, ")")
        if self.take("<"):
            type = self.type()
            self.expect(">")
            return type
        if token == "$":
            return self._bound()
        if ADDRESS.match(token):
            return self._object(self.next())
        value = self.scalar()
        if value is not Line:
            return value
        if token in LONG:
            return LONG[self.next()]
        return self.fail("expected the value of an attribute")

    def _object(self, address: str) -> Any:
        module, _, name = address.partition(":")
        if module == "op":
            return self.ops[name] if name in self.ops else self.fail(f"no op {name} before")
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            self.fail(f"no object {address} before")
        return found(*self.separated(self.attribute, ")")) if self.take("(") else found

    def _path(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            if self.take("["):
                steps.append(Index(self.separated(self._item, "]")))
            elif self.take(".", "T"):
                steps.append(Transpose((1, 0)))
            elif self.take(".", "transpose", "("):
                axes = self.separated(lambda: int(self.next()), ")")
                steps.append(Transpose(axes))
            elif self.take(".", "reshape", "("):
                steps.append(Reshape(self.separated(self._number, ")")))
            else:
                return tuple(steps)

    def _number(self) -> int | Arg:
        bound = self._bound()
        return self.fail("expected a number") if bound is None else bound

    def _item(self) -> Item:
        if self.take("newaxis"):
            return NewAxis()
        start = self._bound()
        if not self.take(":"):
            return self.fail("expected an index") if start is None else start
        stop = self._bound()
        return Slice(start, stop, self._bound() if self.take(":") else None)

    def _bound(self) -> int | Arg | None:
        if self.take("$"):
            return Arg(int(self.next()))
        return int(self.next()) if NUMBER.match(self.peek()) else None
