"""One workload of each eval, of a size at which times mean something."""

import numpy as np

from examples.gradbench.values import BA, RANDOM, VALUES, hand, mixture


def network(layers=2, bits=14, length=1024):
    """An input of `lstm`, with random bits for the text."""
    rng = np.random.default_rng(0)
    return {
        "main_params": rng.random((2 * layers, 4 * bits)),
        "extra_params": rng.random((3, bits)),
        "state": rng.random((2 * layers, bits)),
        "sequence": rng.integers(0, 2, (length, bits)).astype(float),
    }


def small_hand(points=100, vertices=544):
    """An input of `ht` of the size of the small model."""
    rng = np.random.default_rng(0)
    made = hand([], rng.integers(0, vertices, points))
    made["data"]["points"] = rng.random((points, 3))
    made["data"]["model"]["base_positions"] = rng.random((vertices, 4))
    made["data"]["model"]["weights"] = rng.random((vertices, 22))
    return made


WORKLOADS = {
    "hello": ("x=3", 3.0),
    "llsq": ("n=1024,m=128", {"x": RANDOM[:128], "n": 1024}),
    "lse": ("n=8000", {"x": RANDOM}),
    "det": ("7", {"A": RANDOM[:49], "ell": 7}),
    "ode": ("n=1000,s=10", {"x": RANDOM[:1000], "s": 10}),
    "gmm": ("10_25_200", mixture(10, 25, 200)),
    "lstm": ("l=2,c=1024", network()),
    "kmeans": ("k=10,n=1000,d=8", {
        "points": RANDOM.reshape(1000, 8), "centroids": RANDOM.reshape(1000, 8)[-10:],
    }),
    "ht": ("simple, N=100", small_hand()),
    "ba": ("ba1_n49_m7776_p31843", {**BA, "n": 49, "m": 7776, "p": 31843}),
    "particle": ("w=0", VALUES["particle"][0][1]),
    "saddle": ("w=0", VALUES["saddle"][0][1]),
}  # fmt: skip
