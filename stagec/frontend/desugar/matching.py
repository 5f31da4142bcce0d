r"""`match`: a chain of branches, each on the tests of a pattern.

What a pattern takes from the subject is kept in temporaries; the user's names are bound only
when the whole pattern has matched, before the guard.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x):\n  match x:\n    case 0 | 1: return x\n    case y: return y"))
def f(x):
    .m1 = x
    .t2 = .m1 == 0
    if not .t2:
        .t2 = .m1 == 1
    if .t2:
        return x
    else:
        y = .m1
        return y
>>> print(show("def f(x):\n  match x:\n    case [0, y]: return y"))
def f(x):
    .m1 = x
    .t4 = is_sequence(.m1)
    if .t4:
        .t5 = len(.m1)
        if .t5 == 2:
            .p2 = .m1[0]
            if .p2 == 0:
                .p3 = .m1[1]
                y = .p3
                return y
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import gast

from stagec.errors import InternalError
from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat
from stagec.frontend.desugar.names import Fresh

MISSING = object()
_SELF_MATCHING = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


@dataclass(frozen=True, slots=True)
class _Test:
    """The pattern fails unless this is true."""

    test: gast.expr


@dataclass(frozen=True, slots=True)
class _Take:
    """A name for something that the steps after it look at."""

    name: str
    value: gast.expr


@dataclass(frozen=True, slots=True)
class _Either:
    """The pattern fails unless one of the alternatives succeeds."""

    flag: str
    alternatives: tuple[tuple[_Step, ...], ...]
    origin: gast.AST


_Step: TypeAlias = _Test | _Take | _Either
_Names: TypeAlias = dict[str, gast.expr]


def match(flat: Flat, node: gast.Match) -> None:
    """The chain of branches."""
    name = flat.fresh("m")
    flat.into(name, node.subject)
    for stmt in _chain(flat.fresh, name, node.cases):
        flat.statement(stmt)


def _chain(fresh: Fresh, subject: str, cases: list[gast.match_case]) -> list[gast.stmt]:
    """The statements of the cases, not flat yet."""
    if not cases:
        return []
    case, *others = cases
    origin = case.pattern
    names: _Names = {}
    steps = list(_steps(fresh, case.pattern, build.load(origin, subject), names))
    steps += [_Take(name, value) for name, value in names.items()]
    if case.guard is not None:
        steps.append(_Test(case.guard))
    tests = [s for s in steps if not isinstance(s, _Take)]
    if not others or not tests:
        return _nested(steps, case.body)
    rest = _chain(fresh, subject, others)
    if len(tests) == 1 and isinstance(steps[0], _Test):
        return [build.at(origin, gast.If(steps[0].test, _nested(steps[1:], case.body), rest))]
    flag = fresh("matched")
    return [
        build.assign(origin, flag, build.constant(origin, False)),
        *_nested(steps, [build.assign(origin, flag, build.constant(origin, True))]),
        build.at(origin, gast.If(build.load(origin, flag), case.body, rest)),
    ]


def _nested(steps: Sequence[_Step], success: Sequence[gast.stmt]) -> list[gast.stmt]:
    """Statements that run `success` if all steps succeed."""
    for step in reversed(steps):
        match step:
            case _Test(test):
                success = [build.at(test, gast.If(test, success, []))]
            case _Take(name, value):
                success = [build.assign(value, name, value), *success]
            case _Either(flag, alternatives, origin):
                done = build.load(origin, flag)
                found = [build.assign(origin, flag, build.constant(origin, True))]
                chain: list[gast.stmt] = []
                for alternative in reversed(alternatives):
                    more = [build.at(origin, gast.If(build.negate(done), chain, []))]
                    chain = [*_nested(alternative, found), *(more if chain else [])]
                success = [
                    build.assign(origin, flag, build.constant(origin, False)),
                    *chain,
                    build.at(origin, gast.If(done, success, [])),
                ]
    return list(success)


def _steps(
    fresh: Fresh, pattern: gast.pattern, subject: gast.expr, names: _Names
) -> Iterable[_Step]:
    """The steps that match `pattern`; the user's names go to `names`."""
    match pattern:
        case gast.MatchValue(value=value):
            yield _Test(_compare(pattern, subject, gast.Eq(), value))
        case gast.MatchSingleton(value=value):
            yield _Test(_compare(pattern, subject, gast.Is(), build.constant(pattern, value)))
        case gast.MatchAs(pattern=inner, name=name):
            if inner is not None:
                yield from _steps(fresh, inner, subject, names)
            if name is not None:
                names[name] = subject
        case gast.MatchOr(patterns=patterns):
            yield from _either(fresh, pattern, patterns, subject, names)
        case gast.MatchSequence(patterns=patterns):
            yield from _sequence(fresh, pattern, patterns, subject, names)
        case gast.MatchMapping():
            yield from _mapping(fresh, pattern, subject, names)
        case gast.MatchClass():
            yield from _class(fresh, pattern, subject, names)
        case _:
            raise InternalError(f"no pattern {type(pattern).__name__}")


def _either(
    fresh: Fresh,
    origin: gast.pattern,
    patterns: list[gast.pattern],
    subject: gast.expr,
    names: _Names,
) -> Iterable[_Step]:
    """The alternatives of an or-pattern, which bind the same names."""
    shared: dict[str, str] = {}
    alternatives: list[tuple[_Step, ...]] = []
    for pattern in patterns:
        bound: _Names = {}
        steps = list(_steps(fresh, pattern, subject, bound))
        for name, value in bound.items():
            steps.append(_Take(shared.setdefault(name, fresh("p")), value))
        alternatives.append(tuple(steps))
    names.update((name, build.load(origin, shared[name])) for name in shared)
    tests = [s.test for steps in alternatives for s in steps if isinstance(s, _Test)]
    if not shared and len(tests) == len(alternatives) == sum(map(len, alternatives)):
        yield _Test(build.at(origin, gast.BoolOp(gast.Or(), tests)))
    else:
        yield _Either(fresh("either"), tuple(alternatives), origin)


def _sequence(
    fresh: Fresh,
    origin: gast.pattern,
    patterns: list[gast.pattern],
    subject: gast.expr,
    names: _Names,
) -> Iterable[_Step]:
    """The length of a sequence, then its elements."""
    stars = [k for k, p in enumerate(patterns) if isinstance(p, gast.MatchStar)]
    yield _Test(build.call(origin, build.constant(origin, is_sequence), subject))
    length = build.call(origin, build.constant(origin, len), subject)
    least = build.constant(origin, len(patterns) - len(stars))
    yield _Test(_compare(origin, length, gast.GtE() if stars else gast.Eq(), least))
    for k, pattern in enumerate(patterns):
        back = k - len(patterns)  # behind the star, count from the end
        if not isinstance(pattern, gast.MatchStar):
            index = build.constant(origin, back if stars and k > stars[0] else k)
            yield from _part(fresh, pattern, _item(origin, subject, index), names)
        elif pattern.name is not None:
            stop = None if back == -1 else build.constant(origin, back + 1)
            span = build.at(origin, gast.Slice(build.constant(origin, k), stop, None))
            items = _item(origin, subject, span)
            names[pattern.name] = build.call(origin, build.constant(origin, list), items)


def _mapping(
    fresh: Fresh, pattern: gast.MatchMapping, subject: gast.expr, names: _Names
) -> Iterable[_Step]:
    """The keys of a mapping, then their values."""
    yield _Test(build.call(pattern, build.constant(pattern, is_mapping), subject))
    for key, inner in zip(pattern.keys, pattern.patterns, strict=True):
        get = build.at(pattern, gast.Attribute(subject, "get", gast.Load()))
        value = build.call(key, get, key, build.constant(key, MISSING))
        yield from _present(fresh, inner, value, names)
    if pattern.rest is not None:
        keys = build.at(pattern, gast.Tuple(pattern.keys, gast.Load()))
        helper = build.constant(pattern, remaining)
        names[pattern.rest] = build.call(pattern, helper, subject, keys)


def _class(
    fresh: Fresh, pattern: gast.MatchClass, subject: gast.expr, names: _Names
) -> Iterable[_Step]:
    """The class of an instance, then its attributes."""
    cls, wanted = fresh("class"), fresh("names")
    yield _Take(cls, pattern.cls)
    kind = build.load(pattern, cls)
    yield _Test(build.call(pattern, build.constant(pattern, isinstance), subject, kind))
    if pattern.patterns:
        helper = build.constant(pattern, attribute_names)
        count = build.constant(pattern, len(pattern.patterns))
        yield _Take(wanted, build.call(pattern, helper, kind, count))
    for k, inner in enumerate(pattern.patterns):
        name = _item(pattern, build.load(pattern, wanted), build.constant(pattern, k))
        own = _compare(pattern, name, gast.Is(), build.constant(pattern, None))
        value = gast.IfExp(own, subject, _attribute(pattern, subject, name))
        yield from _present(fresh, inner, build.at(pattern, value), names)
    for name, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        value = _attribute(pattern, subject, build.constant(pattern, name))
        yield from _present(fresh, inner, value, names)


def _present(
    fresh: Fresh, pattern: gast.pattern, value: gast.expr, names: _Names
) -> Iterable[_Step]:
    """A part of the subject that may be missing."""
    name = fresh("p")
    yield _Take(name, value)
    part = build.load(pattern, name)
    missing = build.constant(pattern, MISSING)
    yield _Test(_compare(pattern, part, gast.IsNot(), missing))
    yield from _steps(fresh, pattern, part, names)


def _part(
    fresh: Fresh, pattern: gast.pattern, value: gast.expr, names: _Names
) -> Iterable[_Step]:
    """A part of the subject; what a wildcard stands for is not looked at."""
    if isinstance(pattern, gast.MatchAs) and pattern.pattern is None and pattern.name is None:
        return
    name = fresh("p")
    yield _Take(name, value)
    yield from _steps(fresh, pattern, build.load(pattern, name), names)


def _compare(
    origin: gast.AST, left: gast.expr, op: gast.cmpop, right: gast.expr
) -> gast.Compare:
    return build.at(origin, gast.Compare(left, [op], [right]))


def _item(origin: gast.AST, base: gast.expr, index: gast.expr) -> gast.Subscript:
    return build.at(origin, gast.Subscript(base, index, gast.Load()))


def _attribute(origin: gast.AST, base: gast.expr, name: gast.expr) -> gast.Call:
    """`getattr(base, name, MISSING)`."""
    missing = build.constant(origin, MISSING)
    return build.call(origin, build.constant(origin, getattr), base, name, missing)


def is_sequence(value: object) -> bool:
    """Whether a sequence pattern may match the value."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def is_mapping(value: object) -> bool:
    """Whether a mapping pattern may match the value."""
    return isinstance(value, Mapping)


def remaining(mapping: Any, keys: tuple[Any, ...]) -> dict[Any, Any]:
    """The items of the mapping but those of `keys`."""
    rest = dict(mapping)
    for key in keys:
        del rest[key]
    return rest


def attribute_names(cls: type, count: int) -> tuple[str | None, ...]:
    """The attributes that positional patterns of a class look at; None is the subject."""
    names = getattr(cls, "__match_args__", None)
    if names is None and issubclass(cls, _SELF_MATCHING):
        names = (None,)
    names = names or ()
    if count > len(names):
        raise TypeError(
            f"{cls.__name__}() accepts {len(names)} positional sub-patterns ({count} given)"
        )
    return tuple(names[:count])
