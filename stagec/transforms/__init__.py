"""Transforms that change what a function computes: reverse mode, forward mode, batching."""
