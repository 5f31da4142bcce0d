"""Support code that generated programs import; depends on NumPy and nothing else."""

from stagec_runtime.shapes import unbroadcast as unbroadcast
