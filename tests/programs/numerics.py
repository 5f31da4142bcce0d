"""Numerical programs as people write them: loops, in-place updates, branches, objects."""

# ruff: noqa: E741

import numpy as np

R = np.random.default_rng
CASES = {}


def x5():
    return R(1).normal(size=5)


def p5():
    return R(3).uniform(0.5, 1.5, size=5)


def gs_proj(A):
    Q = np.zeros_like(A)
    Rm = np.zeros((A.shape[1], A.shape[1]))
    for k in range(A.shape[1]):
        nrm = np.dot(A[:, k], A[:, k])
        Rm[k, k] = np.sqrt(nrm)
        Q[:, k] = A[:, k] / Rm[k, k]
        for j in range(k + 1, A.shape[1]):
            Rm[k, j] = np.dot(Q[:, k], A[:, j])
            A[:, j] -= Q[:, k] * Rm[k, j]
    return np.sum(Q * np.arange(9.0).reshape(3, 3)) + np.sum(Rm)


CASES["gramschmidt"] = (gs_proj, lambda: R(4).normal(size=(3, 3)))


def lu(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, n):
            A[i, j] -= A[i, :i] @ A[:i, j]
    return np.sum(A * A)


CASES["lu"] = (lu, lambda: R(4).normal(size=(4, 4)) + 4 * np.eye(4))


def durbin(r):
    y = np.empty_like(r)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return np.sum(y * y)


CASES["durbin"] = (durbin, lambda: R(4).uniform(0, 0.3, size=6))


def adi_like(u):
    v = np.zeros_like(u)
    p = np.zeros_like(u)
    q = np.zeros_like(u)
    N = u.shape[0]
    for _ in range(1, 3):
        v[0, 1 : N - 1] = 1.0
        p[1 : N - 1, 0] = 0.0
        q[1 : N - 1, 0] = v[0, 1 : N - 1]
        for j in range(1, N - 1):
            p[1 : N - 1, j] = -0.3 / (0.2 * p[1 : N - 1, j - 1] + 1.5)
            q[1 : N - 1, j] = (
                -0.1 * u[j, 0 : N - 2]
                + (1.0 + 2.0 * 0.1) * u[j, 1 : N - 1]
                - 0.1 * u[j, 2:N]
                - 0.2 * q[1 : N - 1, j - 1]
            ) / (0.2 * p[1 : N - 1, j - 1] + 1.5)
        v[N - 1, 1 : N - 1] = 1.0
        for j in range(N - 2, 0, -1):
            v[j, 1 : N - 1] = p[1 : N - 1, j] * v[j + 1, 1 : N - 1] + q[1 : N - 1, j]
        u[1:-1, 1:-1] = v[1:-1, 1:-1] * u[1:-1, 1:-1]
    return np.sum(u * u)


CASES["adi"] = (adi_like, lambda: R(4).normal(size=(6, 6)))


def deque(x):
    s = 0.0
    stack = [x[0], x[1]]
    while len(stack) > 0:
        v = stack.pop()
        s = s + v * v
        if v > 0.4 and len(stack) < 4:
            stack.append(v * 0.9)
            stack.append(v * 0.5)
    return s


CASES["worklist"] = (deque, x5)


def hmm(obs, A, B, pi):
    alpha = pi * B[:, obs[0]]
    ll = 0.0
    for t in range(1, len(obs)):
        alpha = (alpha @ A) * B[:, obs[t]]
        s = alpha.sum()
        alpha = alpha / s
        ll += np.log(s)
    return ll


CASES["hmm"] = (
    lambda A: hmm(
        np.array([0, 1, 1, 0]), A, np.array([[0.3, 0.7], [0.6, 0.4]]), np.array([0.5, 0.5])
    ),
    lambda: R(1).uniform(0.1, 1, size=(2, 2)),
)


def dtw(a, b):
    n, m = len(a), len(b)
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            c = abs(a[i - 1] - b[j - 1])
            D[i, j] = c + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


CASES["dtw"] = (dtw, x5, p5)


def spmv(data, idx, ptr, x):
    y = np.zeros(len(ptr) - 1)
    for i in range(len(ptr) - 1):
        y[i] = data[ptr[i] : ptr[i + 1]] @ x[idx[ptr[i] : ptr[i + 1]]]
    return np.sum(y**2)


CASES["spmv"] = (
    spmv,
    lambda: R(0).normal(size=5),
    lambda: np.array([0, 2, 1, 0, 2]),
    lambda: np.array([0, 2, 3, 5]),
    lambda: R(1).normal(size=3),
)


def nbody(p, v, n):
    for _ in range(n):
        d = p[:, None, :] - p[None, :, :]
        r2 = np.sum(d**2, axis=-1) + 0.1
        a = -np.sum(d / r2[:, :, None] ** 1.5, axis=1)
        v = v + 0.01 * a
        p = p + 0.01 * v
    return np.sum(p**2)


CASES["nbody"] = (
    nbody,
    lambda: R(0).normal(size=(4, 3)),
    lambda: R(1).normal(size=(4, 3)),
    lambda: 5,
)


def lstm(xs, W, U, b):
    n = b.shape[0] // 4
    h = np.zeros(n)
    c = np.zeros(n)
    out = []
    for x in xs:
        z = W @ x + U @ h + b
        i, f, o, g = np.split(z, 4)
        c = 1 / (1 + np.exp(-f)) * c + 1 / (1 + np.exp(-i)) * np.tanh(g)
        h = 1 / (1 + np.exp(-o)) * np.tanh(c)
        out.append(h)
    return np.sum(np.stack(out) ** 2)


CASES["lstm"] = (
    lambda W: lstm(R(0).normal(size=(6, 3)), W, R(3).normal(size=(8, 2)), R(4).normal(size=8)),
    lambda: R(2).normal(size=(8, 3)),
)


def recursion(x):
    def fact(n):
        if n <= 1:
            return 1.0
        return n * fact(n - 1)

    def quad(f, a, b, d):
        m = (a + b) / 2
        if d == 0:
            return f(m) * (b - a)
        return quad(f, a, m, d - 1) + quad(f, m, b, d - 1)

    return quad(lambda t: np.sin(t * x), 0.0, 1.0, 3) * fact(4)


CASES["recursion"] = (recursion, lambda: 1.3)


def conv(img, k):
    H, W = img.shape
    out = np.zeros((H - 2, W - 2))
    for i in range(H - 2):
        for j in range(W - 2):
            out[i, j] = np.sum(img[i : i + 3, j : j + 3] * k)
    return np.sum(np.maximum(out, 0) ** 2)


CASES["conv"] = (conv, lambda: R(0).normal(size=(6, 6)), lambda: R(1).normal(size=(3, 3)))


class Layer:
    def __init__(s, w, b):
        s.w = w
        s.b = b

    def __call__(s, x):
        return np.tanh(x @ s.w + s.b)


class Net:
    def __init__(s, layers):
        s.layers = layers

    def forward(s, x):
        for l in s.layers:
            x = l(x)
        return x


CASES["objects"] = (
    lambda w: np.sum(
        Net([Layer(w, 0.1), Layer(w * 2, np.ones(3))]).forward(R(1).normal(size=(2, 3)))
    ),
    lambda: R(0).normal(size=(3, 3)),
)


def gen(x):
    def pairs(v):
        for i in range(len(v)):
            for j in range(i):
                yield v[i], v[j]

    return sum(a * b for a, b in pairs(x))


CASES["generators"] = (gen, x5)


def whilearr(x):
    n = 0
    while np.linalg.norm(x) > 0.5:
        x = x * 0.7
        n += 1
        if n > 20:
            break
    else:
        x = x * 2
    return np.sum(x) * n


CASES["whilearr"] = (whilearr, x5)


def mand(c):
    z = np.zeros_like(c)
    N = np.zeros(c.shape)
    for k in range(5):
        I = np.abs(z) < 2.0
        N[I] = k
        z[I] = z[I] ** 2 + c[I]
    return np.sum(z**2)


CASES["mandel"] = (mand, x5)


def fdtd(ex, ey, hz, fict):
    for t in range(len(fict)):
        ey[0, :] = fict[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return np.sum(hz**2)


CASES["fdtd"] = (
    fdtd,
    lambda: R(0).normal(size=(4, 5)),
    lambda: R(1).normal(size=(4, 5)),
    lambda: R(2).normal(size=(4, 5)),
    lambda: R(3).normal(size=3),
)


def stockham(x):
    y = x + 0j
    return np.sum(np.abs(np.fft.fft(y)) ** 2)


CASES["fft"] = (stockham, x5)


def tridiag(a, d):
    n = len(d)
    c = np.zeros(n)
    e = np.zeros(n)
    c[0] = 0.5 / a[0]
    e[0] = d[0] / a[0]
    for i in range(1, n):
        m = a[i] - 0.3 * c[i - 1]
        c[i] = 0.5 / m
        e[i] = (d[i] - 0.3 * e[i - 1]) / m
    x = np.zeros(n)
    x[-1] = e[-1]
    for i in range(n - 2, -1, -1):
        x[i] = e[i] - c[i] * x[i + 1]
    return np.sum(x**2)


CASES["tridiag"] = (tridiag, p5, x5)
