"""`kmeans`: the cost of a clustering, and the Newton direction of its centroids."""

import numpy as np

import stagec


def cost(centroids, points):
    nearest = np.empty(len(points), int)
    for i in range(len(points)):
        nearest[i] = np.argmin(np.sum((centroids - points[i]) ** 2, axis=1))
    return np.sum((points - centroids[nearest]) ** 2)


def direction(centroids, points):
    """The gradient divided by the Hessian's diagonal, all of it that is not zero.

    So the Hessian times a vector of ones is its diagonal: one forward pass over the gradient.
    """
    gradient, diagonal = stagec.jvp(
        lambda c: stagec.grad(cost)(c, points), (centroids,), (np.ones_like(centroids),)
    )
    return gradient / diagonal


def functions(backend):
    return {
        "cost": stagec.jit(cost, backend=backend),
        "dir": stagec.jit(direction, backend=backend),
    }


def prepare(message):
    return np.array(message["centroids"], float), np.array(message["points"], float)


def samples():
    rng = np.random.default_rng(0)
    points = rng.random((7, 3))
    return [{"points": points, "centroids": points[-4:]}]
