"""Models of the product that anyone can train again: on labelled pages, deterministically, with a record of what made them."""
