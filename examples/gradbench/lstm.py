"""`lstm`: the loss of a diagonal LSTM that predicts the next character."""

import numpy as np

import stagec


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def objective(main, extra, state, sequence):
    """The mean loss over the sequence.

    main : for each layer a row of weights and one of biases, of the gates forget, in, out and
        change.
    extra : input weight, output weight, output bias.
    state : for each layer the hidden vector and the cell vector.
    sequence : the characters, as bits.
    """
    state = state.copy()
    length, bits = sequence.shape
    total = 0.0
    for t in range(length - 1):
        v = sequence[t] * extra[0]
        for i in range(0, len(state), 2):
            weight, bias = main[i].reshape(4, bits), main[i + 1].reshape(4, bits)
            h, c = state[i], state[i + 1]
            forget = sigmoid(v * weight[0] + bias[0])
            ingate = sigmoid(h * weight[1] + bias[1])
            outgate = sigmoid(v * weight[2] + bias[2])
            change = np.tanh(h * weight[3] + bias[3])
            state[i + 1] = c * forget + ingate * change
            state[i] = outgate * np.tanh(state[i + 1])
            v = state[i]
        y = v * extra[1] + extra[2]
        prediction = y - np.log(2 + np.sum(np.exp(y)))
        total += np.sum(sequence[t + 1] * prediction)
    return -total / (bits * (length - 1))


def functions(backend):
    return {
        "objective": stagec.jit(objective, backend=backend),
        "jacobian": stagec.grad(objective, argnums=(0, 1), backend=backend),
    }


def prepare(message):
    names = ("main_params", "extra_params", "state", "sequence")
    return tuple(np.array(message[name], float) for name in names)


def answer(function, result):
    if function == "objective":
        return result
    return np.concatenate([part.ravel() for part in result])


def samples():
    rng = np.random.default_rng(0)
    layers, bits, length = 2, 5, 7
    sizes = {"main_params": (2 * layers, 4 * bits), "extra_params": (3, bits)}
    sizes |= {"state": (2 * layers, bits), "sequence": (length, bits)}
    return [{name: rng.random(size) for name, size in sizes.items()}]
