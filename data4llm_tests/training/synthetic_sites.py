"""Pages of invented sites, each laid out in its own way: what is main text is known, for it was put there."""

from __future__ import annotations

from random import Random

from data4llm_assets.evaluation.labelled_pages import LabelledPage

_WORDS = (
    "river", "stone", "bridge", "winter", "market", "garden", "letter", "window", "summer", "morning", "harbour", "teacher",
    "village", "engine", "paper", "bread", "kitchen", "forest", "mountain", "doctor", "music", "picture", "answer", "question",
)  # fmt: skip
_LINKS = ("Home", "News", "Contact us", "About", "Log in", "Subscribe", "Privacy policy", "Terms of use", "Sitemap", "Share this")
_HOLDERS = ("main|article", "div|div", "article|section", "div|main", "section|div", "div|article")
_CLASSES = ("content", "post-body", "article-text", "entry", "main-text", "story")
_LISTS = ("ul|li", "div|span", "nav|a", "table|td", "ol|li", "div|p")


def _sentence(chance: Random) -> str:
    drawn = [chance.choice(_WORDS) for _ in range(chance.randint(6, 16))]
    return f"The {' '.join(drawn)} and it was as they said."


def _paragraph(chance: Random) -> str:
    return " ".join(_sentence(chance) for _ in range(chance.randint(2, 5)))


def _links(chance: Random, kind: str) -> str:
    outer, inner = kind.split("|")
    items = "".join(f"<{inner}><a href=/{number}>{chance.choice(_LINKS)}</a></{inner}>" for number in range(chance.randint(3, 6)))
    return f"<{outer}>{f'<tr>{items}</tr>' if outer == 'table' else items}</{outer}>"


def page_of(site: int, number: int) -> LabelledPage:
    """A pure function of both numbers."""
    layout, chance = Random(f"site {site}"), Random(f"site {site} page {number}")
    outer, inner = layout.choice(_HOLDERS).split("|")
    name, menu, side = layout.choice(_CLASSES), layout.choice(_LISTS), layout.choice(_LISTS)
    before, aside = layout.random() < 0.5, layout.random() < 0.7
    title = " ".join(chance.choice(_WORDS) for _ in range(4)).capitalize()
    paragraphs = [_paragraph(chance) for _ in range(chance.randint(3, 6))]
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    beside = f'<div class="sidebar">{_links(chance, side)}</div>' if aside else ""
    body = f'<{outer} class="{name}"><{inner}><h1>{title}</h1>{text}</{inner}></{outer}>'
    html = (
        f'<html><head><title>{title}</title></head><body><div class="menu">{_links(chance, menu)}</div>'
        f"{beside if before else ''}{body}{'' if before else beside}"
        f'<div class="footer">{_links(chance, menu)}<p>Copyright of site {site}</p></div></body></html>'
    )
    kind = ("article", "forum", "product")[site % 3]
    return LabelledPage(f"site{site}-{number}", f"site{site}.org", None, html.encode(), "\n\n".join([title, *paragraphs]), kind)


PAGES = tuple(page_of(site, number) for site in range(12) for number in range(3))
