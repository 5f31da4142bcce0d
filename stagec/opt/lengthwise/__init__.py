"""Products of a tall and a small matrix in loops, computed with the long axis last.

    for c in ...:                               t = x.T.copy()
        z = (x - mu[c]) @ Q[c].T                for c in ...:
        s = np.sum(z**2, axis=1)        ->          z = Q[c] @ (t - mu[c][:, None])
                                                    s = np.sum(z**2, axis=0)

Rows of a few elements are too short for BLAS and for vector instructions; how long the axes
were at the first call decides (`Function.lengths`).  With the products turn what is computed
for them and from them element by element, lists of such matrices (tapes), and sums that loops
carry from zeros on.

A tall matrix that loops write or read column by column, as the densities of the components of
a mixture, turns as well, if all that is computed from it, or for its adjoint, can:

    b = np.empty((n, k))                        b = np.empty((k, n))
    for c in ...:                               for c in ...:
        b[:, c] = f(x, mu[c])           ->          b[c] = f(x, mu[c])
    top = np.max(b, axis=1)                     top = np.max(b, axis=0)

All loops then go along memory, and their vectors along the long axis.
"""

from __future__ import annotations

from stagec.ir.function import Function
from stagec.opt.dce import dce
from stagec.opt.lengthwise.choice import chosen
from stagec.opt.lengthwise.rewrite import turned
from stagec.opt.simplify import simplify


def lengthwise(fn: Function) -> Function:
    """The function with products of tall matrices in its loops the other way round."""
    found = chosen(fn)
    return dce(simplify(turned(fn, found))) if found.values else fn
