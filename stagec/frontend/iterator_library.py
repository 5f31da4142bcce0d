"""Functions of itertools and functools, written in Python and staged like the user's own code.

They stand in for the host's where an argument is staged.  What is iterated more than once is
held as `itertools` holds it: numbers of an array as they were at the call.
"""

# ruff: noqa: D103, B905, SIM113 (what is staged is loops)
import functools
import itertools
import operator
from typing import Any

import numpy as np

from stagec.frontend.library import Iterator, same


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


def groupby_(iterable: Any, key: Any = None) -> Any:
    items = held(iterable)
    keys = items if key is None else [key(item) for item in items]
    start = 0
    while start < len(items):
        end = start + 1
        while end < len(items) and keys[end] == keys[start]:
            end += 1
        group = Iterator(items[start:end])
        yield keys[start], group
        group.at = end - start  # a group is over where the next one begins
        start = end


def repeat_(object: Any, *times: Any) -> Any:
    return Repeated(object) if len(times) == 0 else repeated(object, times[0])


def repeated(object: Any, times: Any) -> Any:
    for _ in range(times):
        yield object


class Repeated:
    """What `itertools.repeat` gives without an end."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.item


class Count:
    """What `itertools.count` gives."""

    def __init__(self, start: Any = 0, step: Any = 1) -> None:
        self.at = start
        self.step = step

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        number = self.at
        self.at = number + self.step
        return number


class Cycle:
    """What `itertools.cycle` gives."""

    def __init__(self, iterable: Any, /) -> None:
        self.items = held(iterable)
        self.at = 0

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if len(self.items) == 0:
            raise StopIteration
        item = self.items[self.at]
        self.at = (self.at + 1) % len(self.items)
        return item


def islice_(iterable: Any, *bounds: Any) -> Any:
    start = bounds[0] if len(bounds) > 1 and bounds[0] is not None else 0
    stop = bounds[min(1, len(bounds) - 1)]
    step = bounds[2] if len(bounds) > 2 and bounds[2] is not None else 1
    if start < 0 or (stop is not None and stop < 0):
        name = "Stop argument" if len(bounds) == 1 else "Indices"
        limits = "must be None or an integer: 0 <= x <= sys.maxsize."
        raise ValueError(f"{name} for islice() {limits}")
    if step < 1:
        raise ValueError("Step for islice() must be a positive integer or None.")
    return _sliced(iterable, start, stop, step)


def _sliced(iterable: Any, start: Any, stop: Any, step: Any) -> Any:
    if isinstance(iterable, np.ndarray | list | tuple | range):
        n = len(iterable)
        for j in range(start, n if stop is None else min(stop, n), step):
            yield iterable[j]
    elif stop is None:
        k = 0
        for item in iterable:
            if k >= start and (k - start) % step == 0:
                yield item
            k += 1
    elif max(start, stop) > 0:
        k = 0
        for item in iterable:  # reads no further than asked: something else may read on
            if start <= k < stop and (k - start) % step == 0:
                yield item
            k += 1
            if k >= max(start, stop):
                break


def zip_steps(iterators: Any) -> Any:
    while True:
        items = []
        for iterator in iterators:
            try:
                item = iterator.__next__()
            except StopIteration:
                return
            items.append(item)
        yield tuple(items)


def zip_around(before: Any, generator: Any, after: Any) -> Any:
    firsts: Any = ()
    for iterator in before:
        try:
            first = iterator.__next__()
        except StopIteration:
            return
        firsts = (*firsts, first)
    for item in generator:
        lasts = []
        for iterator in after:
            try:
                last = iterator.__next__()
            except StopIteration:
                return
            lasts.append(last)
        yield (*firsts, item, *lasts)
        firsts = ()
        for iterator in before:
            try:
                first = iterator.__next__()
            except StopIteration:
                return
            firsts = (*firsts, first)


def zip_counted(before: Any, generator: Any) -> Any:
    k = 0
    if shortest(before) < 1:
        return
    for item in generator:
        yield (
            *[items[k] if step is None else lo + step * k for _, lo, step, items in before],
            item,
        )
        k = k + 1
        if k >= shortest(before):
            return


def shortest(before: Any) -> Any:
    # a list may grow while it is gone through
    return min([n if items is None else len(items) for n, _, _, items in before])


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


# what they make of known arguments staged code must see into: functions of the user's, endless
# iterators, those that loops of the run time read, and those whose items are over in turn
ALWAYS = (
    functools.cache,
    functools.lru_cache,
    functools.wraps,
    itertools.count,
    itertools.cycle,
    itertools.groupby,
    itertools.repeat,
)

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
    itertools.groupby: groupby_,
    itertools.repeat: repeat_,
    itertools.count: Count,
    itertools.cycle: Cycle,
    itertools.islice: islice_,
    itertools.zip_longest: zip_longest_,
    functools.wraps: wraps_,
    functools.cache: cache_,
    functools.lru_cache: lru_cache_,
}
