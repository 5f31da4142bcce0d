"""`ht`: how far a model of a hand is from measured points, by its pose."""

import numpy as np

import stagec


def rotation(tx, tz, ty):
    """The matrix that turns about x, then y, then z."""
    about_x = np.array([[1, 0, 0], [0, np.cos(tx), -np.sin(tx)], [0, np.sin(tx), np.cos(tx)]])
    about_y = np.array([[np.cos(ty), 0, np.sin(ty)], [0, 1, 0], [-np.sin(ty), 0, np.cos(ty)]])
    about_z = np.array([[np.cos(tz), -np.sin(tz), 0], [np.sin(tz), np.cos(tz), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def turn(v):
    """The matrix that turns about v by its length (Rodrigues' formula)."""
    angle = np.sqrt(np.sum(v**2))
    if angle < 1e-4:
        return np.eye(3)
    x, y, z = v / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def angles(theta, bones):
    """The three angles of each bone; a finger bends in three joints and spreads in one."""
    found = np.zeros((bones, 3))
    for finger in range(5):
        first, bone = 6 + 4 * finger, 2 + 4 * finger
        found[bone, 0] = theta[first]
        found[bone, 1] = theta[first + 1]
        found[bone + 1, 0] = theta[first + 2]
        found[bone + 2, 0] = theta[first + 3]
    return found


def transforms(theta, parents, relatives, inverses):
    """The transform of each bone from the pose of rest, (bones, 4, 4)."""
    bones = len(parents)
    angle = angles(theta, bones)
    absolute = np.zeros((bones, 4, 4))
    for b in range(bones):
        local = np.eye(4)
        local[:3, :3] = rotation(angle[b, 0], angle[b, 1], angle[b, 2])
        absolute[b] = relatives[b] @ local
        if parents[b] >= 0:
            absolute[b] = absolute[parents[b]] @ absolute[b]
    return absolute @ inverses


def vertices(theta, model):
    """The positions of the vertices of the posed hand, (vertices, 3)."""
    bones = transforms(theta, model["parents"], model["relatives"], model["inverses"])
    moved = np.zeros((len(model["positions"]), 3))
    for b in range(len(bones)):
        moved += model["weights"][:, b, None] * (model["positions"] @ bones[b, :3].T)
    if model["mirrored"]:
        moved[:, 0] = -moved[:, 0]
    return moved @ turn(theta[:3]).T + theta[3:6]


def objective(theta, us, points, correspondences, model):
    """The residuals of all points, three each.

    A point belongs to a vertex, or, where there are `us`, to the place u of a triangle.
    """
    found = vertices(theta, model)
    if us is None:
        return (points - found[correspondences]).ravel()
    corners = found[model["triangles"][correspondences]]
    u, v = us[:, :1], us[:, 1:]
    on = u * corners[:, 0] + v * corners[:, 1] + (1 - u - v) * corners[:, 2]
    return (points - on).ravel()


def jacobian(theta, us, points, correspondences, model):
    """The derivatives in theta, and before them those of each point in its own u."""
    of_theta = stagec.jacfwd(objective)(theta, us, points, correspondences, model)
    if us is None:
        return of_theta
    of_us = np.empty((3 * len(points), 2))
    for k in range(2):
        seed = np.zeros_like(us)
        seed[:, k] = 1.0  # one seed for all points: no point depends on another's u
        _, of_us[:, k] = stagec.jvp(
            lambda us: objective(theta, us, points, correspondences, model), (us,), (seed,)
        )
    return np.concatenate([of_us, of_theta], axis=1)


def functions(backend):
    return {
        "objective": stagec.jit(objective, backend=backend),
        "jacobian": stagec.jit(jacobian, backend=backend),
    }


def prepare(message):
    data = message["data"]
    model = data["model"]
    us = np.array(message["us"], float) if len(message["us"]) else None
    hand = {
        "parents": np.array(model["parents"]),
        "relatives": np.array(model["base_relatives"], float),
        "inverses": np.array(model["inverse_base_absolutes"], float),
        "positions": np.array(model["base_positions"], float),
        "weights": np.array(model["weights"], float),
        "triangles": np.array(model["triangles"]),
        "mirrored": model["is_mirrored"],
    }
    points = np.array(data["points"], float)
    return (
        np.array(message["theta"], float),
        us,
        points,
        np.array(data["correspondences"]),
        hand,
    )


def samples():
    rng = np.random.default_rng(0)
    bones, vertices, triangles, points = 22, 30, 13, 7
    model = {
        "parents": [-1, *(0 if b % 4 == 0 else b for b in range(20)), 0],
        "base_relatives": rng.random((bones, 4, 4)),
        "inverse_base_absolutes": rng.random((bones, 4, 4)),
        "base_positions": rng.random((vertices, 4)),
        "weights": rng.random((vertices, bones)),
        "triangles": rng.integers(0, vertices, (triangles, 3)),
        "is_mirrored": False,
    }
    numbers = rng.integers(0, triangles, points)
    data = {"model": model, "correspondences": numbers, "points": rng.random((points, 3))}
    us = rng.random((points, 2))
    return [{"theta": rng.random(26), "us": u, "data": data} for u in ([], us)]
