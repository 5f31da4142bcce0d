"""Python source from the graph."""
