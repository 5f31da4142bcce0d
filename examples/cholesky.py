"""Cholesky factorisation written as loops, in place, and the gradient of a log-determinant."""

import numpy as np

import stagec


def cholesky(A):
    """The lower triangular L with L @ L.T = A."""
    L = A.copy()
    n = L.shape[0]
    for j in range(n):
        for k in range(j):
            L[j, j] -= L[j, k] * L[j, k]
        L[j, j] = np.sqrt(L[j, j])
        for i in range(j + 1, n):
            # subtract the columns that are done
            L[i, j] -= np.dot(L[i, :j], L[j, :j])
            L[i, j] /= L[j, j]
    return np.tril(L)


def log_determinant(A):
    L = cholesky(A)
    return 2 * np.sum(np.log(np.diag(L)))


def main():
    rng = np.random.default_rng(0)
    M = rng.normal(size=(6, 6))
    A = M @ M.T + 6 * np.eye(6)
    np.testing.assert_allclose(cholesky(A), np.linalg.cholesky(A))
    value, slope = stagec.value_and_grad(log_determinant)(A)
    # d log det A = trace(inv(A) dA); only the lower triangle of A is read
    inverse = np.linalg.inv(A)
    expected = np.tril(2 * inverse) - np.diag(np.diag(inverse))
    np.testing.assert_allclose(slope, expected, rtol=1e-10)
    print(f"log det A = {value:.6f}; its gradient equals the inverse to 1e-10")


if __name__ == "__main__":
    main()
