"""Lists of lists whose lengths only the run time knows: uses, names, gradients, refusals."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

N = 70
BACKENDS = ("numpy", "numba")
KEYS = np.random.default_rng(1).integers(0, 5, N)
X = np.random.default_rng(0).random(N)
MATRIX = np.random.default_rng(2).random((12, 13))
EDGES = np.random.default_rng(3).random((30, 30)) < 0.1


def common(a: Any, b: Any) -> Any:
    n, m = len(a), len(b)
    best = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            if a[i - 1] == b[j - 1]:
                best[i][j] = best[i - 1][j - 1] + 1
            else:
                best[i][j] = max(best[i - 1][j], best[i][j - 1])
    return best[n][m], best


def later_floats(n: Any) -> Any:
    t = [[0] * n for _ in range(n)]
    for i in range(n):
        t[i][i] = i * 0.5
    return t[3][3] + t[4][5], np.array(t)


def reached(edges: Any) -> Any:
    n = edges.shape[0]
    near = [[] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            if edges[i, j]:
                near[i].append(j)
    seen, stack, count = [False] * n, [0], 0
    while stack:
        u = stack.pop()
        if not seen[u]:
            seen[u] = True
            count += 1
            for v in near[u]:
                if not seen[v]:
                    stack.append(v)
    return count, near


def solved(a: Any) -> Any:
    n = len(a)
    rows = [[a[i, j] for j in range(n + 1)] for i in range(n)]
    for i in range(n):
        p = i
        for r in range(i + 1, n):
            if abs(rows[r][i]) > abs(rows[p][i]):
                p = r
        rows[i], rows[p] = rows[p], rows[i]
        for r in range(i + 1, n):
            f = rows[r][i] / rows[i][i]
            for c in range(i, n + 1):
                rows[r][c] -= f * rows[i][c]
    return rows


def ragged(n: Any) -> Any:
    rows = []
    for i in range(n):
        rows.append([])
        for j in range(i % 4):
            rows[i].append(i * j)
    return rows, sum(len(r) for r in rows)


def names(n: Any) -> Any:
    rows, seen = [], 0
    for i in range(n):
        row = [i, i + 1]
        rows.append(row)
        row[0] = 7 * i
        rows[i][0] = 100
        row.append(row[1] + i)
        last = rows[-1]
        rows.append([2 * i])
        last.append(9)
        seen += len(last)
    return rows, seen


def iterated(n: Any) -> Any:
    rows = [[i, 2] for i in range(n)]
    for r in rows:
        r[0] += 1
        r.append(r[0])
    copies = [list(r) for r in rows]
    for i, r in enumerate(rows):
        r[1] = i
        copies[i] += [i]
    return rows, copies


def methods(n: Any) -> Any:
    t = [[i, 2] for i in range(n)]
    t[3].clear()
    t[4].pop()
    t[5].insert(0, 8)
    t[6].reverse()
    t[7].sort()
    del t[8][0]
    t[9].extend([4, 5])
    out = t.pop()
    out.append(1)
    t.append(out)
    return t, t[2].index(2), max(t[11]), f"{t[1]}"


def three(n: Any) -> Any:
    t = [[[0.0] * 3 for _ in range(4)] for _ in range(n)]
    for i in range(n):
        for j in range(4):
            t[i][j][1] += i * j
    return t


def exchanged(n: Any, p: Any) -> Any:
    rows = [[i, 1] for i in range(n)]
    for i in range(n):
        rows[i], rows[p[i]] = rows[p[i]], rows[i]
        rows[i][1] += rows[p[i]][1]
    return rows


def replaced(n: Any, k: Any) -> Any:
    rows = [[0] * 2 for _ in range(n)]
    r = rows[k]
    rows[k] = [5]
    r.append(1)
    return rows, r


def points(x: Any, k: Any) -> Any:
    groups = [[] for _ in range(5)]
    for i in range(len(x)):
        groups[k[i]].append(x[i])
    return [np.mean(np.array(g), axis=0) for g in groups]


def records(x: Any) -> Any:
    rows = []
    for i in range(len(x)):
        if x[i] > 0.5:
            rows.append([i, x[i], 1.5])
    return rows


def given(rows: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(k)):
        total += rows[k[i]][1]
    return total


CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (common, (KEYS, KEYS[::-1][:60])), (later_floats, (N,)), (reached, (EDGES,)),
    (solved, (MATRIX,)), (ragged, (N,)), (names, (N,)), (iterated, (N,)), (methods, (N,)),
    (three, (N,)), (records, (X[:4],)), (exchanged, (N, KEYS)), (replaced, (N, 3)),
    (points, (X.reshape(35, 2), KEYS[:35])), (given, ([[1.0, 2.0], [3.0, 4.0]], KEYS[:9] % 2)),
    (given, ([[float(i), 2.0 + i] for i in range(80)], KEYS)),
]  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and bool(np.allclose(a, b, rtol=1e-12))
    return type(a) is type(b) and a == pytest.approx(b, rel=1e-12) if a != b else True


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("program", "args"), CASES)
def test_lists_of_lists(program: Callable[..., Any], args: Any, backend: str) -> None:
    plain, staged = copy.deepcopy(args), copy.deepcopy(args)
    assert same(program(*plain), sc.jit(program, backend=backend)(*staged))
    assert same(list(plain), list(staged))


def table(x: Any, n: Any) -> Any:
    t = [[0.0] * n for _ in range(n)]
    for i in range(1, n):
        for j in range(1, n):
            t[i][j] = max(t[i - 1][j], t[i][j - 1]) + x[i] * x[j]
    t[1], t[0] = t[0], t[1]
    return t[n - 1][n - 1] * t[0][3] + np.sum(np.array(t))


def grouped(x: Any, n: Any) -> Any:
    groups = [[] for _ in range(5)]
    for i in range(n):
        groups[KEYS[i]].append(x[i] * x[i])
    total = 0.0
    for group in groups:
        for value in group:
            total += value * len(group)
    return total


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", [table, grouped])
def test_gradients(program: Callable[..., Any], backend: str) -> None:
    x = X[:66]
    found = sc.grad(program, backend=backend)(x, 66)
    way, h = np.cos(np.arange(66)), 1e-5
    slope = (program(x + h * way, 66) - program(x - h * way, 66)) / (2 * h)
    assert np.sum(found * way) == pytest.approx(slope, rel=1e-6)


def twice(n: Any) -> Any:
    rows = []
    for i in range(n):
        row = [i]
        rows.append(row)
        rows.append(row)
    return rows


def shared(n: Any) -> Any:
    rows = [[i] for i in range(n)]
    rows[2] = rows[3]
    rows[3].append(1)
    return rows


def shallow(n: Any) -> Any:
    rows = [[i] for i in range(n)]
    other = rows.copy()
    other[0][0] = 1
    return rows


def gone(n: Any) -> Any:
    rows = [[i] for i in range(n)]
    row = rows[n - 1]
    rows.pop()
    row.append(1)
    return rows


def one_of_the_callers(rows: Any) -> Any:
    for i in range(len(KEYS)):
        rows[KEYS[i] % 2][0] += 1.0
    return rows


def unclear(n: Any) -> Any:
    rows = [[i] for i in range(n)]
    return rows[0] is rows[n - 1]


def removed(n: Any) -> Any:
    rows = [[i] for i in range(n)]
    row = rows[0]
    rows.pop()
    return row is rows[0]


@pytest.mark.parametrize(
    ("program", "argument", "code"),
    [
        (twice, N, "SC314"), (shared, N, "SC314"), (shallow, N, "SC314"), (gone, N, "SC310"),
        (one_of_the_callers, [[1.0], [2.0]], "SC315"), (unclear, N, "SC310"),
        (removed, N, "SC310"),
    ],
)  # fmt: skip
def test_one_list_of_two_names_is_refused(program: Any, argument: Any, code: str) -> None:
    with pytest.raises(sc.StagecError, match=code):
        sc.jit(program)(argument)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_write_copies_no_row(backend: str) -> None:
    f = sc.jit(common, backend=backend)
    source = f.source(KEYS, KEYS[:40])
    assert source.count(".copy()") == 1  # of the row of zeros, for each row


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_rows_of_a_result_are_lists_of_their_own(backend: str) -> None:
    def table(n: Any) -> Any:
        return [[0.0] * 3 for _ in range(n)]

    found = sc.jit(table, backend=backend)(N)
    found[0][0] = 5.0
    assert found[1:] == table(N)[1:]


def identities(n: Any) -> Any:
    rows, others = ([[i] for i in range(n)] for _ in range(2))
    last = rows[n - 1]
    deep = [[[i]] for i in range(n)]
    inner = deep[n - 1]
    return (
        last is rows[n - 1], last is not rows[n - 1], rows[0] is rows[1], rows[0] is others[0],
        rows[0] is rows, inner[0] is deep[n - 1][0], inner[0] is inner,
    )  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
def test_names_of_one_element_are_one_list(backend: str) -> None:
    assert sc.jit(identities, backend=backend)(N) == identities(N)


def squares_of_parts(x: Any, n: Any) -> Any:
    rows = []
    for i in range(n):
        rows.append([x * i, x, x + i])
    s = 0.0
    for a, b, c in rows:
        s = s + a * b - c * c
    return s


def too_few_parts(x: Any, n: Any) -> Any:
    rows = []
    for i in range(n):
        rows.append([x * i, x])
    for a, b, c in rows:
        x = a * b + c
    return x


def too_many_parts(x: Any, n: Any) -> Any:
    rows = []
    for i in range(n):
        rows.append([x * i, x, x])
    for a, b in rows:
        x = a * b
    return x


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_parts_of_an_element_have_names(backend: str) -> None:
    f = sc.jit(squares_of_parts, backend=backend)
    assert f(0.3, N) == pytest.approx(squares_of_parts(0.3, N), rel=1e-13)
    wanted = (squares_of_parts(0.3 + 1e-6, N) - squares_of_parts(0.3 - 1e-6, N)) / 2e-6
    assert sc.grad(squares_of_parts, backend=backend)(0.3, N) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", [too_few_parts, too_many_parts])
def test_as_many_parts_as_there_are_names(program: Callable[..., Any], backend: str) -> None:
    f = sc.jit(program, backend=backend)
    assert f(0.3, 0) == 0.3
    with pytest.raises(ValueError, match="values to unpack") as wanted:
        program(0.3, N)
    with pytest.raises(ValueError, match="values to unpack") as found:
        f(0.3, N)
    assert str(found.value) == str(wanted.value)
