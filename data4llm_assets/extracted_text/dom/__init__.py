"""A page as columns: its elements, runs of text and blocks are rows of arrays, made by one compiled pass over canonical HTML."""
