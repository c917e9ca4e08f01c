"""A page as columns: its elements, runs of text and blocks are rows of arrays, made by one compiled pass over canonical HTML."""

MAX_ELEMENTS, MAX_DEPTH = 200_000, 1_000
"""Of a page, unless a method says otherwise. They are here because the modules below load a compiler."""
