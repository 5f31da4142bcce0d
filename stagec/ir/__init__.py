"""The graph: types, values, statements, and what reads and writes them."""
