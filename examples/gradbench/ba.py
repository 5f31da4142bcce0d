"""`ba`: bundle adjustment, its Jacobian sparse and made of blocks, one an observation."""

import numpy as np

import stagec


def rotate(r, y):
    """The points y turned by the rotation vectors r, one a row."""
    square = np.sum(r**2, axis=1)
    turned = square > 0
    angle = np.sqrt(np.where(turned, square, 1.0))
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    axis = r / angle[:, None]
    along = np.sum(axis * y, axis=1)[:, None]
    far = y * cos + np.cross(axis, y) * sin + axis * along * (1 - cos)
    return np.where(turned[:, None], far, y + np.cross(r, y))


def reprojection(camera, point, weight, feature):
    """The weighted errors of the points seen by the cameras, one observation a row."""
    rotation, centre = camera[:, 0:3], camera[:, 3:6]
    focal, principal = camera[:, 6], camera[:, 7:9]
    seen = rotate(rotation, point - centre)
    plane = seen[:, :2] / seen[:, 2:]
    square = np.sum(plane**2, axis=1)
    distortion = 1 + camera[:, 9] * square + camera[:, 10] * square**2
    projected = (focal * distortion)[:, None] * plane + principal
    return weight[:, None] * (projected - feature)


def objective(cameras, points, weights, features, seen_by, sees):
    """The errors of the projections, (p, 2), and of the weights, (p,)."""
    return reprojection(cameras[seen_by], points[sees], weights, features), 1 - weights**2


def jacobian(cameras, points, weights, features, seen_by, sees):
    """The Jacobian in row-compressed form: offsets of rows, columns and values."""
    n, m, p = len(cameras), len(points), len(weights)
    blocks = np.empty((p, 2, 15))
    _, pull = stagec.vjp(
        lambda camera, point, weight: reprojection(camera, point, weight, features),
        cameras[seen_by], points[sees], weights,
    )  # fmt: skip
    for row in range(2):
        seed = np.zeros((p, 2))
        seed[:, row] = 1.0
        blocks[:, row, :11], blocks[:, row, 11:14], blocks[:, row, 14] = pull(seed)
    _, of_weight = stagec.jvp(lambda w: 1 - w**2, (weights,), (np.ones(p),))

    columns = np.empty((p, 2, 15), int)
    columns[:, :, :11] = 11 * seen_by[:, None, None] + np.arange(11)
    columns[:, :, 11:14] = 11 * n + 3 * sees[:, None, None] + np.arange(3)
    columns[:, :, 14] = 11 * n + 3 * m + np.arange(p)[:, None]
    rows = np.concatenate([15 * np.arange(2 * p), 30 * p + np.arange(p + 1)])
    return (
        rows,
        np.concatenate([columns.ravel(), columns[:, 0, 14]]),
        np.concatenate([blocks.ravel(), of_weight]),
    )


def functions(backend):
    return {
        "objective": stagec.jit(objective, backend=backend),
        "jacobian": stagec.jit(jacobian, backend=backend),
    }


def prepare(message):
    n, m, p = message["n"], message["m"], message["p"]
    observation = np.arange(p)
    return (
        np.tile(np.array(message["cam"], float), (n, 1)),
        np.tile(np.array(message["x"], float), (m, 1)),
        np.full(p, float(message["w"])),
        np.tile(np.array(message["feat"], float), (p, 1)),
        observation % n,
        observation % m,
    )


def answer(function, result):
    if function == "objective":
        errors, of_weights = result
        p = len(errors)
        return {
            "reproj_error": {"elements": errors[0], "repeated": p},
            "w_err": {"element": of_weights[0], "repeated": p},
        }
    return {
        name: np.append(part[:30], part[-1])
        for name, part in zip(("rows", "cols", "vals"), result, strict=True)
    }


def samples():
    camera = np.linspace(-1.0, 1.0, 11)
    return [{"n": 3, "m": 7, "p": 20, "cam": camera, "x": [1.0, 2.0, 3.0], "w": 0.4,
             "feat": [0.1, 0.2]}]  # fmt: skip
