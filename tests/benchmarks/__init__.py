"""What gradients, calls and compilation cost: `python -m tests.benchmarks`."""
