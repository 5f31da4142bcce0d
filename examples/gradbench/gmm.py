"""`gmm`: the log posterior of a Gaussian mixture with a Wishart prior."""

import math

import numpy as np

import stagec


def log_sum_exp(x):
    """The logarithm of the sums of exponentials along the last axis."""
    largest = np.max(x, axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.sum(np.exp(x - largest), axis=-1))


def log_gamma(a, d):
    """The logarithm of the multivariate gamma function of dimension d."""
    return d * (d - 1) / 4 * math.log(math.pi) + sum(
        math.lgamma(a + (1 - j) / 2) for j in range(1, d + 1)
    )


def factors(q, lower):
    """The lower triangular matrices: diagonals exp(q), below them `lower`, column by column."""
    k, d = q.shape
    Q = np.zeros((k, d, d))
    start = 0
    for j in range(d):
        stop = start + d - 1 - j
        Q[:, j, j] = np.exp(q[:, j])
        Q[:, j + 1 :, j] = lower[:, start:stop]
        start = stop
    return Q


def objective(alpha, mu, q, lower, x, m, gamma):
    n, d = x.shape
    k = len(alpha)
    Q = factors(q, lower)
    sum_q = np.sum(q, axis=1)
    beta = np.empty((n, k))
    for c in range(k):
        z = (x - mu[c]) @ Q[c].T
        beta[:, c] = alpha[c] + sum_q[c] - 0.5 * np.sum(z**2, axis=1)
    likelihood = np.sum(log_sum_exp(beta)) - n * (
        d / 2 * math.log(2 * math.pi) + log_sum_exp(alpha)
    )
    nu = d + m + 1
    prior = (
        k * (nu * d * math.log(gamma / math.sqrt(2)) - log_gamma(nu / 2, d))
        + m * np.sum(q)
        - gamma**2 / 2 * (np.sum(np.exp(q) ** 2) + np.sum(lower**2))
    )
    return likelihood + prior


def functions(backend):
    return {
        "objective": stagec.jit(objective, backend=backend),
        "jacobian": stagec.grad(objective, argnums=(0, 1, 2, 3), backend=backend),
    }


def prepare(message):
    k, d = message["k"], message["d"]
    lower = np.array(message["l"], float).reshape(k, d * (d - 1) // 2)
    arrays = [np.array(message[name], float) for name in ("alpha", "mu", "q")]
    x = np.array(message["x"], float)
    return (*arrays, lower, x, message["m"], message["gamma"])


def answer(function, result):
    if function == "objective":
        return result
    return dict(zip(("alpha", "mu", "q", "l"), result, strict=True))


def samples():
    rng = np.random.default_rng(0)
    d, k, n = 4, 3, 7
    sizes = {"x": (n, d), "alpha": k, "mu": (k, d), "q": (k, d), "l": (k, d * (d - 1) // 2)}
    arrays = {name: rng.normal(size=size) for name, size in sizes.items()}
    return [{"d": d, "k": k, "n": n, "m": 1, "gamma": 1.5, **arrays}]
