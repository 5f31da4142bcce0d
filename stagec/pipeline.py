"""Which passes a function goes through, in which order, for each target.

`PASSES` is the one ordered list of what happens to a staged graph, whatever the target.
Observers see the graph after each of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stagec.ir.function import Function
from stagec.ir.types import ArrayType, Dim
from stagec.ir.verifier import verify
from stagec.opt.abreast import abreast
from stagec.opt.adjoint_sums import adjoint_sums
from stagec.opt.again import again
from stagec.opt.ahead import ahead
from stagec.opt.assembled import assembled
from stagec.opt.bufferise import Copy, bufferise
from stagec.opt.checks import checks
from stagec.opt.contract import contract
from stagec.opt.copies import copies
from stagec.opt.counted import counted
from stagec.opt.creations import creations
from stagec.opt.cse import cse, cse_with_copies
from stagec.opt.dce import dce
from stagec.opt.first_writes import first_writes
from stagec.opt.gathers import gathers
from stagec.opt.hoist import hoist
from stagec.opt.idle import idle
from stagec.opt.in_place import in_place
from stagec.opt.kernels import kernels
from stagec.opt.layout import layout
from stagec.opt.lengthwise import lengthwise
from stagec.opt.lift import lift
from stagec.opt.loop_products import loop_products
from stagec.opt.masked import masked
from stagec.opt.overwrites import overwrites
from stagec.opt.parallel import parallel
from stagec.opt.powers import powers
from stagec.opt.product_sums import product_sums
from stagec.opt.promote import promote
from stagec.opt.recurrences import recurrences
from stagec.opt.refilled import refilled
from stagec.opt.restored import restored
from stagec.opt.rims import rims
from stagec.opt.rolling import rolling
from stagec.opt.rotate import rotate
from stagec.opt.scalarise import scalarise
from stagec.opt.scalarise.lengths import lengths
from stagec.opt.selections import selections
from stagec.opt.short_lists import short_lists
from stagec.opt.siblings import rows, siblings
from stagec.opt.simplify import simplify
from stagec.opt.sink import sink
from stagec.opt.skips import skips
from stagec.opt.spent import spent
from stagec.opt.stacked import stacked
from stagec.opt.states import states
from stagec.opt.strips import rowwise, strips
from stagec.opt.sums import sums
from stagec.opt.tapes import tapes
from stagec.opt.tiles import tiles
from stagec.opt.turns import turns
from stagec.opt.unset import unset
from stagec.opt.upwards import upwards
from stagec.transforms.batch import Unbatchable, batch
from stagec.transforms.forward import forward
from stagec.transforms.reverse import Pullback, joined, reverse

Pass = Callable[[Function], Function]
Observer = Callable[[str, Function], None]
LARGE = 64  # elements of a batch that are together whatever memory that takes
MANY = 6  # elements of a batch that are worth an innermost loop over them

PASSES: tuple[tuple[str, Pass], ...] = (
    ("simplify", simplify),
    ("cse", cse),
    ("overwrites", overwrites),
    ("dce", dce),
    ("copies", copies),
    ("hoist", hoist),
    ("simplify again", simplify),
    ("cse again", cse),
    ("dce again", dce),
    ("sink", sink),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What code is generated for.

    Attributes
    ----------
    title : its name for people.
    passes : what happens to the optimised graph before bufferisation.
    finish : what happens to it after that.
    merge_sizes : whether sizes that are equal at the first call are one symbol.
    needs : the package that must be installed.
    """

    title: str
    passes: tuple[Pass, ...]
    finish: tuple[Pass, ...]
    merge_sizes: bool
    needs: str


TARGETS: Mapping[str, Target] = {
    "numpy": Target(
        "NumPy", (lengths, simplify, cse, dce), (), merge_sizes=False, needs="numpy"
    ),
    "numba": Target(
        "Numba",
        (
            *(
                loop_products,
                ahead,
                product_sums,
                again,
                lengthwise,
                short_lists,
                counted,
                tapes,
                restored,
                states,
            ),
            *(upwards, spent, first_writes, refilled, stacked, rolling, gathers, rims, turns),
            *(selections, masked, tiles),
            *(scalarise, simplify, cse, dce, siblings, simplify, cse, dce, contract),
            *(rows, contract, in_place, hoist, adjoint_sums, simplify, cse, dce),
            *(promote, sums, recurrences, skips, upwards, creations, kernels, unset, checks),
            *(powers, dce),
        ),
        (rowwise, layout, parallel, rotate, assembled, abreast, lift, strips, idle),
        merge_sizes=True,
        needs="numba",
    ),
}
BEFORE_DIFFERENTIATION: tuple[Pass, ...] = (
    *(simplify, cse_with_copies, overwrites, dce, copies, hoist, cse_with_copies),
)


def debugging() -> bool:
    """Whether graphs are verified after each pass (STAGEC_CHECK in the environment)."""
    return bool(os.environ.get("STAGEC_CHECK"))


def optimise(fn: Function, observe: Observer | None = None) -> Function:
    """The function after all passes."""
    for name, step in PASSES:
        fn = step(fn)
        if debugging():
            verify(fn)
        if observe is not None:
            observe(name, fn)
    return fn


@dataclass(slots=True)
class Transforms:
    """The transforms as the front end calls them: optimise, differentiate.

    `loops` says whether the target makes loops, `batches` counts the batches made, and
    `pullbacks` the functions differentiated backwards.
    """

    loops: bool
    batches: int = 0
    pullbacks: int = 0

    @staticmethod
    def prepared(fn: Function) -> Function:
        """The function as batching wants it."""
        for step in BEFORE_DIFFERENTIATION:
            fn = step(fn)
        return fn

    def smooth(self, fn: Function) -> Function:
        """The function as differentiation wants it."""
        fn = self.prepared(fn)
        return cse_with_copies(ahead(loop_products(short_lists(fn)))) if self.loops else fn

    def reverse(self, fn: Function, wrt: list[int], of: list[int]) -> Pullback:
        """See `transforms.reverse`."""
        self.pullbacks += 1
        return reverse(self.smooth(fn), wrt, of)

    @staticmethod
    def joined(pullback: Pullback) -> Function:
        """See `transforms.reverse`."""
        return joined(pullback)

    def forward(self, fn: Function, wrt: list[int]) -> Function:
        """See `transforms.forward`."""
        return forward(self.smooth(fn), wrt)

    def batch(
        self, fn: Function, which: list[int], size: Dim
    ) -> tuple[Function, tuple[bool, ...], bool] | None:
        """See `transforms.batch`, and whether the axis is the last.

        None if it is impossible, or if the batch may be large and would take much more memory
        than its results do: for numbers, and for tapes.
        """
        self.batches += 1
        large = not isinstance(size, int) or size > LARGE
        last = self.loops and not (isinstance(size, int) and size < MANY)
        if large and not any(isinstance(r.type, ArrayType) and r.type.rank for r in fn.results):
            return None
        return self._batch(fn, which, size, last, not large)

    def side_by_side(
        self, fn: Function, which: list[int], size: Dim
    ) -> tuple[Function, tuple[bool, ...], bool] | None:
        """See `transforms.batch`; None if it is impossible."""
        return self._batch(fn, which, size, False, True)

    def _batch(
        self, fn: Function, which: list[int], size: Dim, last: bool, lists: bool
    ) -> tuple[Function, tuple[bool, ...], bool] | None:
        try:
            return *batch(self.prepared(fn), which, size, last, lists), last
        except Unbatchable:
            return None


def lowered(fn: Function, target: Target) -> tuple[Function, tuple[Copy, ...], Function]:
    """The staged function after bufferisation for the target, the copies that this put in, and
    the function that is printed.
    """
    if debugging():
        verify(fn)
    fn = optimise(fn)
    for step in target.passes:
        fn = step(fn)
    final, copies = bufferise(fn)
    printed = final
    for step in target.finish:
        printed = step(printed)
    return final, copies, printed
