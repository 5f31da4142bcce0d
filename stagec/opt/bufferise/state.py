"""What is known at the point that the analysis has reached: memories, and what is live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from stagec.ir.alias import NONE, NOTHING, Atom, Atoms, Memory, depth, holds_memory
from stagec.ir.core import Block, For, Operand, Stmt, Value, While
from stagec.opt.bufferise.uses import Uses


@dataclass(slots=True)
class Frame:
    """A block that is being walked through.

    `position` is the statement reached; `stmt` the one the block is a region of; `loops` how
    many loops it is nested in; `hidden` the memories to bring back after the block.
    """

    block: Block
    stmt: Stmt | None
    loops: int
    position: int = 0
    hidden: dict[Value, Memory] = field(default_factory=dict[Value, Memory])

    @property
    def current(self) -> Stmt:
        """The statement reached."""
        return self.block.stmts[self.position]


@dataclass(slots=True)
class State:
    """Memories of values, overlaps of atoms, and the path of blocks down to here.

    `locked` is memory that may not be written to for now; `origins` the memory of the initial
    values of carries, by parameter.
    """

    uses: Uses
    frames: list[Frame] = field(default_factory=list[Frame])
    level: dict[Block, int] = field(default_factory=dict[Block, int])
    locked: set[Atom] = field(default_factory=set[Atom])
    origins: dict[Value, Memory] = field(default_factory=dict[Value, Memory])
    _memory: dict[Value, Memory] = field(default_factory=dict[Value, Memory])
    _near: dict[Atom, set[Atom]] = field(default_factory=dict[Atom, set[Atom]])
    _holders: dict[Atom, list[Value]] = field(default_factory=dict[Atom, list[Value]])
    _bases: dict[Atom, Atoms] = field(default_factory=dict[Atom, Atoms])
    _born: dict[Atom, int] = field(default_factory=dict[Atom, int])

    # --- memories --------------------------------------------------------------------------

    def of(self, operand: Operand) -> Memory:
        """The memory that the operand may share."""
        return self._memory.get(operand, NOTHING) if isinstance(operand, Value) else NOTHING

    def define(self, value: Value, memory: Memory) -> None:
        """Say what memory the value may share."""
        if depth(value.type) is None:
            return
        if memory.content and not holds_memory(value.type):
            memory = replace(memory, content=NONE)
        self._memory[value] = memory
        self.meet(memory.all)
        for atom in memory.all:
            self._holders.setdefault(atom, []).append(value)

    def hide(self, value: Value, memory: Memory) -> None:
        """Replace the value's memory until the end of the block."""
        self.frames[-1].hidden.setdefault(value, self._memory[value])
        self.define(value, memory)

    def from_outside(self, value: Value, level: int) -> bool:
        """Whether the value is the same object as one before the frame's current statement.

        A carry of that statement itself counts as one.
        """
        whole = self.of(value).identity
        while isinstance(whole, Value):
            home = self.level.get(self.uses.home[whole])
            if home is None:
                return False
            if home <= level or (home == level + 1 and whole in self.origins):
                return True
            whole = self.origins[whole].identity if whole in self.origins else None
        return False

    # --- overlaps --------------------------------------------------------------------------

    def link(self, a: Atom, b: Atom) -> None:
        """Say that the two may overlap."""
        if a is not b:
            self._near.setdefault(a, set()).add(b)
            self._near.setdefault(b, set()).add(a)

    def near(self, atom: Atom) -> set[Atom]:
        """The other atoms that the atom may overlap."""
        return self._near.get(atom, set())

    def around(self, atoms: Iterable[Atom]) -> set[Atom]:
        """The atoms and all that they may overlap."""
        found = set(atoms)
        for atom in tuple(found):
            found |= self.near(atom)
        return found

    def overlap(self, a: Atoms, b: Atoms) -> bool:
        """Whether one of the first may overlap one of the second."""
        return not a.isdisjoint(b) or any(not self.near(x).isdisjoint(b) for x in a)

    def join(self, atom: Atom, bases: Iterable[Atom]) -> None:
        """Say that the atom stands for one of `bases`, whatever it was said to overlap."""
        self._bases[atom] = frozenset(x for b in bases for x in self._bases.get(b, (b,)))

    def bases(self, atoms: Iterable[Atom]) -> set[Atom]:
        """The atoms, with those made at joins replaced by what they stand for."""
        return {x for a in atoms for x in self._bases.get(a, (a,))}

    def meet(self, atoms: Iterable[Atom]) -> None:
        """Note that the atoms exist from now on."""
        for atom in atoms:
            self._born.setdefault(atom, len(self._born))

    def mark(self) -> int:
        """A point of time for `born_after`."""
        return len(self._born)

    def born_after(self, atom: Atom, mark: int) -> bool:
        """Whether the atom was first met after the mark."""
        return self._born.get(atom, mark) >= mark

    # --- blocks and liveness -----------------------------------------------------------------

    def enter(self, block: Block, stmt: Stmt | None) -> None:
        """Go into a block."""
        loops = self.frames[-1].loops if self.frames else 0
        loops += isinstance(stmt, For | While)
        self.level[block] = len(self.frames)
        self.frames.append(Frame(block, stmt, loops))

    def leave(self) -> None:
        """Come out of the innermost block."""
        frame = self.frames.pop()
        del self.level[frame.block]
        for value, memory in frame.hidden.items():
            self.define(value, memory)

    def holders(self, atom: Atom) -> list[Value]:
        """The values that may share the atom, those that are dead for good left out."""
        found = self._holders.get(atom, [])
        kept = list(dict.fromkeys(v for v in found if not self._over(v)))
        if found:
            self._holders[atom] = kept
        return [v for v in kept if atom in self._memory[v].all]

    def _over(self, value: Value) -> bool:
        home = self.uses.home[value]
        level = self.level.get(home)
        if level is None:
            return True
        return self.uses.last[home].get(value, -1) < self.frames[level].position

    def live_level(self, value: Value) -> int | None:
        """The frame whose current statement must not lose the value; None if it is dead.

        The value is used after that statement, or in a later trip of it; inside of the
        statement it is not needed on.
        """
        level = self.level.get(self.uses.home[value])
        if level is None:
            return None
        while True:
            frame = self.frames[level]
            last = self.uses.last[frame.block].get(value, -1)
            if last != frame.position:
                return level if last > frame.position else None
            if level + 1 == len(self.frames):
                return None
            if isinstance(frame.current, For | While):
                return level if self.uses.inside(frame.current, value) else None
            level += 1
