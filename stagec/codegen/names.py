"""Variables for values: out of SSA form with as few assignments as possible.

The invariant: values alive at the same time have different names, except an array and what an
op that overwrites it makes of it, which are one object.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from stagec.codegen.liveness import Lives
from stagec.codegen.plan import Plan, parameters
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Undef, Value, While
from stagec.ir.flows import flows
from stagec.ir.nouns import noun
from stagec.ir.sharing import holds_memory
from stagec.ir.types import ArrayType

NAMELESS = ("t", "tmp")
INDICES = ("i", "j", "k", "l", "m")


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """The result of naming.

    Attributes
    ----------
    names : the variable of each value that has one.
    apart : results and initial values that do not share the variable they are moved to.
    used : every name that is taken.
    """

    names: dict[Value, str]
    apart: set[Value]
    used: set[str]

    def fresh(self, base: str) -> str:
        """A name that nothing else has."""
        name = unused(base, self.used)
        self.used.add(name)
        return name


@dataclass(slots=True, eq=False)
class _Variable:
    """Values that share a variable."""

    members: int
    overlaps: int
    values: list[Value] = field(default_factory=list[Value])

    def meets(self, other: _Variable) -> bool:
        """Whether the two must have different names."""
        return bool(self.overlaps & other.members or other.overlaps & self.members)


def clean(text: str) -> str:
    """A Python identifier made of the text; empty if nothing of it is left."""
    text = re.sub(r"\W", "_", unicodedata.normalize("NFKC", text)).strip("_")
    if text[:1].isdecimal():
        text = f"_{text}"
    if keyword.iskeyword(text):
        return f"{text}_"
    return text if text.isidentifier() else ""


def unused(base: str, taken: Container[str]) -> str:
    """The base, with a number if it is taken."""
    return next(n for n in _numbered(base) if n not in taken)


def name_values(
    plan: Plan, body: Block, reserved: Iterable[str], typed: bool = False
) -> Naming:
    """Names for all values of the function that have a variable; none is in `reserved`.

    With `typed` a variable only holds values of one type, as compiled code wants it.
    """
    lives = Lives(plan, body)
    groups = _Groups(lives, set(body.params))
    indices: set[Value] = set()
    pairs: list[tuple[int, Operand, Value]] = []
    _affinities(plan, body, 0, groups, pairs, indices)
    for _, source, target in sorted(pairs, key=lambda p: -p[0]):
        if isinstance(source, Value) and source not in plan.inline:
            groups.share(source, target)
    named = _named(plan, body, lives)
    meets = {target for _, _, target in pairs} | set(body.params)
    names = _colours(plan, groups, named, indices, meets, set(reserved), typed)
    apart = {
        s
        for _, s, t in pairs
        if isinstance(s, Value) and s not in plan.inline and names[s] != names[t]
    }
    return Naming(names, apart, {*names.values(), *reserved})


def _named(plan: Plan, body: Block, lives: Lives) -> list[Value]:
    """The values that have a variable, in order of definition."""
    hidden = {v for s in plan.pushed for v in s.outs} | plan.inline
    params = set(body.params)
    return [v for v in lives.index if v in params or (v in plan.needed and v not in hidden)]


class _Groups:
    """Variables while they grow."""

    def __init__(self, lives: Lives, params: set[Value]) -> None:
        self._of = {
            v: _Variable(1 << k, lives.overlaps[k], [v]) for v, k in lives.index.items()
        }
        self._params = params

    def of(self, value: Value) -> _Variable:
        """The variable of the value."""
        return self._of[value]

    def unite(self, a: Value, b: Value) -> None:
        """Let the two values share a variable."""
        first, second = self._of[a], self._of[b]
        if first is second:
            return
        first.members |= second.members
        first.overlaps |= second.overlaps
        first.values += second.values
        self._of.update(dict.fromkeys(second.values, first))

    def share(self, a: Value, b: Value) -> None:
        """Let the two values share a variable if they can and their names allow it."""
        first, second = self._of[a], self._of[b]
        if first is not second and not first.meets(second) and self._alike(first, second):
            self.unite(a, b)

    def _alike(self, a: _Variable, b: _Variable) -> bool:
        """A parameter of the function keeps its name for what the user called so."""
        if self._params.isdisjoint(a.values) and self._params.isdisjoint(b.values):
            return True
        hints = {v.hint for v in (*a.values, *b.values) if v.hint}
        return len(hints) <= 1


def _affinities(
    plan: Plan,
    block: Block,
    depth: int,
    groups: _Groups,
    pairs: list[tuple[int, Operand, Value]],
    indices: set[Value],
) -> None:
    """Unite what must share a variable, and list what should, with the loop depth."""
    for stmt in plan.printed(block):
        match stmt:
            case Apply(op=op, args=args) if op.overwrites is not None and stmt.outs:
                target = args[op.overwrites]
                if holds_memory(target) and stmt.outs[0] in plan.needed:
                    groups.unite(target, stmt.outs[0])
                elif stmt.outs[0] in plan.needed:
                    pairs.append((depth, target, stmt.outs[0]))
            case For() | While():
                for k in plan.carried(stmt):
                    param = parameters(stmt)[k]
                    groups.unite(param, stmt.carry[k])
                    if isinstance(stmt, While):
                        groups.unite(param, stmt.cond.params[k])
                    pairs.append((depth, stmt.init[k], param))
                if isinstance(stmt, For):
                    indices.add(stmt.body.params[0])
            case _:
                pass
        inner = depth + isinstance(stmt, For | While)
        for region in plan.regions(stmt):
            _affinities(plan, region, inner, groups, pairs, indices)
    if not plan.is_pushed(block):
        pairs += [(depth, result, target) for target, result in plan.moves(plan.ends[block])]


def _colours(
    plan: Plan,
    groups: _Groups,
    values: list[Value],
    indices: set[Value],
    meets: set[Value],
    reserved: set[str],
    typed: bool,
) -> dict[Value, str]:
    """A name for each variable; variables that never meet may have the same."""
    taken: dict[str, _Variable] = {}
    kinds: dict[str, object] = {}
    names: dict[Value, str] = {}
    hints = {v: _hints(groups.of(v), meets) for v in values}
    used = {clean(v.hint) for v in values}
    nameless = next((n for n in NAMELESS if n not in used), NAMELESS[0])
    nouns = {v: n for v, n in _nouns(plan, values, groups).items() if n not in used}
    # what the user named comes first, so that nothing else takes such a name
    for value in sorted(values, key=lambda v: not hints[v]):
        if value in names:
            continue
        variable = groups.of(value)
        base = nouns.get(value, nameless)
        for name in _candidates(variable, indices, hints[value], base):
            others = taken.setdefault(name, _Variable(0, 0))
            kind = kinds.setdefault(name, _kind(value) if typed else None)
            same = not typed or kind == _kind(value)
            if name not in reserved and same and not variable.meets(others):
                others.members |= variable.members
                others.overlaps |= variable.overlaps
                names.update(dict.fromkeys(variable.values, name))
                break
    return names


def _nouns(plan: Plan, values: list[Value], groups: _Groups) -> dict[Value, str]:
    """What values without a name are; nothing for a variable that changes."""
    found = {v: _noun(plan, v) for v in values if len(groups.of(v).values) == 1}
    return {v: word for v, word in found.items() if word}


def _noun(plan: Plan, value: Value) -> str:
    made = plan.definer.get(value)
    if not isinstance(made, Apply):
        return ""
    kind = value.type
    mask = isinstance(kind, ArrayType) and kind.rank > 0 and kind.dtype.kind == "b"
    return "mask" if mask else clean(noun(made))


def _kind(value: Value) -> object:
    """What of its type a variable of compiled code cannot change."""
    kind = value.type
    return (kind.dtype, kind.rank) if isinstance(kind, ArrayType) else "list"


def _hints(variable: _Variable, meets: set[Value]) -> Counter[str]:
    """How often the user gave the values of the variable which name."""
    hints: Counter[str] = Counter()
    for value in variable.values:
        # where the parts of a program meet the name stays longer than on the way there
        hints[clean(value.hint)] += 2 if value in meets else 1
    del hints[""]
    return hints


def _candidates(
    variable: _Variable, indices: set[Value], hints: Counter[str], nameless: str
) -> Iterator[str]:
    if hints:
        yield from _numbered(hints.most_common(1)[0][0])
    if not indices.isdisjoint(variable.values):
        yield from INDICES
    yield from _numbered(nameless)


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 0
    while True:
        number += 1
        yield f"{base}_{number}"


def unset_names(plan: Plan, body: Block, names: dict[Value, str]) -> set[str]:
    """The variables that are copied though they may not be set: None stands for that."""
    unset: set[Value] = set()
    while True:
        before = len(unset)
        _spread(plan, body, unset)
        if len(unset) == before:
            break
    return {names[v] for v in _copied(plan, body, names) if v in unset}


def _spread(plan: Plan, block: Block, unset: set[Value]) -> None:
    """Mark the values that are unset if an operand that they stand for is."""

    def flow(source: Operand, *targets: Value) -> None:
        if isinstance(source, Undef) or source in unset:
            unset.update(targets)

    for stmt in plan.printed(block):
        for region in plan.regions(stmt):
            _spread(plan, region, unset)
        match stmt:
            case If() | For() | While():
                for source, target in flows(stmt):
                    flow(source, target)
            case Apply() if stmt.op.overwrites is None:
                for k in stmt.op.lenient:
                    flow(stmt.args[k], *stmt.outs)
            case _:
                pass


def _copied(plan: Plan, block: Block, names: dict[Value, str]) -> Iterator[Value]:
    """The values that the text copies, passes on or returns."""
    for stmt in plan.printed(block):
        yield from _passed(plan, stmt, names)
        for region in plan.regions(stmt):
            yield from _copied(plan, region, names)
    if plan.is_pushed(block):
        return
    end = plan.ends[block]
    yield from plan.leaves_of(end.returned or end.leave or ())
    if end.kind == "value":
        yield from plan.leaves_of(end.results)
    for target, result in plan.moves(end):
        yield from (v for v in plan.leaves(result) if names[v] != names[target])


def _passed(plan: Plan, stmt: Stmt, names: dict[Value, str]) -> Iterator[Value]:
    match stmt:
        case For() | While():
            for k in plan.carried(stmt):
                target = names[parameters(stmt)[k]]
                for v in plan.leaves(stmt.init[k]):
                    if names[v] != target:
                        yield v
        case Call():
            yield from plan.leaves_of(plan.mentions(stmt))
        case Apply() if stmt.op.lenient:
            yield from plan.leaves_of([stmt.args[k] for k in stmt.op.lenient])
        case Apply() | If():
            pass
