"""Main text of web pages by jusText: Pomikálek, Removing Boilerplate and Duplicate Content from Web Corpora, Brno 2011.

A paragraph is judged by its length, its share of links and its share of stop words, then by the paragraphs around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from data4llm_assets.extracted_text import light_markup
from data4llm_assets.extracted_text.lxml_tree import LxmlExtraction, language_of
from data4llm_assets.method import Measure

_STOPLISTS = {
    "af": "Afrikaans", "als": "Albanian", "an": "Aragonese", "ar": "Arabic", "ast": "Asturian", "az": "Azerbaijani",
    "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali", "bpy": "Bishnupriya_Manipuri", "br": "Breton", "bs": "Bosnian",
    "ca": "Catalan", "ceb": "Cebuano", "cs": "Czech", "cv": "Chuvash", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fil": "Tagalog", "fr": "French", "fy": "West_Frisian", "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "ht": "Haitian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "ig": "Igbo",
    "in": "Indonesian", "io": "Ido", "is": "Icelandic", "it": "Italian", "iw": "Hebrew", "jv": "Javanese", "jw": "Javanese",
    "ka": "Georgian", "kk": "Kazakh", "kn": "Kannada", "ko": "Korean", "ku": "Kurdish", "ky": "Kyrgyz", "la": "Latin",
    "lb": "Luxembourgish", "lmo": "Lombard", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam",
    "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "nap": "Neapolitan", "nb": "Norwegian_Bokmal", "nds": "Low_Saxon",
    "ne": "Nepali", "new": "Newar", "nl": "Dutch", "nn": "Norwegian_Nynorsk", "no": "Norwegian_Bokmal", "oc": "Occitan",
    "pl": "Polish", "pms": "Piedmontese", "pnb": "Western_Panjabi", "pt": "Portuguese", "qu": "Quechua", "ro": "Romanian",
    "ru": "Russian", "rup": "Aromanian", "scn": "Sicilian", "sgs": "Samogitian", "sh": "Serbo_Croatian", "sk": "Slovak",
    "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "su": "Sundanese", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "tk": "Turkmen", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek",
    "vi": "Vietnamese", "vo": "Volapuk", "wa": "Walloon", "war": "Waray_Waray", "yo": "Yoruba",
}  # fmt: skip
"""By primary language subtag."""
_NO_TEXT = ("head", "script", "style", "button", "input", "select", "textarea", "applet")
_NO_ELEMENTS = ("form", "iframe", "embed", "layer", "object", "param")
"""Their content belongs to the paragraphs around them."""
_HEADING = re.compile(r".*\bh([1-6])\b")
_ITEM = re.compile(r".*/li\[\d+\]")
"""The part of a path that leads to the list item around a paragraph."""
_DECIDED, _NOT_SHORT = frozenset({"good", "bad"}), frozenset({"good", "bad", "neargood"})


class JusText(LxmlExtraction):
    """Long paragraphs of running text, and what stands between them. Half of Trafilatura's time; short texts and lists are missed.

    It was made for corpora of sentences. The defaults are those of jusText 3.0; with lengths of 50 and 150, stop words of .1 and
    .2 and links of .25, as Trafilatura sets them, it finds more of a page. It counts words between spaces: of Chinese, Japanese
    and Thai it finds next to nothing. Tables come a cell a paragraph, and code loses its indentation.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("jusText", "lxml", "charset-normalizer")
    method: Literal["justext"] = "justext"
    language: Measure[str] = Field(
        "auto",
        description="whose stop words count, as jusText names its lists (`German`); auto: the language that the page declares, "
        "English if it declares none, all lists together if there is none of its language",
    )
    length_low: Measure[int] = Field(70, ge=0, description="characters: shorter paragraphs go by their neighbours")
    length_high: Measure[int] = Field(
        200, ge=0, description="characters: longer paragraphs with many stop words are good whatever is around them"
    )
    stopwords_low: Measure[float] = Field(0.30, ge=0, le=1, description="share of words: below, a paragraph is bad")
    stopwords_high: Measure[float] = Field(
        0.32, ge=0, le=1, description="share of words: from here on, a paragraph is good if it is long enough"
    )
    max_link_density: Measure[float] = Field(0.2, ge=0, le=1, description="share of characters in links: above, a paragraph is bad")
    max_heading_distance: Measure[int] = Field(
        200, ge=0, le=10_000, description="characters between a short heading and the good paragraph that saves it"
    )
    no_headings: Measure[bool] = Field(False, description="headings are judged as any other paragraph")

    @field_validator("language")
    @classmethod
    def _has_a_stoplist(cls, name: str) -> str:
        from justext import get_stoplists

        if name != "auto" and name not in get_stoplists():
            msg = f"jusText has no stop words of {name!r}, only of {', '.join(sorted(get_stoplists()))}"
            raise ValueError(msg)
        return name

    def main_text(self, tree: Any) -> str:
        from justext.core import ParagraphMaker, classify_paragraphs
        from lxml import etree

        # A page that declares nothing is English, as jusText's own default; any language for which there are no words is not.
        spoken = (language_of(tree) or "en") if self.language == "auto" else None
        stopwords = _stopwords(self.language if spoken is None else _STOPLISTS.get(spoken))
        # What jusText's preprocessor does, which takes time with the square of the number of scripts.
        etree.strip_elements(tree, *_NO_TEXT, with_tail=False)
        etree.strip_tags(tree, *_NO_ELEMENTS)
        paragraphs = ParagraphMaker.make_paragraphs(tree)
        classify_paragraphs(
            paragraphs,
            stopwords,
            self.length_low,
            self.length_high,
            self.stopwords_low,
            self.stopwords_high,
            self.max_link_density,
            self.no_headings,
        )
        revise(paragraphs, self.max_heading_distance)
        good = [paragraph for paragraph in paragraphs if paragraph.class_type == "good"]
        return _written(good, markdown=self.format == "markdown")


@cache
def _stopwords(stoplist: str | None) -> frozenset[str]:
    """The words of a list; of all lists for None."""
    from justext import get_stoplist, get_stoplists

    names = get_stoplists() if stoplist is None else (stoplist,)
    return frozenset().union(*(get_stoplist(name) for name in names))


def revise(paragraphs: Sequence[Any], max_heading_distance: int) -> None:
    """Judge paragraphs by those around them: `class_type` from `cf_class` and `heading`, as jusText's function of the like name.

    That one looks from each undecided paragraph for a decided one: short lines take time with the square of their number.
    """
    classes = [paragraph.cf_class for paragraph in paragraphs]
    before, after = _nearest(classes, _DECIDED), _nearest(classes[::-1], _DECIDED)[::-1]
    almost_before, almost_after = _nearest(classes, _NOT_SHORT), _nearest(classes[::-1], _NOT_SHORT)[::-1]
    for index in [index for index, found in enumerate(classes) if found == "short"]:
        if before[index] == after[index]:
            classes[index] = before[index]
        else:
            edge = almost_before[index] if before[index] == "bad" else almost_after[index]
            classes[index] = "good" if edge == "neargood" else "bad"
    after, last = _nearest(classes[::-1], _DECIDED)[::-1], "bad"
    for index, found in enumerate(classes):
        if found == "neargood":
            classes[index] = "bad" if last == after[index] == "bad" else "good"
        last = classes[index]
    for index, paragraph in enumerate(paragraphs):
        if paragraph.heading and paragraph.cf_class != "bad" and _good_follows(paragraphs, classes, index, max_heading_distance):
            classes[index] = "good"
        paragraph.class_type = classes[index]


def _nearest(classes: Iterable[str], wanted: frozenset[str]) -> list[str]:
    """For each paragraph the class of the last one before it whose class is wanted; "bad" where there is none."""
    found, last = [], "bad"
    for each in classes:
        found.append(last)
        if each in wanted:
            last = each
    return found


def _good_follows(paragraphs: Sequence[Any], classes: Sequence[str], index: int, distance: int) -> bool:
    while (index := index + 1) < len(paragraphs) and distance >= 0:
        if classes[index] == "good":
            return True
        distance -= len(paragraphs[index].text)
    return False


def _written(paragraphs: Iterable[Any], *, markdown: bool) -> str:
    """Paragraphs with the marks that their places in the page ask for."""
    text, item_before = "", ""
    for paragraph in paragraphs:
        lines = paragraph.text if ".pre" in paragraph.dom_path else " ".join(paragraph.text.split())
        heading = _HEADING.search(paragraph.dom_path)
        item = _ITEM.match(paragraph.xpath)
        if heading and markdown:
            lines = light_markup.heading(int(heading[1]), lines)
        if heading or item is None:
            text, item_before = f"{text}\n\n{lines}", ""
        else:
            indent = "  " * (item[0].count("/li[") - 1)
            mark = "  " if item[0] == item_before else "- "
            text += ("\n" if item_before else "\n\n") + indent + mark + lines
            item_before = item[0]
    return text
