"""Passes that keep the meaning: each a pure function from function to function."""
