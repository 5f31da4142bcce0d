"""Flat tapes: lists that are filled trip by trip become arrays, indexed by loop counters.

Reverse mode records in lists, and so do programs.  Compiled code is faster with an array whose
size is known before the loops that fill it; where the number of trips is not known, one flat
list takes the place of a list of lists.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.core import Apply, Value
from stagec.ir.function import Function
from stagec.ir.walk import statements
from stagec.ops.lists import list_append
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.tapes.growing import growing
from stagec.opt.tapes.plans import chosen
from stagec.opt.tapes.rewrite import Failed, rewritten
from stagec.opt.tapes.webs import survey
from stagec.opt.unset import settled


def tapes(fn: Function) -> Function:
    """The function with flat tapes, where the loops around them can be compiled."""
    functions = tuple(tapes(f) for f in fn.functions)
    appends = (s for s in statements(fn.body) if isinstance(s, Apply) and s.op is list_append)
    # a list takes what is not set, an array does not
    fn = replace(fn, body=settled(fn.body, (s.args[1] for s in appends)))
    found = chosen(survey(fn), with_lengths(fn.body))
    inside: set[Value] = set()
    while found:
        try:
            fn = rewritten(fn, found, inside)
        except Failed as failed:
            found.remove(failed.plan)
        else:
            # the numbers at which the lists in a list begin may be a list of their own
            found = chosen(survey(fn), with_lengths(fn.body))
    return replace(growing(fn, inside), functions=functions)
