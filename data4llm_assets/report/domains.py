"""What a proposed source is about: its domain, guessed from its folder's name, its columns, or its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from data4llm_assets.report.columns import Guess, plain
from data4llm_assets.report.groups import Group

WORDS: Mapping[str, str] = {
    **dict.fromkeys(("web", "crawl", "cc", "commoncrawl", "html", "warc", "sites", "pages"), "web"),
    **dict.fromkeys(("book", "books", "gutenberg", "novels", "fiction"), "books"),
    **dict.fromkeys(("paper", "papers", "arxiv", "pubmed", "pmc", "academic", "articles"), "papers"),
    **dict.fromkeys(("code", "github", "repos", "repositories", "sources", "stack"), "code"),
    **dict.fromkeys(("wiki", "wikipedia", "encyclopedia"), "encyclopedia"),
    **dict.fromkeys(("doc", "docs", "documentation", "manual", "manuals", "readme"), "documentation"),
    **dict.fromkeys(("news",), "news"),
    **dict.fromkeys(("forum", "forums", "reddit", "stackexchange", "stackoverflow", "discussions"), "forums"),
    **dict.fromkeys(("math", "maths", "mathematics", "proofs"), "math"),
    **dict.fromkeys(("legal", "law", "laws", "patents", "court"), "legal"),
    **dict.fromkeys(("chat", "dialogue", "conversations", "subtitles"), "conversations"),
}
"""Words in names of folders, and the domain that they say."""
CODE_COLUMNS = frozenset({"repo", "repo_name", "repository_name", "max_stars_repo_name", "repo_path", "path_in_repo", "ext"})


def domain_of(group: Group, columns: Sequence[str], fields: Mapping[str, Guess]) -> Guess:
    """The domain, and why. columns, fields: of a table, empty otherwise."""
    folder = group.subfolder or (group.path.parent if group.path.is_file() else group.path).resolve().name
    if group.content == "code":
        return Guess("code", "its files are programs")
    for word in re.findall(r"[a-z]+", folder.lower()):
        if word in WORDS:
            return Guess(WORDS[word], f"by the name of the folder, {folder}")
    if (told := _by_columns(columns, fields)) is not None:
        return told
    if group.content in ("web", "documentation"):
        return Guess(group.content, "its files are " + ("web pages" if group.content == "web" else "Markdown or reStructuredText"))
    if group.subfolder:
        return Guess(group.name, "as its folder is called")
    return Guess("text", "nothing tells more")


def _by_columns(columns: Sequence[str], fields: Mapping[str, Guess]) -> Guess | None:
    named = {plain(name): name for name in columns}
    if told := sorted(set(named) & CODE_COLUMNS):
        return Guess("code", f"there is a column {named[told[0]]}")
    if {"abstract", "authors"} <= set(named) or "arxiv_id" in named:
        return Guess("papers", "its columns are those of papers")
    if "url" in fields:
        return Guess("web", f"its documents have addresses, in {fields['url'].column}")
    return None
