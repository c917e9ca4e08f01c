"""The types of web page that `auto` tells apart."""

from __future__ import annotations

from typing import Literal, get_args

PageType = Literal["article", "collection", "documentation", "forum", "listing", "product", "service"]
PAGE_TYPES: tuple[PageType, ...] = get_args(PageType)
"""As WCXB tells them apart: a collection is a shop's page of products, a listing one of anything else."""
