"""The peers need packages that the tests do not; nothing in them is a test."""

collect_ignore = ["with_jax.py", "with_torch.py"]
