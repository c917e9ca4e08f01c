"""Small pages of kinds that are laid out differently, and what of each a reader came for."""

from __future__ import annotations

_MENU = """<header class="site-header"><div class="logo"><a href="/">The Harbour Post</a></div><nav class="main-nav"><ul>
<li><a href="/news">News</a></li><li><a href="/town">Town</a></li><li><a href="/sport">Sport</a></li>
<li><a href="/log-in">Log in</a></li></ul></nav></header>"""
_FOOTER = """<aside class="sidebar"><h3>Most read</h3><ul><li><a href="/1">Ferry is late again</a></li>
<li><a href="/2">New cranes for the docks</a></li></ul></aside>
<footer class="site-footer"><ul><li><a href="/a">About us</a></li><li><a href="/p">Privacy policy</a></li></ul>
<p>Copyright 2026 The Harbour Post. All rights reserved.</p></footer>
<div id="cookie-banner" class="cookie-consent"><p>We use cookies to improve your experience on this site.</p>
<button>Accept all cookies</button></div>"""

PARAGRAPHS = (
    "The old bridge over the harbour closed on Monday morning, two weeks earlier than the town had planned, because divers found "
    "new cracks in its northern pier.",
    "“We could not wait any longer,” said Anna Berg, who has led the works since spring. She expects that the bridge will stay "
    "closed until the middle of November.",
    "Until then a small ferry will carry people and bicycles across, every twenty minutes from six in the morning to ten at night. "
    "Cars have to take the road around the bay, which adds about eleven kilometres to the way.",
    "The bridge was built in 1931 and was last repaired in 1987. Its owners had asked for money for new piers three times since.",
)
ARTICLE = f"""<!DOCTYPE html><html lang="en"><head><title>Bridge closes early | The Harbour Post</title>
<meta property="og:type" content="article"><meta name="description" content="{PARAGRAPHS[0]}"></head><body>{_MENU}
<main><article class="post"><h1 class="entry-title">Bridge over the harbour closes early</h1><div class="entry-content">
<p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p><h2>A ferry instead</h2><p>{PARAGRAPHS[2]}</p><p>{PARAGRAPHS[3]}</p></div>
<div class="share-buttons"><a href="#">Share on Facebook</a> <a href="#">Tweet</a></div></article></main>
{_FOOTER}</body></html>"""

POSTS = (
    "I cannot get the pump of my boat to start after the winter. The battery is full, the fuse is whole and the switch clicks, but "
    "nothing turns. Has anyone seen this before?",
    "Mine did the same two years ago. Take off the cover and turn the wheel by hand: there was a dead crab in it, and after that "
    "it ran as if it were new.",
    "That was it, thank you! Not a crab but a bit of rope, as long as my finger. It starts at once now.",
)


def _post(author: str, day: int, text: str) -> str:
    return f"""<div class="topic-body crawler-post" itemprop="comment"><div class="crawler-post-meta">
<span class="creator"><a href="/u/{author}">{author}</a></span> <time class="post-time">May {day}, 2026</time></div>
<div class="post" itemprop="text"><p>{text}</p></div></div>"""


FORUM = f"""<!DOCTYPE html><html><head><title>Pump does not start - Boat talk</title>
<meta name="generator" content="Discourse 3.1"></head><body class="crawler"><div id="app"></div><noscript>
<header><a href="/">Boat talk</a></header><div id="main-outlet"><h1><a href="/t/1">Pump does not start</a></h1>
{_post("marit", 3, POSTS[0])}{_post("old_hand", 4, POSTS[1])}{_post("marit", 9, POSTS[2])}</div>
<footer class="container"><nav><ul><li><a href="/">Home</a></li><li><a href="/categories">Categories</a></li>
<li><a href="/tos">Terms of Service</a></li><li><a href="/privacy">Privacy Policy</a></li></ul></nav></footer>
</noscript></body></html>"""

DESCRIPTION = (
    "A lamp for boats and sheds that needs no care: the glass is pressed from one piece, the body is brass, and the seal keeps out "
    "rain from every side. It burns for forty hours on one filling of oil.",
    "Comes with a hook, a spare wick and a tin of oil. Made by hand in our workshop at the harbour, and repaired there for as long "
    "as we live.",
)
PRODUCT = f"""<!DOCTYPE html><html><head><title>Storm lamp, brass – Harbour Shop</title><meta property="og:type" content="product">
<script type="application/ld+json">{{"@type": "Product", "name": "Storm lamp", "description": "{DESCRIPTION[0]}"}}</script></head>
<body>{_MENU}<div class="product-page"><h1 class="product-title">Storm lamp, brass</h1><span class="price">€89.00</span>
<button class="add-to-cart">Add to cart</button><div class="product-description" itemprop="description">
<p>{DESCRIPTION[0]}</p><p>{DESCRIPTION[1]}</p></div>
<div class="related-products"><h2>You may also like</h2><ul><li class="card"><a href="/3">Rope, 10 m</a> <span>€12.00</span></li>
<li class="card"><a href="/4">Anchor, small</a> <span>€45.00</span></li></ul></div></div>
{_FOOTER}</body></html>"""
