"""What the programs of JAX and PyTorch share: `m` is their module of array functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def log_sum_exp(m: Any, x: Any) -> Any:
    largest = m.amax(x, -1)
    return largest + m.log(m.sum(m.exp(x - largest[..., None]), -1))


def gmm_constant(d: int, k: int, n: int, mass: int, gamma: float) -> float:
    nu = d + mass + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi)
    log_gamma += sum(math.lgamma(nu / 2 + (1 - j) / 2) for j in range(1, d + 1))
    scale = nu * d * math.log(gamma / math.sqrt(2))
    return k * (scale - log_gamma) - n * d / 2 * math.log(2 * math.pi)


def gmm(m: Any, parts: Any, x: Any, mass: int, gamma: float, place: Any) -> Any:
    alpha, mu, q, lower = parts
    (n, d), k = x.shape, len(alpha)
    z = m.einsum("kij,nkj->nki", place(q, lower), x[:, None] - mu)
    beta = alpha + m.sum(q, 1) - 0.5 * m.sum(z**2, -1)
    prior = mass * m.sum(q) - gamma**2 / 2 * (m.sum(m.exp(q) ** 2) + m.sum(lower**2))
    likelihood = m.sum(log_sum_exp(m, beta)) - n * log_sum_exp(m, alpha)
    return likelihood + prior + gmm_constant(d, k, n, mass, gamma)


def below(d: int) -> tuple[list[int], list[int]]:
    """The places of the entries below the diagonal, column by column."""
    places = [(i, j) for j in range(d) for i in range(j + 1, d)]
    return [i for i, _ in places], [j for _, j in places]


def kmeans(m: Any, centroids: Any, points: Any) -> Any:
    return m.sum(m.amin(m.sum((points[:, None] - centroids) ** 2, -1), 1))


def lstm_step(m: Any, sigmoid: Any, main: Any, extra: Any, state: Any, v: Any) -> Any:
    b = v.shape[0]
    v = v * extra[0]
    new = []
    for i in range(0, len(main), 2):
        w, bias = main[i].reshape(4, b), main[i + 1].reshape(4, b)
        h, c = state[i], state[i + 1]
        forget = sigmoid(v * w[0] + bias[0])
        taken = sigmoid(h * w[1] + bias[1])
        out = sigmoid(v * w[2] + bias[2])
        c = c * forget + taken * m.tanh(h * w[3] + bias[3])
        v = out * m.tanh(c)
        new += [v, c]
    y = v * extra[1] + extra[2]
    return tuple(new), y - m.log(2 + m.sum(m.exp(y)))


def turned(m: Any, cross: Any, r: Any, y: Any) -> Any:
    """The points y turned by the rotation vectors r, one a row."""
    square = m.sum(r**2, -1)[:, None]
    angle = m.sqrt(m.where(square > 0, square, 1.0))
    cos, sin, axis = m.cos(angle), m.sin(angle), r / angle
    along = m.sum(axis * y, -1)[:, None]
    far = y * cos + cross(axis, y) * sin + axis * along * (1 - cos)
    return m.where(square > 0, far, y + cross(r, y))


def reprojection(m: Any, cross: Any, camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    seen = turned(m, cross, camera[:, 0:3], point - camera[:, 3:6])
    plane = seen[:, :2] / seen[:, 2:]
    square = m.sum(plane**2, -1)
    distortion = 1 + camera[:, 9] * square + camera[:, 10] * square**2
    projected = (camera[:, 6] * distortion)[:, None] * plane + camera[:, 7:9]
    return weight[:, None] * (projected - feature)


def sparse(m: Any, blocks: Any, of_weight: Any, cameras: Any, seen_by: Any, sees: Any) -> Any:
    """The row-compressed Jacobian of `ba` from its blocks: offsets, columns, values."""
    (n, points), p = cameras, len(blocks)
    at = m.arange(p)[:, None]
    parts = [11 * seen_by[:, None] + m.arange(11), 11 * n + 3 * sees[:, None] + m.arange(3)]
    columns = m.concatenate([*parts, 11 * n + 3 * points + at], 1)
    both = m.stack([columns, columns], 1).ravel()
    rows = m.concatenate([15 * m.arange(2 * p), 30 * p + m.arange(p + 1)])
    values = m.concatenate([blocks.ravel(), of_weight])
    return rows, m.concatenate([both, columns[:, 14]]), values


def levels(parents: Any) -> list[Any]:
    """The bones behind the root by their depth: those of one depth are computed together."""
    depth = np.zeros(len(parents), int)
    for b, parent in enumerate(parents):
        depth[b] = 0 if parent < 0 else depth[parent] + 1
    return [np.flatnonzero(depth == k) for k in range(1, max(depth) + 1)]


def bends() -> tuple[list[int], list[int]]:
    """The angles that are not zero: bone and axis as one number, three axes a bone."""
    joints = [(0, 0), (0, 1), (1, 0), (2, 0)]
    found = [3 * (2 + 4 * f + bone) + axis for f in range(5) for bone, axis in joints]
    return found, list(range(6, 26))


def spun(m: Any, angle: Any) -> Any:
    """The matrices Rz Ry Rx of the angles (tx, tz, ty), one a row."""
    (cx, cz, cy), (sx, sz, sy) = m.cos(angle).T, m.sin(angle).T
    rows = [
        m.stack([cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx], -1),
        m.stack([sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx], -1),
        m.stack([-sy, cy * sx, cy * cx], -1),
    ]
    return m.stack(rows, 1)


def turn(m: Any, v: Any) -> Any:
    """Rodrigues' formula; the angle is not near zero here."""
    angle = m.sqrt(m.sum(v**2))
    x, y, z = v / angle
    o = m.zeros_like(x)
    cross = m.stack([o, -z, y, z, o, -x, -y, x, o]).reshape(3, 3)
    return m.eye(3, dtype=v.dtype) + m.sin(angle) * cross + (1 - m.cos(angle)) * (cross @ cross)


def ht(m: Any, pose: Any, points: Any, chosen: Any, model: Any) -> Any:
    """The residuals.

    pose : theta, what places its angles, and what chains the transforms of the bones.
    """
    theta, angle, absolute = pose
    relatives = model["relatives"]
    local = relatives[:, :, :3] @ spun(m, angle(theta))
    chained = absolute(m.concatenate([local, relatives[:, :, 3:]], 2))
    bones = (chained @ model["inverses"])[:, :3].reshape(-1, 12)
    blended = (model["weights"] @ bones).reshape(-1, 3, 4)
    moved = m.sum(blended * model["positions"][:, None], -1)
    found = moved @ turn(m, theta[:3]).T + theta[3:6]
    return (points - found[chosen]).ravel()
