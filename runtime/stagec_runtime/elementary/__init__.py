"""Elementary functions of compiled loops, without branches, so that LLVM vectorises them.

`functions` has them all; the other modules say how each family is computed, with at most about
one and a half units of error in the last place.
"""
