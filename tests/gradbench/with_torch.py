"""The evals in PyTorch, evaluated eagerly on one thread."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from tests.gradbench import shared

Pair = tuple[Callable[[], Any], Callable[[], Any]]

torch: Any = import_module("torch")
torch.set_num_threads(1)


def tensor(a: Any) -> Any:
    return torch.tensor(a) if isinstance(a, np.ndarray) else a


def pair(function: Any, count: int = 1) -> Callable[..., Pair]:
    def bind(*arguments: Any) -> Pair:
        given = [tensor(a) for a in arguments]
        varied = [a.clone().requires_grad_() for a in given[:count]]

        def derivative() -> Any:
            found = torch.autograd.grad(function(*varied, *given[count:]), varied)
            return found[0] if count == 1 else found

        return lambda: function(*given), derivative

    return bind


def llsq(x: Any, n: int) -> Any:
    t = torch.linspace(-1.0, 1.0, n, dtype=x.dtype)
    value = torch.zeros_like(t)
    for k in reversed(range(len(x))):
        value = value * t + x[k]
    return 0.5 * torch.sum((torch.sign(t) - value) ** 2)


def place(q: Any, lower: Any) -> Any:
    k, d = q.shape
    i, j = (torch.tensor(a, dtype=torch.long) for a in shared.below(d))
    flat = torch.zeros(k, d * d, dtype=q.dtype).index_copy(1, i * d + j, lower)
    return torch.diag_embed(torch.exp(q)) + flat.reshape(k, d, d)


def gmm(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
    return shared.gmm(torch, (alpha, mu, q, lower), x, m, gamma, place)


def kmeans(centroids: Any, points: Any) -> Pair:
    c, p = tensor(centroids), tensor(points)

    def cost(c: Any) -> Any:
        return shared.kmeans(torch, c, p)

    def direction() -> Any:
        varied = c.clone().requires_grad_()
        (first,) = torch.autograd.grad(cost(varied), varied, create_graph=True)
        (second,) = torch.autograd.grad(first, varied, torch.ones_like(c))
        return (first / second).detach()

    return lambda: cost(c), direction


def lstm(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    held, total = tuple(state), 0.0
    for t in range(len(sequence) - 1):
        held, y = shared.lstm_step(torch, torch.sigmoid, main, extra, held, sequence[t])
        total = total + torch.sum(sequence[t + 1] * y)
    return -total / (len(sequence) - 1) / sequence.shape[1]


def lstm_pair(*arguments: Any) -> Pair:
    value, gradient = pair(lstm, 2)(*arguments)
    return value, lambda: torch.cat([g.ravel() for g in gradient()])


def reprojection(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    cross = torch.linalg.cross
    return shared.reprojection(torch, cross, camera, point, weight, feature)


def ba(*arguments: Any) -> Pair:
    cameras, points, w, features, i, j = map(tensor, arguments)
    sizes = len(cameras), len(points)

    def objective() -> Any:
        return reprojection(cameras[i], points[j], w, features), 1 - w**2

    def jacobian() -> Any:
        seen = [a.clone().requires_grad_() for a in (cameras[i], points[j], w)]
        errors = reprojection(seen[0], seen[1], seen[2], features)
        blocks = torch.empty(len(w), 2, 15, dtype=w.dtype)
        for row in range(2):
            parts = torch.autograd.grad(errors[:, row].sum(), seen, retain_graph=row == 0)
            blocks[:, row, :11], blocks[:, row, 11:14], blocks[:, row, 14] = parts
        return shared.sparse(torch, blocks, -2 * w, sizes, i, j)

    return objective, jacobian


def ht(theta: Any, us: Any, points: Any, chosen: Any, model: Any) -> Pair:
    arrays = {key: tensor(a) for key, a in model.items()}
    parents, levels = arrays["parents"], [tensor(a) for a in shared.levels(model["parents"])]
    places, entries = map(torch.tensor, shared.bends())

    def absolute(relative: Any) -> Any:
        for level in levels:
            chained = relative[parents[level]] @ relative[level]
            relative = relative.index_copy(0, level, chained)
        return relative

    def angle(theta: Any) -> Any:
        flat = torch.zeros(3 * len(parents), dtype=theta.dtype)
        return flat.index_copy(0, places, theta[entries]).reshape(-1, 3)

    def objective(theta: Any) -> Any:
        pose = theta, angle, absolute
        return shared.ht(torch, pose, tensor(points), tensor(chosen), arrays)

    jacobian, given = torch.func.jacfwd(objective), tensor(theta)
    return lambda: objective(given), lambda: jacobian(given)


EVALS: dict[str, Callable[..., Pair]] = {
    "llsq": pair(llsq),
    "lse": pair(lambda x: shared.log_sum_exp(torch, x)),
    "gmm": pair(gmm, 4),
    "lstm": lstm_pair,
    "kmeans": kmeans,
    "ht": ht,
    "ba": ba,
}
