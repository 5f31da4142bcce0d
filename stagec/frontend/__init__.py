"""Python source to IR: source and locations, desugaring, abstract values, the staging interpreter."""
