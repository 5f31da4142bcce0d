"""Twelve programs of the GradBench suite, and a tool that answers its protocol with them."""
