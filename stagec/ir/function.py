"""Functions: the unit that the front end makes, passes rewrite and code is generated from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stagec.ir.core import Attrs, Block, Operand, Value
from stagec.ir.printer import to_text
from stagec.ir.types import Dim, Symbol


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A named block, closed but for the functions that it calls.

    Attributes
    ----------
    mutated : (parameter, result) pairs: that result is the final content of that parameter's
        memory, which the function may write to.  All other parameters are read-only.
    fresh : one flag per result: True if it must share no memory with a parameter or with
        another result.
    functions : the residual functions that `Call` statements here and there name.
    errstate : floating-point error handling that the program asked for (`np.errstate`).
    kernel : whether it is to be compiled: see `opt.kernels`.
    whole : the kernel that has the loop which this kernel does a range of trips of, given by
        its first two parameters: see `opt.parallel`.
    ranges : the smallest and the largest integer that parameters are given, where known.
    lengths : how long symbols were at the first call, as far as that is known: which code is
        the faster one may depend on it, and nothing else.  They note what is asked about them
        (`ir.asked`): the function is compiled anew for calls where answers would be others.
    turned : the positions of parameters whose first axis was contiguous at the first call, of
        which the same holds.
    """

    name: str
    body: Block
    mutated: tuple[tuple[int, int], ...] = ()
    fresh: tuple[bool, ...] = ()
    functions: tuple[Function, ...] = field(default=())
    errstate: Attrs = ()
    kernel: bool = False
    whole: Function | None = None
    ranges: Mapping[Value, tuple[Dim, Dim]] = field(
        default_factory=dict[Value, "tuple[Dim, Dim]"]
    )
    lengths: tuple[tuple[Symbol, int], ...] = ()
    turned: tuple[int, ...] = ()

    @property
    def params(self) -> tuple[Value, ...]:
        """The parameters."""
        return self.body.params

    @property
    def results(self) -> tuple[Operand, ...]:
        """The results."""
        return self.body.results

    def __str__(self) -> str:
        return to_text(self)
