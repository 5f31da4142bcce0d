"""Clearing the way for writes: where copies go, at once or from the next round on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stagec.ir.alias import Atom, Atoms, Memory
from stagec.ir.core import Apply, Call, For, Stmt, Value, While
from stagec.ir.path import Path
from stagec.opt.bufferise.conflicts import (
    Conflicts,
    Save,
    blamed,
    conflicts_of,
    prefer_savings,
    savings,
)
from stagec.opt.bufferise.loops import Facts, Loop, Source
from stagec.opt.bufferise.nested import Kind, PutBacks, is_new, owners, stored
from stagec.opt.bufferise.plan import Copy, Plan, Saved
from stagec.opt.bufferise.state import State


@dataclass(slots=True)
class Notes:
    """What stays known from one round to the next.

    `recent` are the copies noted in this round, which the round itself knows nothing of;
    `learned` says that a loop turned out to do more than was known.
    """

    saved: dict[Stmt, dict[Value, Saved]] = field(
        default_factory=dict[Stmt, dict[Value, Saved]]
    )
    inits: dict[Source, Copy] = field(default_factory=dict[Source, Copy])
    facts: dict[Stmt, Facts] = field(default_factory=dict[Stmt, Facts])
    atoms: dict[tuple[object, ...], Atom] = field(
        default_factory=dict[tuple[object, ...], Atom]
    )
    recent: set[object] = field(default_factory=set[object])
    learned: bool = False

    def begin(self) -> None:
        """Begin a round; what loops were seen to do without the new copies no longer counts."""
        if self.recent:
            self.facts.clear()
        self.recent.clear()
        self.learned = False

    @property
    def changed(self) -> bool:
        """Whether this round found out something that another must take into account."""
        return self.learned or bool(self.recent)

    def atom(self, key: tuple[object, ...], name: str, fixed: str = "") -> Atom:
        """The atom of that key, the same in every round."""
        return self.atoms.setdefault(key, Atom(name, fixed))


@dataclass(slots=True)
class Writes:
    """The writes of one round.

    `loops` are the loops around the statement reached; `kept` the parameters that the function
    may write to, whose memory is where their final content must be; `puts` are from
    `put_backs`, `kinds` from `kinds_of`.
    """

    state: State
    notes: Notes
    plan: Plan
    loops: dict[For | While, Loop]
    kept: set[object]
    puts: PutBacks
    kinds: set[Kind]

    def into_lists(self, stmt: Apply, args: list[Memory]) -> None:
        """Copy the lists that the op puts into a list whose elements must be other objects than
        those.
        """
        for k in stored(stmt, self.kinds):
            back = stmt in self.puts.values()
            if not back and not is_new(self.state, self.loops, args, k):
                arg = stmt.args[k]
                hint = arg.hint if isinstance(arg, Value) else ""
                reason = "it becomes an element of a list, and must be that of one only"
                in_loop = self.state.frames[-1].loops > 0
                self.plan.stored[stmt, k] = Copy(stmt.loc, hint, reason, in_loop)
                args[k] = self.copied((stmt, k), hint, args[k])

    def written(
        self,
        stmt: Apply | Call,
        position: int,
        memory: Memory,
        path: Path | None,
        others: Sequence[tuple[Value, Atoms]],
    ) -> Memory:
        """Clear the way for a write; the memory that is then written to."""
        operand = stmt.args[position]
        assert isinstance(operand, Value)
        changed = owners(self.state, self.puts, stmt)
        found = conflicts_of(self.state, memory, path, others, changed)
        if not found.pairs:
            return memory
        sources = blamed(self.state, self.loops, found)
        frames = self.state.frames
        loops = (
            frames[-1].loops
            if sources is None
            else max(self.loops[loop].loops for loop, _ in sources)
        )
        saves = savings(self.state, found, operand, position)
        keep = memory.identity in self.kept
        if (
            saves
            and all(map(self.is_new_save, saves))
            and prefer_savings(self.state, saves, operand, loops, keep)
        ):
            for save in saves:
                reason = f"{_name(save.value)} is used after {_name(operand)} is written to"
                self.save(save, reason)
            return memory
        reason = _reason(operand, found)
        if sources is not None and all(map(self.is_new_init, sources)):
            for source in sources:
                self.copy_init(source, reason)
            return memory
        record = Copy(stmt.loc, operand.hint, reason, frames[-1].loops > 0)
        self.plan.operands[stmt, position] = record
        return self.copied((stmt, position), operand.hint, memory)

    def save(self, save: Save, reason: str) -> None:
        """Copy a value before a statement."""
        frame, value, stmt = self.state.frames[save.level], save.value, save.stmt
        saved = Saved(save.after, Copy(stmt.loc, value.hint, reason, frame.loops > 0))
        if stmt is self.state.frames[-1].current:
            self.plan.saved.setdefault(stmt, {})[value] = saved
            self.hide(stmt, value)
        else:
            self.notes.saved.setdefault(stmt, {})[value] = saved
            self.notes.recent.add((stmt, value))

    def is_new_save(self, save: Save) -> bool:
        """Whether the copy was not made already, and was of no use."""
        made = save.value in self.notes.saved.get(save.stmt, {})
        return not made or (save.stmt, save.value) in self.notes.recent

    def copy_init(self, source: Source, reason: str) -> None:
        """Copy the initial value of a carry."""
        loop, position = source
        name = loop.carry[position].hint
        record = Copy(loop.loc, name, reason, self.loops[loop].loops > 0)
        if source not in self.notes.inits:
            self.notes.inits[source] = record
            self.notes.recent.add(source)

    def is_new_init(self, source: Source) -> bool:
        """Whether the copy was not made already, and was of no use."""
        return source not in self.notes.inits or source in self.notes.recent

    def saved_after(self, stmt: Stmt) -> None:
        """Let copies made before the statement stand for values from here on."""
        for value, saved in self.notes.saved.get(stmt, {}).items():
            if saved.after:
                self.hide(stmt, value)

    def saved_meanwhile(self, stmt: Stmt) -> None:
        """After the statement, let copies that were noted inside of it count as made."""
        if self.notes.recent:
            for value in self.notes.saved.get(stmt, {}):
                if (stmt, value) in self.notes.recent:
                    self.hide(stmt, value)

    def hide(self, stmt: Stmt, value: Value) -> None:
        """From here on the value is a copy made before the statement."""
        memory = self.copied((stmt, value), value.hint, self.state.of(value))
        self.state.hide(value, memory)

    def copied(self, key: tuple[object, ...], name: str, memory: Memory) -> Memory:
        """The memory of a copy: new, but for what a list refers to."""
        return Memory(frozenset((self.notes.atom(key, name),)), memory.content, key)


def _name(value: Value) -> str:
    return value.hint or "a value"


def _reason(operand: Value, found: Conflicts) -> str:
    if found.reasons:
        return f"{_name(operand)} is written to, but {min(found.reasons)}"
    kept = sorted({_name(v) for v in found.values})
    return f"{_name(operand)} is written to while {', '.join(kept)} is still used"
