"""Lists whose length is known at any time, as arrays.

    xs = [x]                            xs = np.empty((n + 1, len(x)))
    for i in range(n):                  xs[0] = x
        xs.append(A @ xs[-1])      ->   for i in range(n):
    return np.array(xs)                     xs[i + 1] = A @ xs[i]
                                        return xs

The length is a sum of numbers of trips, so every element has its place in an array.  Programs
collect in lists what compiled code cannot: arrays one after another.  Their adjoints are lists
that become shorter.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.function import Function
from stagec.opt.counted.choice import chosen
from stagec.opt.counted.rewrite import Failed, rewritten


def counted(fn: Function) -> Function:
    """The function with arrays for lists, where the loops around them can be compiled."""
    functions = tuple(map(counted, fn.functions))
    failed: set[int] = set()
    while True:
        program, found = chosen(fn, failed)
        try:
            return replace(rewritten(fn, program, found), functions=functions)
        except Failed as one:
            failed.add(one.number)
