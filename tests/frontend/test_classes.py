"""Classes that staged code defines: `stagec.frontend.classes`."""

from __future__ import annotations

import abc
from collections import namedtuple
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pytest

import stagec

LENGTH = 2
X = np.array([1.5, -0.5, 2.0])


def filtered(x: Any, q: Any) -> Any:
    """An object with state, from `__init__` and methods."""

    class Filter:
        def __init__(self, q: float, r: float) -> None:
            self.x, self.p = 0.0, 1.0
            self.q, self.r = q, r

        def step(self, z: float) -> float:
            self.p += self.q
            k = self.p / (self.p + self.r)
            self.x += k * (z - self.x)
            self.p *= 1 - k
            return self.x

    kf = Filter(q, 2.0)
    total = 0.0
    for z in x:
        total += kf.step(z) ** 2
    return total


def particles(x: Any, q: Any) -> Any:
    """A dataclass with defaults, factories, a property and other kinds of methods."""

    @dataclass
    class Particle:
        x: np.ndarray
        v: np.ndarray
        m: float = 2.0
        g: float = q
        log: list[Any] = field(default_factory=list)
        tags: dict[str, float] = field(default_factory=lambda: {"a": 0.5})

        def energy(self) -> Any:
            return 0.5 * self.m * np.sum(self.v**2) + self.tags["a"] + self.g

        @property
        def norm(self) -> Any:
            return np.sqrt(np.sum(self.x**2) + 1)

        @staticmethod
        def force(x: Any) -> Any:
            return -x

        @classmethod
        def rest(cls, x: Any) -> Any:
            return cls(x, np.zeros_like(x))

    ps = [Particle(x, x * q), Particle.rest(q * x), Particle(x, x, m=1.5)]
    for _ in range(4):
        for p in ps:
            p.v = p.v + 0.1 * Particle.force(p.x)
            p.x = p.x + 0.1 * p.v
            p.log.append(p.energy())
    return sum(p.energy() * p.norm + p.log[-1] for p in ps)


def tuples(x: Any, q: Any) -> Any:
    """Both ways of making named tuples."""

    class State(NamedTuple):
        s: float
        i: float = 0.01

        def flow(self, b: float) -> float:
            return b * self.s * self.i

    Pair = namedtuple("Pair", "a b")
    state = State(0.99)
    for v in x:
        p = Pair(state.flow(q), v * state.i)
        state = State(state.s - p.a, state.i + p.a - p.b)
    return state.i + state._replace(i=0.0).s


def inherited(x: Any, q: Any) -> Any:
    """Bases, super(), staged and counted attributes of classes."""

    class Base(abc.ABC):
        scale = 3.0
        count = 0

        def __init__(self, x: Any) -> None:
            self.x = x * q
            Base.count += 1

        @abc.abstractmethod
        def f(self) -> Any: ...

        def value(self) -> Any:
            return self.scale * np.sum(self.f())

    class Square(Base):
        def f(self) -> Any:
            return self.x**2

    class Cube(Square):
        scale = q

        def __init__(self, x: Any, off: float = 0.0) -> None:
            super().__init__(x)
            self.__off = off

        def f(self) -> Any:
            return super().f() * self.x + self.__off

    out = 0.0
    for o in (Square(x), Cube(x, 0.5)):
        assert isinstance(o, Base)
        out += o.value()
    return out + Base.count


def overloaded(x: Any, q: Any) -> Any:
    """Operators."""

    class Var:
        def __init__(self, v: Any) -> None:
            self.v = v

        def __add__(self, o: Any) -> Any:
            return Var(self.v + (o.v if isinstance(o, Var) else o))

        __radd__ = __add__

        def __mul__(self, o: Any) -> Any:
            return Var(self.v * (o.v if isinstance(o, Var) else o))

        def __neg__(self) -> Any:
            return Var(-self.v)

        def __call__(self, y: Any) -> Any:
            return self.v @ y

        def __len__(self) -> int:
            return len(self.v)

        def __getitem__(self, i: int) -> Any:
            return self.v[i]

    a: Any = Var(x)
    for _ in range(3):
        a = 1 + a * a * q + (-a)
    return a(x) + len(a) + a[1]


def raised(x: Any, q: Any) -> Any:
    """Exceptions with attributes, and members of an enumeration."""

    class Low(ValueError):
        def __init__(self, k: int, why: str) -> None:
            super().__init__(f"{why} at {k}")
            self.k = k

    class Mode(Enum):
        A = 1
        B = 2

    mode = Mode.A
    total = 0.0
    try:
        for k in range(len(x)):
            total += x[k] * q
            if x[k] < 0:
                raise Low(k, "low")
    except Low as error:
        mode = Mode.B
        total += error.k
    return total * mode.value


def scoped(x: Any, q: Any) -> Any:
    """Methods see the function's variables as they are, and not those of the class."""
    y = x * q
    length = 5

    class Model:
        length = 7.0
        w = np.array([1.0, 2.0])
        table = {"a": 1.0}
        dims = (1, LENGTH)
        first = y
        LENGTH = LENGTH + 1

        def f(self, k: float) -> Any:
            held = self.table["a"] + self.dims[1] + np.sum(self.first) + self.LENGTH
            return np.sum(y) * k + np.sum(self.w) + held + length

        g = lambda self, k: self.f(k) * self.length

    m = Model()
    y = x * 3
    Model.table["a"] = 5.0
    return m.f(2) + m.g(1.0) + Model.dims[0] + np.sum(Model.first)


def changed(x: Any, q: Any) -> Any:
    """Copies of dataclasses, frozen ones too."""

    @dataclass(frozen=True)
    class Point:
        a: float
        b: float = 1.0

    p = Point(q)
    other = replace(p, b=q * x[0])
    return asdict(other)["a"] * other.b + p.b * x[1]


def parametrised(x: Any, q: Any) -> Any:
    """Classes that a function makes, one for each call; objects of one that branches choose."""

    def made(c: Any) -> Any:
        class Scaled:
            def __init__(self, v: Any) -> None:
                self.v = v

            def f(self) -> Any:
                return self.v * c

        return Scaled

    one, other = made(2.0), made(q)
    a, b = one(x), other(x + 1)
    best = a
    for k in range(len(x)):
        a.v = a.v + 0.1 * b.f()
        best = one(a.v) if x[k] > 0 else one(b.v)
    return np.sum(a.f() + b.f() + best.f())


PROGRAMS = (
    *(filtered, particles, tuples, inherited, overloaded, raised, scoped),
    *(parametrised, changed),
)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_result(program: Any, backend: str) -> None:
    """The result is Python's."""
    compiled = stagec.jit(program, backend=backend)
    assert compiled(X, 0.3) == pytest.approx(program(X, 0.3), rel=1e-12)
    assert compiled(X[:2], -0.5) == pytest.approx(program(X[:2], -0.5), rel=1e-12)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradient(program: Any) -> None:
    """Derivatives go through objects."""
    x_bar, q_bar = stagec.grad(program, argnums=(0, 1))(X, 0.3)
    h = 1e-6
    assert q_bar == pytest.approx(
        (program(X, 0.3 + h) - program(X, 0.3 - h)) / (2 * h), rel=1e-5, abs=1e-7
    )
    for k, unit in enumerate(np.eye(3) * h):
        slope = (program(X + unit, 0.3) - program(X - unit, 0.3)) / (2 * h)
        assert x_bar[k] == pytest.approx(slope, rel=1e-5, abs=1e-7)


class Registered:
    """A class that does something when one is derived from it."""

    known: list[type] = []

    def __init_subclass__(cls) -> None:
        Registered.known.append(cls)


def returned(x: Any) -> Any:
    """An object whose class is the function's own."""

    class Result:
        def __init__(self, x: Any) -> None:
            self.x = x

    return Result(x)


def named(x: Any) -> Any:
    """A named tuple with a method, whose class is the function's own."""

    class Pair(NamedTuple):
        a: float

        def twice(self) -> float:
            return self.a * 2

    return Pair(x)


def branching(x: Any) -> Any:
    """A class with a staged branch in its body."""

    class Sign:
        value = 2
        if x > 0:
            value = 1

    return Sign.value * x


def registered(x: Any) -> Any:
    """A class whose base is told of it."""

    class Own(Registered):
        pass

    return Own is not None, x


def described(x: Any) -> Any:
    """A descriptor made in the class."""

    class Twice:
        def __get__(self, obj: Any, cls: type) -> Any:
            return 2 * x

    class Own:
        y = Twice()

    return Own().y


@pytest.mark.parametrize("program", [returned, named, registered, described])
def test_refused(program: Any) -> None:
    """What staging would do once, or Python itself, is refused."""
    with pytest.raises(stagec.StagecError, match="SC103"):
        stagec.jit(program)(1.5)
    assert not Registered.known


def test_branch() -> None:
    """Branches in the body that join are as those in a function."""
    assert stagec.jit(branching)(-1.5) == branching(-1.5)


def written_method(x: Any) -> Any:
    """Methods that staged code gives to a class, seen through objects, bases and `super`."""

    class Base:
        def f(self) -> Any:
            return 1.0

    class Own(Base):
        def f(self) -> Any:
            return 3 * super().f()

    before = Own().f()
    old = Base.f
    Base.f = lambda self: old(self) + x  # type: ignore[method-assign]
    Base.g = lambda self: 2 * x  # type: ignore[attr-defined]
    own = Own()
    return before, own.f(), own.g(), Base().f(), Own.f(own), hasattr(Base(), "g")  # type: ignore


def decorated(x: Any) -> Any:
    """A decorator that writes to the class."""

    def marked(cls: Any) -> Any:
        cls.tag = x
        cls.run = lambda self: self.tag * 2
        return cls

    @marked
    class Own:
        pass

    return Own().tag, Own().run()


def abstract(x: Any) -> Any:
    """A class that cannot have objects."""

    class Base(abc.ABC):
        @abc.abstractmethod
        def f(self) -> Any: ...

    try:
        Base()  # type: ignore[abstract]
    except TypeError:
        return x
    return -x


def truths(x: Any) -> Any:
    """What `__bool__` gives is a bool."""

    class Own:
        def __init__(self, v: Any) -> None:
            self.v = v

        def __bool__(self) -> Any:
            return self.v

    made: list[Any] = []
    for v in (x > 0, x, np.sum(np.array([x])) > 0, 1):
        try:
            made.append(1 if Own(v) else 0)
        except TypeError as error:
            made.append(str(error).startswith("__bool__ should return bool"))
    return made


def shown(x: Any) -> Any:
    """A text asks no class how to format."""

    class Own:
        def __rmod__(self, other: Any) -> Any:
            return 2 * x

        def __str__(self) -> str:
            return "own"

    form = "%s"
    return form % Own(), 5 % Own()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("program", [written_method, decorated, abstract, truths, shown])
def test_what_the_class_has_by_now(program: Any, backend: Any) -> None:
    assert stagec.jit(program, backend=backend)(1.5) == program(1.5)


def special(x: Any) -> Any:
    """A special method that is written to the class."""

    class Own:
        def __add__(self, other: Any) -> Any:
            return 1.0

    Own.__add__ = lambda self, other: x  # type: ignore[method-assign]
    return Own() + 1


def overridden(x: Any) -> Any:
    """A property that a value takes the place of."""

    class Own:
        @property
        def v(self) -> Any:
            return 1.0

    Own.v = x  # type: ignore[misc]
    return Own().v


@pytest.mark.parametrize("program", [special, overridden])
def test_refused_writes(program: Any) -> None:
    """Special methods and descriptors are read from classes as they are."""
    with pytest.raises(stagec.StagecError, match="SC352"):
        stagec.jit(program)(1.5)


class Plain:
    """An object of the caller's."""

    v: Any = 0.0


class Truthful(Plain):
    def __bool__(self) -> bool:
        return bool(self.v > 1)


class Sized(Plain):
    def __len__(self) -> int:
        return int(self.v)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("cls", [Plain, Truthful, Sized])
def test_truth_of_objects_outside(cls: Any, backend: Any) -> None:
    """Objects that staged code wrote to have the truth of what they are by now."""

    def truth(obj: Any, v: Any) -> Any:
        obj.v = v
        made = 1 if obj else 2
        obj.v = 3
        return made, bool(obj), not obj

    staged = stagec.jit(truth, backend=backend)
    for v in (0, 1, 3):
        assert staged(cls(), v) == truth(cls(), v)
