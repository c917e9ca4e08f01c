from __future__ import annotations

import pickle
import platform
from typing import Any

import pytest
from pydantic import ValidationError

from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.site_recipe import SiteRecipe
from extracted_text.extracted_records import extracted, record, refused

URL = "https://www.Example.org/news/1"
FIELDS: dict[str, Any] = {
    "text": "article .body",
    "title": "h1",
    "author": ".byline a",
    "date": "time@datetime",
    "drop": [".share", "aside", ".byline"],
}
PAGE = """<!DOCTYPE html><html lang="de-AT"><head><title>Not this | Site</title><meta name="author" content="The webmaster"></head>
<body><nav>Home</nav><article><p class="lead">A lead.</p><div class="body">
<h1>The <span>one</span>
title</h1><p class="byline">By <a>Ann</a>, <a>Bob</a> and <a> Ann </a></p>
<p>First <em>paragraph</em>.<aside>Aside</aside><div class="body">Within.</div>
<ul><li>item</ul><span class="share">Share</span></div>
<time datetime="2020-02-03">yesterday</time></article><footer class="body">Footer</footer></body></html>"""


def recipe(fields: dict[str, Any] = FIELDS, **keys: Any) -> SiteRecipe:
    return SiteRecipe.model_validate({"method": "recipe", "sites": {"example.org": fields}, **keys})


def told(method: SiteRecipe, page: str = PAGE, url: str | None = URL) -> str:
    """Why there is no text."""
    found = method.extract(page.encode(), record(b"", url=url))
    assert isinstance(found, Refused)
    return f"{found.rule}: {found.reason}"


def test_selectors_give_text_title_and_fields() -> None:
    found = extracted(recipe(), PAGE, url=URL)
    assert found.text == "The one title\n\nFirst paragraph.\n\nWithin.\n\n- item"
    assert found.title == "The one title"
    assert {"author": "Ann; Bob", "date": "2020-02-03", "engine": "recipe"}.items() <= found.meta.items()
    assert extracted(recipe(format="markdown"), PAGE, url=URL).text.startswith("# The one title\n\nFirst *paragraph*.")


def test_several_selectors_of_text_are_told_in_order_of_the_page_and_nothing_twice() -> None:
    fields = {"text": ["article .body", ".lead", "time@datetime"], "drop": "h1, aside, .byline, ul, .share"}
    found = extracted(recipe(fields), PAGE, url=URL)
    assert found.text == "A lead.\n\nFirst paragraph.\n\nWithin.\n\n2020-02-03"
    assert found.title == "Not this | Site"


def test_a_language_may_be_selected() -> None:
    assert extracted(recipe({"text": "article", "language": "html@lang"}), PAGE, url=URL).language == "de"


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("http://example.org", "h1"),
        ("https://a.b.example.org:8080/x", "h1"),
        ("https://NEWS.example.org./x", ".lead"),
        ("https://deep.news.example.org/x", ".lead"),
        ("https://bücher.example/x", "li"),
        ("https://notexample.org/x", "footer"),
        ("https://org/x", "footer"),
        (None, "footer"),
    ],
)
def test_the_longest_host_that_fits_wins(url: str | None, site: str) -> None:
    sites = {"example.org": {"text": "h1"}, "News.example.org": {"text": ".lead"}, "bücher.example": {"text": "li"}}
    expected = extracted(SiteRecipe.model_validate({"default": {"text": site}}), PAGE).text
    for everywhere in ({"sites": sites, "default": {"text": "footer"}}, {"sites": {**sites, "*": {"text": "footer"}}}):
        assert extracted(SiteRecipe.model_validate(everywhere), PAGE, url=url).text == expected
    if site == "footer":
        assert told(SiteRecipe.model_validate({"sites": sites}), url=url).startswith("extracted_text.no_site: ")


def test_a_selector_that_finds_nothing_refuses_the_page() -> None:
    gone = PAGE.replace('class="byline"', "")
    assert told(recipe(), gone) == "extracted_text.selector: selector '.byline a' (author) finds nothing on the page"
    assert told(recipe(), PAGE.replace("datetime", "title")).startswith("extracted_text.selector: selector 'time@datetime' (date)")
    assert told(recipe({"text": ["p", "dl"]})) == "extracted_text.selector: selector 'dl' (text) finds nothing on the page"
    assert told(recipe({"text": "footer"}), PAGE.replace("Footer", " ")).startswith("extracted_text.selector: selector 'footer'")
    optional = recipe({**FIELDS, "author": {"select": ".byline a", "optional": True}})
    assert extracted(optional, gone, url=URL).meta["author"] == "The webmaster"


def test_a_faulty_recipe_stops_before_anything_runs() -> None:
    for keys, message in (
        ({"text": "p["}, r"text.select.0\n.*'p\[' is no CSS selector: Malformed attribute selector at position 1"),
        ({"text": "p", "date": "time@"}, "date.select.0\n.*'time@' is no CSS selector"),
        ({"text": "p", "drop": "p >> a"}, "drop.0\n.*'p >> a' is no CSS selector"),
        ({"text": []}, "name a selector"),
        ({"title": "h1"}, "text\n.*Field required"),
        ({"text": "p", "engine": "b"}, "'engine' is what extraction itself says"),
        ({"text": "p", "author": {"select": "b", "optinal": True}}, "optinal"),
    ):
        with pytest.raises(ValidationError, match=message):
            recipe(keys)
    for host in ("https://example.org", "example.org/news", "", "a b"):
        with pytest.raises(ValidationError, match=r"is no host: write `example\.org`"):
            SiteRecipe.model_validate({"sites": {host: {"text": "p"}}})
    with pytest.raises(ValidationError, match="two sites have one host"):
        SiteRecipe.model_validate({"sites": {"example.org": {"text": "p"}, "Example.org": {"text": "a"}}})
    with pytest.raises(ValidationError, match="are for the same pages"):
        SiteRecipe.model_validate({"sites": {"*": {"text": "p"}}, "default": {"text": "p"}})
    with pytest.raises(ValidationError, match="name a site"):
        SiteRecipe()


def test_a_recipe_survives_being_written_and_sent() -> None:
    method = recipe()
    assert SiteRecipe.model_validate(method.model_dump(mode="json")) == method
    assert pickle.loads(pickle.dumps(method)) == method
    assert method.parameters()["sites"]["example.org"]["date"] == {"select": ["time@datetime"], "optional": False}
    assert method.parameters("measure") == method.parameters()
    assert method.parameters() != recipe({**FIELDS, "date": "time"}).parameters()


def test_the_parser_is_part_of_the_recipe() -> None:
    # One closes a paragraph where the next one begins, the other where the page says so.
    page = "<div class=a><p>one<p>two</div>"
    direct = {"text": ".a > p + p"}
    assert extracted(recipe(direct), page, url=URL).text == "two"
    assert told(recipe(direct, parser="html.parser"), page).startswith("extracted_text.selector")
    assert "python" not in recipe().identity()
    assert recipe(parser="html.parser").identity()["python"] == platform.python_version()


@pytest.mark.parametrize("parser", ["lxml", "html.parser"])
def test_limits_and_rubbish(parser: str) -> None:
    method = recipe({"text": {"select": "p", "optional": True}}, parser=parser)
    limited = recipe({"text": "p"}, parser=parser, max_elements=40, max_depth=20)
    assert refused(method, "<div>" * 2000 + "x", URL) == ("extracted_text.max_depth", 250)
    assert refused(limited, "<div>" * 21 + "x", URL) == ("extracted_text.max_depth", 20)
    assert refused(limited, "<p>x</p>" * 41, URL) == ("extracted_text.max_elements", 40)
    assert refused(recipe(parser=parser, max_bytes=10), PAGE, URL) == ("extracted_text.max_bytes", 10)
    attributed = "<p " + " ".join(f"word{number}" for number in range(11_000)) + ">"
    assert refused(method, attributed, URL) == ("extracted_text.max_attributes", 10_000)
    long = f"<p>{'word ' * 2_100_000}</p><p>after</p>"
    assert extracted(method, long, url=URL).text.endswith("after")


@pytest.mark.parametrize("start", ["<a ", "<a b='", "<!--", "<![CDATA[x>"])
def test_what_is_never_closed_is_not_read_to_the_end_of_the_page_again_and_again(start: str) -> None:
    method = recipe({"text": {"select": "p", "optional": True}}, parser="html.parser")
    assert refused(method, f"<p>{start * 9_000}", URL)[0] == "extracted_text.max_elements"
    assert extracted(method, f"<p>text</p>{start * 20}", url=URL).text.startswith("text")


def test_a_page_does_not_depend_on_the_pages_before_it() -> None:
    pages = [PAGE.replace("First", word) for word in ("First", "Second", "Third")] + [PAGE.replace("byline", "by")]
    found = [recipe().extract(page.encode(), record(b"", url=URL)) for page in pages]
    assert [recipe().extract(page.encode(), record(b"", url=URL)) for page in reversed(pages)] == found[::-1]
