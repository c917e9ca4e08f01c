"""Signs of what kind of page this is: types that it declares, the software that made it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numba import njit
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


_EACH = [word for words in _WORDS.values() for word in words]
_BYTES = np.frombuffer(b"".join(_EACH), np.uint8)
_ENDS = np.cumsum([len(word) for word in _EACH])
_GROUP = np.repeat(np.arange(len(_WORDS)), [len(words) for words in _WORDS.values()])
_BEGINS = np.zeros(1 << 16, np.bool_)
_BEGINS[[word[0] << 8 | word[1] for word in _EACH]] = True


def signals(canonical: bytes) -> NDArray[Any]:
    """Whether each sign is there: float32, columns NAMES."""
    searched = canonical[:_MOST]
    types = set(_TYPE.findall(searched))
    typed = np.array([not known.isdisjoint(types) for known in _DATA_TYPES.values()])
    found = _search(np.frombuffer(searched, np.uint8), _BEGINS, _BYTES, _ENDS, _GROUP, len(_WORDS))
    return np.concatenate([typed, found]).astype(np.float32)


@njit(cache=True, nogil=True)
def _search(data: Any, begins: Any, words: Any, ends: Any, group: Any, groups: int) -> Any:
    """Which groups have a word in the data. All words are sought in one pass: few places begin as one of them does."""
    found = np.zeros(groups, np.bool_)
    for place in range(data.size - 1):
        if begins[np.int64(data[place]) << 8 | data[place + 1]]:
            start = 0
            for word in range(ends.size):
                length = ends[word] - start
                if not found[group[word]] and length <= data.size - place:
                    at = 0
                    while at < length and data[place + at] == words[start + at]:
                        at += 1
                    found[group[word]] = at == length
                start = ends[word]
    return found
