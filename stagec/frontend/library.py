"""Builtins that take iterables, written in Python and staged like the user's own code."""

# ruff: noqa: D103, SIM110 (what is staged is loops)
from typing import Any


def sum_(iterable: Any, start: Any = 0) -> Any:
    total = start
    for item in iterable:
        total = total + item
    return total


def any_(iterable: Any) -> Any:
    for item in iterable:
        if item:
            return True
    return False


def all_(iterable: Any) -> Any:
    for item in iterable:
        if not item:
            return False
    return True


def list_(iterable: Any = ()) -> Any:
    items = []
    for item in iterable:
        items.append(item)
    return items


def max_(iterable: Any, key: Any, *default: Any) -> Any:
    best = None
    for item in iterable:
        if best is None or key(item) > key(best):
            best = item
    if best is None and len(default) > 0:
        return default[0]
    if best is None:
        raise ValueError("max() iterable argument is empty")
    return best


def min_(iterable: Any, key: Any, *default: Any) -> Any:
    best = None
    for item in iterable:
        if best is None or key(item) < key(best):
            best = item
    if best is None and len(default) > 0:
        return default[0]
    if best is None:
        raise ValueError("min() iterable argument is empty")
    return best


def ordered_(a: Any, b: Any, compare: Any) -> Any:
    for k in range(min(len(a), len(b))):
        if a[k] != b[k]:
            return compare(a[k], b[k])
    return compare(len(a), len(b))


def equal_(a: Any, b: Any) -> Any:
    for k in range(len(a)):
        if not (a[k] == b[k]):  # noqa: SIM201 (NaN)
            return False
    return True


def items_of(owner: Any, keys: Any, named: Any) -> Any:
    if len(keys) == 1:
        return owner[keys[0]]
    return tuple([owner[key] for key in keys])


def attributes_of(owner: Any, names: Any, named: Any) -> Any:
    if len(names) == 1:
        return attribute_of(owner, names[0].split("."))
    return tuple([attribute_of(owner, name.split(".")) for name in names])


def attribute_of(owner: Any, path: Any) -> Any:
    for name in path:
        owner = getattr(owner, name)
    return owner


def method_of(owner: Any, given: Any, named: Any) -> Any:
    return getattr(owner, given[0])(*given[1:], **named)


def same(item: Any) -> Any:
    return item


def reduce_(function: Any, iterable: Any, initial: Any = None) -> Any:
    total = initial
    for item in iterable:
        total = item if total is None else function(total, item)
    if total is None:
        raise TypeError("reduce() of empty iterable with no initial value")
    return total


def map_(function: Any, *iterables: Any) -> Any:
    if len(iterables) == 1:
        for item in iterables[0]:
            yield function(item)
    else:
        for items in zip(*iterables):  # noqa: B905
            yield function(*items)


def filter_(function: Any, iterable: Any) -> Any:
    for item in iterable:
        if item if function is None else function(item):
            yield item


def enumerate_(iterable: Any, start: Any) -> Any:
    k = start
    for item in iterable:
        yield k, item
        k = k + 1


def range_step(step: Any) -> None:
    if step == 0:
        raise ValueError("range() arg 3 must not be zero")


def strict_zip(items: Any, sizes: Any) -> Any:
    yield from items
    least = min(sizes)
    for k in range(1, len(sizes)):
        before = "argument 1" if k == 1 else f"arguments 1-{k}"
        if sizes[k] == least != min(sizes[:k]):
            raise ValueError(f"zip() argument {k + 1} is shorter than {before}")
    for k in range(1, len(sizes)):
        before = "argument 1" if k == 1 else f"arguments 1-{k}"
        if sizes[k] > least:
            raise ValueError(f"zip() argument {k + 1} is longer than {before}")


class Iterator:
    """What `iter` gives of a list, tuple or array."""

    def __init__(self, items: Any) -> None:
        self.items = items
        self.at = 0

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self.at >= len(self.items):
            raise StopIteration
        item = self.items[self.at]
        self.at += 1
        return item


class Manager:
    """What a function under `contextlib.contextmanager` returns."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator


def managing(function: Any) -> Any:
    def manager(*args: Any, **kwargs: Any) -> Any:
        return managed(function, args, kwargs)

    return manager


def managed(function: Any, args: Any, kwargs: Any) -> Any:
    return Manager(function(*args, **kwargs))


def advanced(iterator: Any) -> Any:
    while True:
        try:
            item = iterator.__next__()
        except StopIteration:
            return
        yield item


def items_in_turn(owner: Any) -> Any:
    k = 0
    while True:
        try:
            item = owner.__getitem__(k)
        except IndexError:
            return
        yield item
        k += 1


def advance(iterator: Any, *default: Any) -> Any:
    if len(default) == 0:
        return iterator.__next__()
    try:
        item = iterator.__next__()
    except StopIteration:
        item = default[0]
    return item


def first(iterator: Any, *default: Any) -> Any:
    for item in iterator:
        return item
    if len(default) == 0:
        raise StopIteration
    return default[0]
