"""Functions of itertools and functools, written in Python and staged like the user's own code.

They stand in for the host's where an argument is staged.  What is iterated more than once is
held as `itertools` holds it: numbers of an array as they were at the call.
"""

# ruff: noqa: D103, B905 (what is staged is loops)
import functools
import itertools
import operator
from typing import Any

import numpy as np

from stagec.frontend.library import same


def held(iterable: Any) -> Any:
    if isinstance(iterable, np.ndarray):
        return iterable.copy() if iterable.ndim == 1 else iterable
    if isinstance(iterable, tuple | range):
        return iterable
    return list(iterable)


def chain_(*iterables: Any) -> Any:
    for iterable in iterables:
        yield from iterable


def from_iterable_(iterables: Any) -> Any:
    for iterable in iterables:
        yield from iterable


def accumulate_(iterable: Any, func: Any = operator.add, *, initial: Any = None) -> Any:
    total = initial
    if initial is not None:
        yield total
    for item in iterable:
        total = item if total is None else func(total, item)
        yield total


def product_(*iterables: Any, repeat: Any = 1) -> Any:
    pools = [held(iterable) for iterable in iterables]
    yield from _product(pools * repeat)


def _product(pools: Any) -> Any:
    if len(pools) == 0:
        yield ()
    else:
        for first in pools[0]:
            for rest in _product(pools[1:]):
                yield (first, *rest)


def combinations_(iterable: Any, r: Any) -> Any:
    yield from _chosen(held(iterable), 0, r, 1)


def combinations_with_replacement_(iterable: Any, r: Any) -> Any:
    yield from _chosen(held(iterable), 0, r, 0)


def _chosen(pool: Any, start: Any, r: Any, step: Any) -> Any:
    if r == 0:
        yield ()
    else:
        for k in range(start, len(pool)):
            for rest in _chosen(pool, k + step, r - 1, step):
                yield (pool[k], *rest)


def permutations_(iterable: Any, r: Any = None) -> Any:
    pool = held(iterable)
    yield from _arranged(pool, len(pool) if r is None else r, ())


def _arranged(pool: Any, r: Any, used: Any) -> Any:
    if r == 0:
        yield ()
    else:
        for k in range(len(pool)):
            if k in used:
                continue
            for rest in _arranged(pool, r - 1, (*used, k)):
                yield (pool[k], *rest)


def pairwise_(iterable: Any) -> Any:
    pool = held(iterable)
    for k in range(len(pool) - 1):
        yield pool[k], pool[k + 1]


def starmap_(function: Any, iterable: Any) -> Any:
    for items in iterable:
        yield function(*items)


def takewhile_(predicate: Any, iterable: Any) -> Any:
    for item in iterable:
        if not predicate(item):
            break
        yield item


def dropwhile_(predicate: Any, iterable: Any) -> Any:
    dropping = True
    for item in iterable:
        if dropping and predicate(item):
            continue
        dropping = False
        yield item


def filterfalse_(predicate: Any, iterable: Any) -> Any:
    for item in iterable:
        if not (item if predicate is None else predicate(item)):
            yield item


def compress_(data: Any, selectors: Any) -> Any:
    for item, chosen in zip(data, selectors):
        if chosen:
            yield item


def repeat_(object: Any, times: Any) -> Any:
    for _ in range(times):
        yield object


def zip_longest_(*iterables: Any, fillvalue: Any = None) -> Any:
    pools = [held(iterable) for iterable in iterables]
    n = 0
    for pool in pools:
        n = max(n, len(pool))
    for k in range(n):
        yield tuple([pool[k] if k < len(pool) else fillvalue for pool in pools])


def wraps_(wrapped: Any, assigned: Any = None, updated: Any = None) -> Any:
    return same


def cache_(user_function: Any) -> Any:
    return lru_cache_(None)(user_function)


def lru_cache_(maxsize: Any = 128, typed: Any = False) -> Any:
    if callable(maxsize):
        return lru_cache_(128, typed)(maxsize)

    def cached(function: Any) -> Any:
        known: Any = {}
        recent: Any = []

        def call(*args: Any, **kwargs: Any) -> Any:
            key = (args, tuple(kwargs.items()))
            if typed:
                key = (*key, tuple([type(a) for a in args]))
            if key in known:
                recent.remove(key)
                recent.append(key)
                return known[key]
            value = function(*args, **kwargs)
            if maxsize is None or maxsize > 0:
                known[key] = value
                recent.append(key)
                if maxsize is not None and len(recent) > maxsize:
                    del known[recent.pop(0)]
            return value

        return call

    return cached


# what they make of known options is called with functions of staged code
DECORATORS = (functools.cache, functools.lru_cache)

FORMS = {
    itertools.chain: chain_,
    itertools.chain.from_iterable: from_iterable_,
    itertools.accumulate: accumulate_,
    itertools.product: product_,
    itertools.combinations: combinations_,
    itertools.combinations_with_replacement: combinations_with_replacement_,
    itertools.permutations: permutations_,
    itertools.pairwise: pairwise_,
    itertools.starmap: starmap_,
    itertools.takewhile: takewhile_,
    itertools.dropwhile: dropwhile_,
    itertools.filterfalse: filterfalse_,
    itertools.compress: compress_,
    itertools.repeat: repeat_,
    itertools.zip_longest: zip_longest_,
    functools.wraps: wraps_,
    functools.cache: cache_,
    functools.lru_cache: lru_cache_,
}
