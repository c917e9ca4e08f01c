"""Signs of what kind of page this is: types that it declares, the software that made it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPE = re.compile(rb'"@type"\s?:\s?\[?\s?"(\w{1,40})"')
_DATA_TYPES: dict[str, frozenset[bytes]] = {
    "data_article": frozenset((b"Article", b"NewsArticle", b"BlogPosting", b"ScholarlyArticle", b"TechArticle")),
    "data_product": frozenset((b"Product", b"ProductGroup")),
    "data_offer": frozenset((b"Offer", b"AggregateOffer")),
    "data_forum": frozenset((b"DiscussionForumPosting", b"QAPage", b"Question")),
    "data_list": frozenset((b"ItemList", b"CollectionPage", b"OfferCatalog")),
    "data_faq": frozenset((b"FAQPage",)),
    "data_rating": frozenset((b"AggregateRating", b"Review")),
    "data_organisation": frozenset((b"Organization", b"LocalBusiness", b"Service", b"Corporation")),
    "data_course": frozenset((b"Course", b"Event", b"JobPosting")),
}
_WORDS: dict[str, tuple[bytes, ...]] = {
    "type_article": (b'content="article',),
    "type_product": (b'content="product',),
    "type_website": (b'content="website',),
    "published": (b"article:published_time",),
    "forum_software": (b"discourse", b"Discourse", b"vBulletin", b"XenForo", b"phpBB", b"MyBB", b"Vanilla", b"Invision"),
    "blog_software": (b"WordPress", b"entry-content", b"Ghost "),
    "shop_software": (b"shopify", b"Shopify", b"woocommerce", b"magento", b"Magento", b"bigcommerce", b"PrestaShop"),
    "documentation_software": (b"sphinx", b"Sphinx", b"Docusaurus", b"docusaurus", b"mkdocs", b"GitBook", b"javadoc", b"Doxygen"),
    "to_cart": (b"add to cart", b"Add to cart", b"Add to Cart", b"ADD TO CART", b"add-to-cart", b"Add to bag", b"Add to Bag"),
    "next_page": (b"pagination", b"Pagination"),
}
NAMES: tuple[str, ...] = (*_DATA_TYPES, *_WORDS)
_MOST = 60_000
"""Bytes of a page that are searched."""


def signals(canonical: bytes) -> NDArray[Any]:
    """Whether each sign is there: float32, columns NAMES."""
    searched = canonical[:_MOST]
    types = set(_TYPE.findall(searched))
    typed = [not known.isdisjoint(types) for known in _DATA_TYPES.values()]
    return np.array([*typed, *(any(word in searched for word in words) for words in _WORDS.values())], np.float32)
