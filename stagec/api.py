"""The public functions: jit, the transforms, and what marks values inside staged code."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

import numpy as np

from stagec import driver
from stagec.errors import StagecError
from stagec.explain import Report, report
from stagec.frontend import batching, pullbacks, transforming
from stagec.frontend.arguments import Residual
from stagec.frontend.library import same
from stagec.frontend.stage import user_function
from stagec.frontend.values import Known, TupleValue
from stagec.ir.function import Function
from stagec.ir.types import ArrayType, ListType
from stagec.pipeline import TARGETS, optimise
from stagec.specs import example, spec as spec

P = ParamSpec("P")
R = TypeVar("R")
BACKENDS = tuple(TARGETS)


class Staged(Generic[P, R]):
    """A function that is compiled for the arguments it is called with.

    Attributes
    ----------
    eager : the function as it was written.
    """

    # a call reads `__call__` from the slot: it is the way that is known to be the shortest
    __slots__ = ("__call__", "__dict__", "__weakref__", "_compiler", "eager", "options")

    def __init__(
        self,
        fun: Callable[..., Any],
        static_argnames: Iterable[str] = (),
        static_argnums: Iterable[int] = (),
        backend: str = "numpy",
        distinct: bool = False,
    ) -> None:
        if not callable(fun):
            raise StagecError("SC601", "jit needs a function", None, "decorate a function")
        if backend not in BACKENDS:
            raise StagecError(
                "SC602",
                f"there is no backend {backend!r}",
                None,
                f"use one of {', '.join(BACKENDS)}",
            )
        needs = TARGETS[backend].needs
        if importlib.util.find_spec(needs) is None:
            raise StagecError(
                "SC604", f"the backend {backend!r} needs {needs}", None,
                f'pip install "stagec[{needs}]"',
            )  # fmt: skip
        names = (
            (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        )
        nums = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
        own = user_function(fun)
        code = getattr(own, "__code__", None)
        if code is not None:
            first = int(inspect.ismethod(own))
            own_names = (code.co_varnames[k + first] for k in nums)
            names = (*names, *own_names, *annotated_static(own))
        self.eager = fun
        self.options = {"static_argnames": names, "backend": backend}
        self._compiler = driver.Compiler(fun, frozenset(names), distinct, backend)
        self._compiler.public = weakref.ref(self)
        self.__call__ = self._compiler.call
        functools.update_wrapper(self, fun, updated=())

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
            """The result of the function, computed by generated code."""
            ...

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> str:
        """The name, as of any function: a copy is the function itself."""
        return str(getattr(self, "__qualname__", self))

    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        """In staged code a staged function is the function it was made from."""
        return m.call(Known(self.eager), args, kwargs, state, loc)

    def source(self, *args: Any, **kwargs: Any) -> str:
        """The generated Python for these arguments (values, or specs such as "f64[n, m]")."""
        return self._specialised(args, kwargs).module.text

    def ir(self, *args: Any, stage: str = "optimised", **kwargs: Any) -> Function:
        """The graph for these arguments: `stage` is "staged", "optimised" or a pass's name."""
        made = self._specialised(args, kwargs)
        if stage == "staged":
            return made.program.function
        seen: dict[str, Function] = {}
        result = optimise(made.program.function, seen.__setitem__)
        if stage == "optimised":
            return result
        if stage == "bufferised":
            return made.optimised
        if stage not in seen:
            raise StagecError(
                "SC603",
                f"there is no stage {stage!r}",
                None,
                f"use one of {', '.join(['staged', *seen, 'optimised', 'bufferised'])}",
            )
        return seen[stage]

    def compiled(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """The generated function itself for these arguments: no dispatch, no guards.

        Its parameters are the run-time leaves of the arguments, then the captured values that
        are read at each call; see docs/calling.md.
        """
        return self._specialised(args, kwargs).loaded.entry

    def explain(self, *args: Any, **kwargs: Any) -> Report:
        """Copies, unrolled loops, static leaves, specialisations, and why each."""
        made = self._specialised(args, kwargs)
        return report(made, self._compiler)

    def _specialised(self, args: Any, kwargs: Any) -> driver.Specialisation:
        real = tuple(example(a) for a in args)
        named = {k: example(v) for k, v in kwargs.items()}
        return self._compiler.specialise(real, named)


def annotated_static(fun: Any) -> tuple[str, ...]:
    """The parameters annotated `Static[...]`."""
    found = getattr(fun, "__annotations__", {})
    return tuple(
        name
        for name, note in found.items()
        if (isinstance(note, str) and note.rpartition(".")[2].startswith("Static["))
        or getattr(note, "__origin__", None) is Static
    )


class Static(Generic[R]):
    """Annotation of a parameter that is known at staging: `n: Static[int]`."""


def _jit(fun: Callable[P, R] | None = None, **options: Any) -> Any:
    """`fun` compiled for the arguments it is called with; same results, same changes to them.

    Parameters
    ----------
    static_argnames, static_argnums : parameters whose values are known at staging.
    backend : "numpy", or "numba": loops over elements, compiled (needs the extra `numba`).
    """
    if fun is None:
        return functools.partial(_jit, **options)
    return fun if isinstance(fun, Staged) and not options else Staged(unwrapped(fun), **options)


def unwrapped(fun: Any) -> Any:
    """The function behind a staged one."""
    return fun.eager if type(fun) is Staged else fun


def name_of(fun: Any, kind: str) -> str:
    """The name of a function that a transform of the kind makes."""
    return f"{getattr(unwrapped(fun), '__name__', 'f')}_{kind}".replace("<lambda>", "lambda_")


class Transformed:
    """A transform of a function, as staged code sees it: `__stagec__` stages its call."""

    def __init__(self, kind: str, fun: Any, **options: Any) -> None:
        self.kind = kind
        self.fun = fun
        self.options = options
        self.__name__ = name_of(fun, kind)

    @property
    def operand(self) -> Any:
        """The function whose parameters the transform has."""
        if self.kind not in ("grad", "value_and_grad", "vjp"):
            raise AttributeError("operand")
        return unwrapped(self.fun)

    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        return RULES[self.kind](self, m, state, args, kwargs, loc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.kind} runs staged only")


def _gradient(t: Transformed, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
    o = t.options
    return transforming.gradient(
        m, state, inner(t.fun), args, kwargs, loc, o["argnums"], o["argnames"], o["has_aux"],
        t.kind == "value_and_grad", t.kind,
    )  # fmt: skip


def _pushforward(t: Transformed, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
    primals, tangents = args
    return transforming.pushforward(m, state, inner(t.fun), primals, tangents, loc)


def _pullback(t: Transformed, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
    value, pulled = pullbacks.pullback(m, state, inner(t.fun), args, loc)
    pull = _transformed("pullback", t.fun, {}, pulled=(pulled, args))
    residuals = tuple(m.kept(state, r) for r in pulled.residuals)
    primals = tuple(m.kept(state, p) for p in pulled.primals.values())
    return TupleValue((value, TupleValue(residuals), TupleValue(primals), Known(pull)))


def _pull(t: Transformed, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
    residuals, primals, ct = args
    return pullbacks.pull_back_later(m, state, t.options["pulled"], residuals, primals, ct, loc)


def inner(fun: Any) -> Any:
    """The operand of a transform as an abstract value."""
    return fun if not callable(fun) or hasattr(fun, "scope") else Known(unwrapped(fun))


RULES: dict[str, Callable[..., Any]] = {
    "grad": _gradient, "value_and_grad": _gradient, "jvp": _pushforward, "vjp": _pullback,
    "pullback": _pull,
}  # fmt: skip


def _transformed(
    kind: str, fun: Any, jit_options: dict[str, Any], **options: Any
) -> Staged[..., Any]:
    inherited = dict(fun.options) if isinstance(fun, Staged) else {}
    inherited.update(jit_options)
    return Staged(Transformed(kind, fun, **options), distinct=True, **inherited)


class Transform:
    """`grad` and its like: called on a function outside, or on one inside staged code."""

    def __init__(self, kind: str, make: Callable[..., Any]) -> None:
        self.kind = kind
        self.make = make
        functools.update_wrapper(self, make)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.make(*args, **kwargs)

    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        plain = {k: transforming.option(m, state, v, k, loc) for k, v in kwargs.items()}
        rest = [transforming.option(m, state, a, self.kind, loc) for a in args[1:]]
        fun = args[0]
        operand = fun.value if isinstance(fun, Known) else Abstract(fun)
        made = self.make(operand, *rest, **plain)
        made.__stagec_of__ = (self.kind, fun, tuple(rest), tuple(plain.items()))
        return Known(made)


class _Jit(Transform):
    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        """In staged code a function is staged as it is."""
        return args[0] if args else kwargs.get("fun", Known(same))


jit = _Jit("jit", _jit)


class Abstract:
    """A function of staged code as the operand of a transform."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.__name__ = getattr(getattr(value, "node", None), "name", "f")

    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        return m.call(self.value, args, kwargs, state, loc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a function of staged code was called outside it")


def _grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    argnames: str | Sequence[str] | None = None,
    has_aux: bool = False,
    **options: Any,
) -> Any:
    """A function that returns the gradient of the scalar function `fun`.

    The gradient has the structure of the arguments in `argnums` and `argnames`, each leaf in
    the kind and dtype of its input; integer leaves get None.  With `has_aux`, `fun` returns
    (value, aux), and the result is (gradient, aux).

    Raises
    ------
    StagecError : for a result that is not a floating-point scalar, or an integer argument.
    """
    return _transformed("grad", fun, options, **_which(argnums, argnames), has_aux=has_aux)


def _value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    argnames: str | Sequence[str] | None = None,
    has_aux: bool = False,
    **options: Any,
) -> Any:
    """A function that returns (value, gradient) of the scalar function `fun`; see `grad`."""
    return _transformed(
        "value_and_grad", fun, options, **_which(argnums, argnames), has_aux=has_aux
    )


def _which(argnums: Any, argnames: Any) -> dict[str, Any]:
    names = (argnames,) if isinstance(argnames, str) else tuple(argnames or ())
    nums = argnums if isinstance(argnums, int) else tuple(argnums)
    if names and argnums == 0:
        nums = ()
    return {"argnums": nums, "argnames": names}


grad = Transform("grad", _grad)
value_and_grad = Transform("value_and_grad", _value_and_grad)


class Pullback:
    """Maps a cotangent of a result to cotangents of the arguments; may be called again."""

    def __init__(self, staged: Staged[..., Any], residuals: Any, primals: Any) -> None:
        self._staged = staged
        self._kept = (residuals, primals)

    def __call__(self, ct: Any) -> Any:
        """One cotangent per primal, in its structure; None for integers."""
        return self._staged(*self._kept, ct)

    def source(self, ct: Any) -> str:
        """The generated Python for a cotangent like `ct`."""
        return self._staged.source(*self._kept, ct)

    def ir(self, ct: Any, **kwargs: Any) -> Function:
        """The graph for a cotangent like `ct`."""
        return self._staged.ir(*self._kept, ct, **kwargs)


@functools.lru_cache(maxsize=512)
def _program(kind: str, fun: Any) -> Staged[..., Any]:
    return _transformed(kind, fun, {})


def _vjp(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Any]:
    """`fun(*primals)` and its pullback: a function from a cotangent of the result to a tuple of
    cotangents of the primals.
    """
    out, residuals, primal_results, pull = _program("vjp", fun)(*primals)
    pulled, _ = pull.eager.options["pulled"]
    kept = tuple(map(_residual, residuals, (o.type for o in pulled.residuals)))
    results = tuple(map(_residual, primal_results, (o.type for o in pulled.primals.values())))
    return out, Pullback(pull, kept, results)


def _residual(value: Any, kind: Any) -> Any:
    """A residual as a pullback keeps it: one that a path not taken left unset is empty or
    None, and only its own type says what it would have been.
    """
    empty = value is None or (isinstance(value, np.ndarray) and 0 in value.shape)
    unset = empty and isinstance(kind, ArrayType)
    return Residual(value, kind) if unset or isinstance(kind, ListType) else value


def _jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """`fun(*primals)` and its derivative along the tangents (None for integers)."""
    pushed: Any = _program("jvp", fun)
    return pushed(tuple(primals), tuple(tangents))


class _Vjp(Transform):
    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        value, pulled = pullbacks.pullback(m, state, args[0], args[1:], loc)
        return TupleValue((value, pullbacks.pullback_value(pulled, args[1:])))


class _Jvp(Transform):
    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        return transforming.pushforward(m, state, args[0], args[1], args[2], loc)


vjp = _Vjp("vjp", _vjp)
jvp = _Jvp("jvp", _jvp)


class Inside:
    """A function for staged code alone."""

    def __init__(self, name: str, rule: Callable[..., Any]) -> None:
        self.__name__ = name
        self.rule = rule

    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        return self.rule(m, state, *args, loc)

    def __call__(self, *args: Any) -> Any:
        """Runs staged only."""
        raise TypeError(f"{self.__name__} runs staged only")


each = Inside("each", batching.each)
leaves = Inside("leaves", batching.leaves)
place = Inside("place", batching.place)
rebuild = Inside("rebuild", batching.rebuild)


class Mark:
    """A function that does nothing outside staged code, and something in it."""

    def __init__(self, plain: Callable[[Any], Any], rule: Callable[..., Any]) -> None:
        self.plain = plain
        self.rule = rule
        functools.update_wrapper(self, plain)

    def __call__(self, x: Any) -> Any:
        return self.plain(x)

    def __stagec__(self, m: Any, state: Any, args: Any, kwargs: Any, loc: Any) -> Any:
        return self.rule(m, state, args[0], loc)


def _stop_gradient(x: Any) -> Any:
    """`x`, with a derivative of zero."""
    return x


def _static(x: Any) -> Any:
    """`x`, known at staging: its value joins the key of the compiled code."""
    return x


def _unroll(iterable: Any) -> Any:
    """`iterable`, unrolled by the `for` loop over it."""
    return iterable


stop_gradient = Mark(_stop_gradient, transforming.stop_gradient)
static = Mark(_static, transforming.static)
unroll = Mark(_unroll, transforming.unroll)
