"""Our side of every comparison: programs that do the work with the product's own parts, and say what it took."""
