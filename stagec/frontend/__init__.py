"""Python source to IR: locations, desugaring, abstract values, the staging interpreter."""
