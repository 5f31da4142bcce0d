"""Programs whose core form must do what they do: a title, the text of `f`, its arguments."""

from __future__ import annotations

from typing import Any

PROGRAMS: dict[str, tuple[str, list[list[Any]]]] = {}


def program(text: str, *runs: list[Any]) -> None:
    """Add a program to the table under its name."""
    title, _, body = text.strip().partition("\n")
    PROGRAMS[title.lstrip("# ")] = body, list(runs) or [[]]


program(
    """# calls in order
def f(x):
    return e(1) + e(2) * e(x[0]) - e(e(3) + e(4))
""",
    [[5]],
)
program(
    """# operands before a call that changes them
def f(x, i):
    def change():
        nonlocal i
        x[0] += 10
        i = 1
        return 1
    return x[0] + x[i] * change() + x[i] + i + change() + i
""",
    [[1, 2, 3], 0],
)
program(
    """# method looked up before its arguments
def f():
    b = Box(go=lambda v: ('old', v))
    def swap():
        b.go = lambda v: ('new', v)
        return 1
    return b.go(swap()), b.go(swap())
"""
)
program(
    """# function name rebound by an argument
def f():
    g = lambda v: ('old', v)
    def swap():
        nonlocal g
        g = lambda v: ('new', v)
        return 1
    return g(swap()), g(2)
"""
)
program(
    """# starred arguments are unpacked in order
def f(xs):
    def drop():
        xs.pop()
        return len(xs)
    def g(*args, **kw):
        return args, kw
    d = {'a': 1}
    def grow():
        d['b'] = 2
        return 3
    return g(*xs, drop(), *xs, **d, c=grow(), **{'k': drop()}), [*xs, drop(), *xs], (*xs, drop())
""",
    [[1, 2, 3, 4, 5, 6]],
)
program(
    """# displays in order
def f(x):
    return {e('k1'): e('v1'), **(e('m', {'m': 2}) if x else {'m': 3}), e('k2'): e('v2')}, {e(3), e(2)}, [e(1), x, e(2)]
""",
    [1],
)
program(
    """# dict display merges in order
def f():
    d = {1: 1}
    def grow():
        d[2] = 2
        return 0
    return {**d, 9: grow(), **d}
"""
)
program(
    """# f-strings format in order
def f(xs):
    def grow():
        xs.append(1)
        return len(xs)
    w = 6
    return f"{xs} {grow()} {xs!r:>{grow() + w}} {w=} {grow():{w}d}"
""",
    [[1]],
)
program(
    """# slices in order
def f(x):
    return x[e(1):e(4):e(2)], x[e(0)], x[:e(2)][e(1)]
""",
    [[1, 2, 3, 4, 5, 6]],
)
program(
    """# and or values
def f(a, b, c):
    return a and b, a or b, a and b or c, (a or b) and c, not a, not (a and b), e(a) and e(b) or e(c)
""",
    *[[a, b, c] for a in (0, 1, []) for b in (0, 2, "x") for c in (None, 3)],
)
program(
    """# and or as tests
def f(a, b, c):
    out = []
    if a and b or c:
        out.append(1)
    if not (a or b) and c:
        out.append(2)
    elif e(a) and (e(b) or not e(c)):
        out.append(3)
    else:
        out.append(4)
    return out, 1 if a and b else 2
""",
    *[[a, b, c] for a in (0, 1, []) for b in (0, 2, "x") for c in (None, 3)],
)
program(
    """# short circuit guards an index
def f(x, n):
    return n < len(x) and x[n] > 1
""",
    [[1, 2], 1],
    [[1, 2], 2],
)
program(
    """# ternary
def f(a, b):
    x = a if a > b else b
    x = x + (e(1) if e(a) > e(b) else e(2)) * (3 if x else 4 if a else 5)
    return e(x) if x > 3 else (lambda: b)()
""",
    [1, 2],
    [2, 1],
    [0, 0],
)
program(
    """# target in its own ternary
def f(x):
    x = (x or 3) if x > 1 else x - 1 if x else x + 1
    y = x = x and x + 1
    return x, y
""",
    [0],
    [1],
    [2],
)
program(
    """# chained comparison
def f(a, b, c):
    return e(a) < e(b) < e(c), e(a) < e(b) <= e(c) != e(0), a < b > c == 1, 1 < a < b
""",
    [1, 2, 3],
    [3, 2, 1],
    [1, 2, 2],
)
program(
    """# walrus
def f(a):
    y = a + (a := e(a + 1)) + a
    if (n := e(a)) > 2 and (m := e(n + 1)) > 3:
        return y, n, m
    while (a := a + 1) < 6:
        y += a
    return y, a, [z for v in (1, 2, 3) if (z := v * 2) > 2], z
""",
    [0],
    [3],
)
program(
    """# walrus leaves a generator expression
def f(xs):
    if any((hit := x) > 2 for x in xs):
        return hit
    return [(t := t2) for t2 in xs], t
""",
    [[1, 3, 5]],
    [[0, 1]],
)
program(
    """# generator expression that runs nothing leaves its walrus unbound
def f():
    any((hit := x) for x in ())
    return hit
"""
)
program(
    """# generator expressions are lazy
def f(xs):
    return any(e(x) > 1 for x in xs), sum(e(x) * y for x in xs for y in xs if y > x), list(x for x in xs if e(x))
""",
    [[1, 2, 3]],
)
program(
    """# comprehensions
def f(xs):
    x = 'kept'
    a = [x * 2 for x in xs if x > 1 if x < 5]
    b = {x % 3 for x in xs}
    c = {e(x): e(x + 1) for x in xs}
    d = [[y * x for y in range(x)] for x in xs]
    g = [(x, y) for x in xs for y in range(x) if y != 1 for z in (0,)]
    h = [x for x in [x + 1 for x in xs]]
    i = [x + y for x, (y, *z) in [(1, (2, 3)), (4, (5,))]]
    j = [a if a else b for a, b in zip(xs, xs)]
    return a, b, c, d, g, h, i, j, x
""",
    [[1, 2, 3, 4, 5, 6]],
    [[]],
)
program(
    """# comprehension variables shadow
def f(x):
    return [x for x in x], [[x for x in range(x)] for x in x], [y for x in [x] for y in x]
""",
    [[1, 2, 3]],
)
program(
    """# comprehension target in an attribute
def f(xs):
    b = Box(v=0)
    out = [b.v for b.v in xs]
    return out, b.v
""",
    [[1, 2]],
)
program(
    """# closures made in comprehensions
def f():
    fs = []
    for n in (3, 5):
        fs += [lambda: i for i in range(n)]
    gs = [(lambda k=i: (k, i)) for i in range(2)]
    hs = [list(i + j for j in range(2)) for i in range(2)]
    return [g() for g in fs], [g() for g in gs], hs
"""
)
program(
    """# lambdas
def f(xs):
    k = 2
    g = lambda x, /, y=e(1), *a, z=e(5), **kw: (x * k + y, a, z, kw)
    k = 3
    return g(1), g(1, 2, 3, z=4, w=1), sorted(xs, key=lambda v: -v), (lambda: e(9))(), (lambda *a: a)(*xs)
""",
    [[1, 3, 2]],
)
program(
    """# lambdas in a loop share the variable
def f():
    fs = []
    for i in range(3):
        fs.append(lambda: i)
    return [g() for g in fs]
"""
)
program(
    """# assignment targets in order
def f(x):
    x[e(0)] = x[e(1)] = e(5)
    a, x[e(2)], *b = e('abcd')
    (a, (c, d)), [g, *h] = (1, (2, 3)), e('xyz')
    i, x[i] = 1, 9
    a = b = []
    a.append(1)
    return x, a, b, c, d, g, h
""",
    [[1, 2, 3, 4]],
)
program(
    """# pattern whose targets call
def f(x):
    def g():
        x.append(0)
        return len(x) - 1
    x[g()], b, x[g()] = 1, 2, 3
    first, *x[:e(1)] = [1, 2, 3]
    return x, b, first
""",
    [[5]],
)
program(
    """# swap and chain
def f(a, b):
    a, b = b, a
    a = b = a + b
    c = d = e(1)
    a, b = c, d = e(a), e(b)
    return a, b, c, d
""",
    [1, 2],
)
program(
    """# augmented assignment reads first
def f(x):
    def change():
        x[0] = 100
        return 1
    x[0] += change()
    x[e(1)] += e(2)
    x[change()] *= change()
    b = Box(v=1, xs=[1])
    def poke():
        b.v = 50
        return 3
    b.v += poke()
    b.v -= poke() if x else 1
    b.xs += [poke()]
    s = [1]
    t = s
    s += [e(1)]
    return x, b.v, b.xs, s is t
""",
    [[1, 2, 3]],
)
program(
    """# augmented assignment to a shared name
def f():
    n = 1
    def bump():
        nonlocal n
        n = 10
        return 1
    n += bump()
    n += (n := 5)
    return n
"""
)
program(
    """# augmented index changes under the value
def f(x):
    i = 0
    x[i] += (i := 2)
    x[i] += 1 if i else (i := 7)
    return x, i
""",
    [[1, 2, 3]],
)
program(
    """# augmented global
def f():
    global G
    G += e(1)
    return G
"""
)
program(
    """# annotations
def f(x):
    a: int = e(x)
    b: 'nothing'
    x: int
    try:
        return b
    except UnboundLocalError:
        return a, x
""",
    [3],
)
program(
    """# while else with calls
def f(n, stop):
    out = []
    while e(n) > 0 and n != stop:
        n -= 1
        if n == 3:
            continue
        out.append(n)
        if n == 1:
            break
    else:
        out.append('else')
    return out
""",
    [5, 9],
    [5, 2],
    [0, 0],
)
program(
    """# nested while else
def f(n):
    out = []
    while e(n) > 0:
        m = n
        while e(m) > 1:
            m -= 1
            if m == 3:
                break
        else:
            out.append(('inner', n))
            n -= 1
            continue
        n -= 2
    else:
        out.append('outer')
    while n < 3: n += 1
    else: out.append(n)
    return out
""",
    [6],
    [3],
)
program(
    """# for else and targets
def f(xs):
    b = Box(v=0)
    out = []
    for i, (b.v, *rest) in enumerate(e('it', xs)):
        out.append((i, b.v, rest))
        if i > 1:
            break
    else:
        out.append('else')
    for out[0] in range(e(2)):
        pass
    for x in [y for y in xs if y]:
        if x == (4,): continue
    return out, b.v, x
""",
    [[(1, 2), (3,), (4,)]],
    [[(1, 2)]],
)
program(
    """# with
def f(bad):
    b = Box(v=0)
    with manager(e('a')) as x, manager(x + 'b', True) as b.v, manager('c'):
        e('body')
        if bad:
            raise ValueError(e('oops'))
    return x, b.v
""",
    [False],
    [True],
)
program(
    """# return inside with and try
def f(n):
    for i in range(5):
        with manager(i):
            try:
                if i == n:
                    return e(i)
                if i == 3:
                    break
                int(e('x') if i == 1 else '1')
            except (ValueError, TypeError) as err:
                e(str(err))
                continue
            else:
                e('fine')
            finally:
                e('finally')
    return 'end'
""",
    [0],
    [2],
    [7],
)
program(
    """# raise from
def f(x):
    try:
        try:
            raise KeyError(e(1))
        except KeyError as k:
            raise ValueError(e(2)) from e('cause', k)
    except ValueError as v:
        return repr(v.__cause__), v.args
""",
    [1],
)
program(
    """# assert
def f(x):
    assert e(x), e('message')
    assert x > 1, f"{x} is small"
    assert x < 10 and x != 5
    return x
""",
    [0],
    [1],
    [2],
    [5],
)
program(
    """# delete
def f(x):
    y = 1
    del x[e(0)], (x[e(1)], y)
    try:
        return y
    except UnboundLocalError:
        return x
""",
    [[1, 2, 3, 4]],
)
program(
    """# generators
def f(n):
    def g(m):
        got = yield e('first')
        for i in range(m):
            yield e(i) + (got or 0)
        yield from (x * 2 for x in range(m))
        yield
        return 3
    total = list(g(n))
    h = g(2)
    next(h)
    return total, h.send(10)
""",
    [3],
)
program(
    """# generator itself
def f(n):
    k = 0
    while (k := k + 1) < n:
        x = (yield k) or (yield -k)
        print(x)
""",
    [4],
)
program(
    """# nested functions with defaults and decorators
def f(x):
    def deco(tag):
        e(tag)
        return lambda g: (lambda *a: (tag, g(*a)))
    @deco(e('outer'))
    @deco('inner')
    def g(a, b=e('b'), *c, d=e('d'), k, **kw) -> int:
        return a, b, c, d, k
    def h(a, b: int = e(1), *, k=[x for x in range(e(2))]):
        def deep():
            return x + a + b
        return deep(), k
    return h(1), h(2, 3)
""",
    [5],
)
program(
    """# recursion of a nested function
def f(n):
    def fib(k):
        return k if k < 2 else fib(k - 1) + fib(k - 2)
    return fib(n)
""",
    [10],
)
program(
    """# class in a function
def f(x):
    class A(Box):
        '''doc'''
        n: int = e(x) + 1
        m = [i * 2 for i in range(e(3))]
        k = n and m
        def get(self, y=n):
            return self.v + (y if y else 0) + x
        @property
        def twice(self):
            return [self.get(i) for i in (1, 2)]
    return A(v=3).twice, A.n, A.m, A.k, A.__annotations__
""",
    [2],
)
program(
    """# global and nonlocal
def f():
    global G
    G = e(G + 1)
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc() + inc() * n, G, n
"""
)
program(
    """# imports
def f():
    import math as m, os.path
    from collections import deque as d
    return m.floor(2.5) + len(d([1])), os.path.join('a', 'b')
"""
)
program(
    """# match values
def f(x):
    match e('subject', x):
        case 0 | 1:
            return 'small'
        case -1:
            return 'minus'
        case 'a' | 'b' as s if e(s) == 'a':
            return s
        case None:
            return 'none'
        case True:
            return 'never'
        case float(v) | str(v):
            return 'number or text', v
        case int():
            return 'int'
    return 'other'
""",
    *[[v] for v in (0, 1, 5, -1, "a", "b", "c", None, 2.5, [1], 1j)],
)
program(
    """# match sequences
def f(x):
    match x:
        case []:
            return 'empty'
        case [1, y]:
            return 'one', y
        case [(a, b), *rest] if a != b:
            return a, b, rest
        case [_, *mid, last]:
            return mid, last
        case (only,):
            return only
        case y:
            return 'any', y
""",
    *[
        [v]
        for v in ([], [1, 2], (1, 3), [(1, 2), 3, 4], [(1, 1), 3, 4], [7], "ab", 3, [1, 2, 3])
    ],
)
program(
    """# match mappings
def f(x):
    match x:
        case {'op': 'add', 'args': [a, b]}:
            return a + b
        case {'op': ('neg' | 'minus') as op, 'arg': a, **rest}:
            return op, -a, rest
        case {}:
            return 'mapping'
        case _:
            return 'none'
""",
    [{"op": "add", "args": [1, 2]}],
    [{"op": "neg", "arg": 4, "k": 1}],
    [{"op": "minus", "arg": 4}],
    [{"op": "neg"}],
    [[]],
)
program(
    """# match classes
def f(k):
    subject = [Point(0, 1), Point(2, 2), Point(Point(1, 2), 3), Box(v=1), Box(), 4, 'text'][k]
    match subject:
        case Point(0, y):
            return 'axis', y
        case Point(x=Point(a, b)):
            return 'nested', a, b
        case Point(x, y) if x == y:
            return 'diagonal', x
        case Box(v=1 | 2 as w):
            return 'box', w
        case str() as s:
            return s
        case int(n):
            return n
    return 'fell through'
""",
    *[[k] for k in range(7)],
)
program(
    """# failed guard leaves names bound
def f(x):
    y = 'before'
    match x:
        case [y, 1]:
            return 'first', y
        case y if y == 3:
            return 'second', y
        case [(1, z) | (z, 1)]:
            return z, y
    return y
""",
    [[1, 1]],
    [[1, 2]],
    [3],
    [[(1, 5)]],
    [[(5, 1)]],
)
program(
    """# match binds the subject's own name
def f(x):
    match x:
        case [x, 1]:
            return x
        case [y, x] if x == 2:
            return x, y
        case x:
            return x
""",
    [[5, 1]],
    [[5, 2]],
    [[5, 3]],
)
program(
    """# unbound local
def f(x):
    if x > 1:
        y = e(x)
    z = y
    return z + e(1)
""",
    [2],
    [0],
)
program(
    """# docstring and constants
def f(x):
    '''Says nothing.'''
    ...
    1
    x
    return
""",
    [1],
)
program(
    """# deep mixture
def f(xs):
    total = 0
    for i, x in enumerate(xs):
        total += (e(x) if x > 0 else -x) * len([y for y in xs if y > x and (y < 5 or e(y))])
        if not (0 <= i < 3) or (x in (1, 2) and not total):
            total = max(total, *(v for v in xs if v), 0) + {**{'a': x}, 'b': e(2)}['b']
    return total, f"{total if total else e(0)}"
""",
    [[1, 2, 3, 4, -1]],
)
