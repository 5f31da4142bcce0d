"""Sources of random numbers that the program makes.

What they draw is drawn at staging, as it is the same in each call, until something about a draw
is known at run time only: a seed, a length, whether it happens.  Then the program is staged
anew, and makes all of them when it runs; a stand-in that nothing is drawn from names each.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import containers
from stagec.frontend.machine import Machine, Restart
from stagec.frontend.state import BlockBuilder, State
from stagec.frontend.values import Known, Number, Value
from stagec.ops import effects
from stagec.ops.arithmetic import Handle

# what makes a twin of each kind of source, to see what it would draw
TWINS: dict[type, Callable[[], Any]] = {
    np.random.RandomState: lambda: np.random.RandomState(0),
    np.random.Generator: lambda: np.random.default_rng(0),
    random.Random: lambda: random.Random(0),
}
SOURCES = tuple(TWINS)

MAKERS = (np.random.default_rng, np.random.RandomState, random.Random)

# the decision that sources are made at run time
AT_RUN_TIME = ("generators", "made")


@dataclass(frozen=True, slots=True)
class Made:
    """A source that staged code makes: the object that stands for it, the block where it is
    made, and its value, if the run time makes it.
    """

    stand_in: Any
    builder: BlockBuilder
    value: Handle | None


def draws(owner: Any, method: Any) -> bool:
    """Whether the method, which is written in Python, is one by which sources draw."""
    return isinstance(owner, SOURCES) and getattr(method, "__module__", "") == random.__name__


def makes(function: Any) -> bool:
    """Whether the function makes a source from a seed."""
    return any(function is maker for maker in MAKERS)


def make(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Known:  # fmt: skip
    """A new source, from a seed."""
    plain = [containers.plain(m, state, v) for v in args]
    named = {k: containers.plain(m, state, v) for k, v in kwargs.items()}
    given = (*plain, *named.values())
    known = containers.known(given)
    if known and not (m.decided(*AT_RUN_TIME) and is_seed(*given)):
        found = m.host(state, function, plain, named, loc)
        remember(m, state, found.value, given, loc)
        return found
    seeds: list[Handle] = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, Number):
            seeds.append(m.handle(state, value.operand))
        elif isinstance(value, Known) and isinstance(value.value, int):
            seeds.append(m.const_handle(state, value.value))
    if len(given) != 1 or not (seeds or known):
        raise StagecError("SC364", "this seed in staged code", loc, "make it of one integer")
    maker = function if seeds else functools.partial(function, given[0])
    stand_in = function(0)
    made = m.apply_op(state, effects.generator, seeds, function=maker)
    m.generators[id(stand_in)] = Made(stand_in, state.builder, made)
    return Known(stand_in)


def is_seed(*given: Any) -> bool:
    """Whether a source made of these values begins alike each time, and shares its state with
    nothing else.
    """
    value = given[0] if len(given) == 1 else None
    items = value if isinstance(value, tuple | list) else (value,)
    return all(isinstance(item, int | np.integer) for item in items)


def remember(m: Machine, state: State, made: Any, given: Any, loc: Loc | None) -> None:
    """Note a source of random numbers that staged code makes: it begins anew in each call."""
    if not isinstance(made, SOURCES) or any(made is a for a in given):
        return
    if not given or given[0] is None:
        raise StagecError(
            "SC364", f"an unseeded {type(made).__name__} in staged code", loc,
            "make it outside, or give it a seed",
        )  # fmt: skip
    m.generators[id(made)] = Made(made, state.builder, None)


def refuse(m: Machine, values: Any, loc: Loc | None) -> None:
    """Raise StagecError for a source that the program makes: only draws know its state."""
    for value in values:
        if id(value) in m.generators:
            raise StagecError(
                "SC364", f"a {type(value).__name__} that staged code makes, given away", loc,
                "make it outside of the function",
            )  # fmt: skip


def at_staging(m: Machine, state: State, made: Made, known: bool, loc: Loc | None) -> bool:
    """Whether a draw from the source, with arguments known or not, happens at staging."""
    if made.value is not None:
        block: Any = state.builder
        while block is not None and block is not made.builder:
            block = block.parent
        if block is None:
            raise outside(made, loc)
        return False
    if known and state.builder is made.builder:
        return True
    if m.decided(*AT_RUN_TIME):  # then it was made of more than a seed
        raise outside(made, loc)
    raise Restart(*AT_RUN_TIME)


def outside(made: Made, loc: Loc | None) -> StagecError:
    """The error for a draw where the source is not what it was when it was made."""
    return StagecError(
        "SC364",
        f"a draw in a loop or branch from a {type(made.stand_in).__name__} that staged code "
        "makes",
        loc,
        "make it outside of the function",
    )
