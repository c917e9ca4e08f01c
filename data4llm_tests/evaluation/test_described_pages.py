from __future__ import annotations

from data4llm_assets.evaluation.described_pages import Described, described
from data4llm_assets.evaluation.labelled_pages import LabelledPage

HEAD = """<title>A  Title</title><meta name="author" content="Ada L.">
<meta property="article:published_time" content="2024-05-01T10:00:00Z">"""


def page(html: str, title: str | None = None, author: str | None = None, date: str | None = None) -> LabelledPage:
    return LabelledPage("page", "example.org", None, html.encode(), "", "article", title, author, date)


def test_titles_authors_and_days_are_compared() -> None:
    says, says_nothing = f"<html><head>{HEAD}</head></html>", "<html><body><p>x</p></body></html>"
    pages = [
        page(says, "a title", "Ada L", "2024-05-01"),
        page(says, "Another", date="2024-05-02T10:00:00Z"),
        page(says_nothing, author="Ada"),
    ]
    assert described(pages) == [Described("title", 2, 1, 0), Described("author", 2, 1, 1), Described("date", 2, 1, 0)]


def test_what_is_known_of_no_page_is_not_told() -> None:
    assert described([page("x")]) == []
