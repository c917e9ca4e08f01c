"""The recipe that `data4llm init` writes: what was found as keys, why as comments, limits with their defaults.

Defaults and explanations are taken from the methods themselves, so that they cannot disagree. Not here: looking and guessing
(`report/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from data4llm_assets.commands.page import Page, written
from data4llm_assets.commands.proposal import Proposal, languages, megabytes, millions, relative, rounded, tokens_by_domain
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.gopher_repetition import GopherRepetition
from data4llm_assets.filtered.language import Language
from data4llm_assets.mixed.quotas import largest_remainder
from data4llm_assets.mixed.stage import Mixed
from data4llm_assets.packed.stage import Packed
from data4llm_assets.raw_crawl.source import SourceSection
from data4llm_assets.raw_crawl.stage import RawCrawl
from data4llm_assets.recipe import RETENTION, Compute
from data4llm_assets.report.sampled import Sample
from data4llm_assets.selected.selection import Selection
from data4llm_assets.synthesized.rephrase import Rephrase
from data4llm_assets.synthesized.stage import Synthesized

PART_TOKENS = 50_000_000
"""Of `packed`: a part is packed in memory."""
MOST_PARTS = 64
BUDGET_SHARE = Fraction(1, 2)
_UNSPACED = ("ja", "km", "lo", "my", "th", "zh")
_READS = {
    "files": "one document per file",
    "jsonl": "one document per line",
    "parquet": "one document per row",
    "warc": "web archives: one document per successful response with a text type",
}


def draft(corpus: str, proposals: Sequence[Proposal], recipe: Path, looked_at: str, workers: int) -> str:
    """The recipe as YAML. recipe: the file it is for; paths count from its folder."""
    page = Page()
    page.note(0, f"Written by `data4llm init {looked_at}`: what it found, what it guessed and why. Read it through. Then:")
    page.add(0, f"#   data4llm try FILE --recipe {recipe.name}", "one document through every step")
    page.add(0, f"#   data4llm plan {recipe.name}", "what would be built")
    page.add(0, f"#   data4llm run {recipe.name}", "build it")
    page.note(0, "Numbers with ≈ are estimated from a sample.")
    page.add(0, f"corpus: {corpus}", "names its assets in Dagster, and its place in the store")
    page.off(0, "owners: [you@example.com]")
    page.add(0, "seed: 0", "every random choice is a pure function of it and of document ids")
    page.blank()
    page.add(0, "sources:")
    for proposal in proposals:
        _source(page, proposal, recipe)
    page.blank()
    page.add(0, "steps:", "in this order; a step may be repeated under another `name`")
    _first_steps(page)
    _filtered(page, proposals)
    _selected(page, proposals)
    _mixed(page, proposals)
    _synthesized(page)
    _packed(page, proposals)
    page.blank()
    page.note(0, "A step that keeps less (or more) of a source than this is refused, and nothing of it is published. By default:")
    page.off(0, "retention:")
    for stage in ("deduped", "filtered", "selected"):
        low, high = RETENTION[stage]
        page.off(0, f"  {stage}: {{min: {low:g}, max: {high:g}}}")
    page.blank()
    page.add(0, "compute:", "changes no result")
    page.key(1, Compute, "workers", workers, "partitions made at the same time; this machine has as many cores to give")
    page.key(1, Compute, "memory")
    return page.text()


def _source(page: Page, proposal: Proposal, recipe: Path) -> None:
    group, sample = proposal
    count = f"{len(group.files):,} file{'s' * (len(group.files) != 1)}, {megabytes(group.bytes)}"
    page.add(1, f"{group.name}:", f"{count}; ≈ {sample.all_documents:,} documents, ≈ {millions(sample.all_tokens)} tokens of text")
    page.add(2, f"kind: {group.kind}", _READS[group.kind])
    page.add(2, f"path: {written(relative(group.path, recipe))}", "from this file's folder; a glob or an s3:// URI will do, too")
    if group.include:
        page.add(2, f"include: {written(list(group.include))}", "globs; the folder holds other kinds of files, too")
    if group.exclude:
        page.add(2, f"exclude: {written(list(group.exclude))}")
    if sample.mapped is not None:
        _fields(page, sample)
    page.add(2, f"domain: {written(proposal.domain)}", f"for mixing; guessed: {sample.domain.why}")
    page.add(2, f"shards: {proposal.shards}", "built, checked and published one by one; guessed: about 256 MB each")
    page.off(2, "license: CC-BY-4.0", "of documents that name none themselves, as an SPDX identifier; not known")
    page.off(2, "access: private", "public if not said")
    page.off_key(2, SourceSection, "max_bytes")
    if sample.bad:
        page.note(2, "In the sample could not be used: " + ", ".join(f"{why} {count}" for why, count in sample.bad.items()))


def _fields(page: Page, sample: Sample) -> None:
    assert sample.mapped is not None
    page.add(2, "fields:", "columns by what they hold")
    for role, guess in sample.mapped.fields.items():
        page.add(3, f"{role}: {written(guess.column)}", guess.why)
    if sample.mapped.further:
        page.off(3, f"meta: {written(sample.mapped.further[:8])}", "further columns, to be kept beside the text as strings")
    if sample.mapped.media_type is not None:
        page.add(2, f"media_type: {written(sample.mapped.media_type.column)}", sample.mapped.media_type.why)


def _first_steps(page: Page) -> None:
    page.add(1, "- stage: raw_crawl", "an index of records with their digests; the bytes stay where they are")
    page.key(2, RawCrawl, "quarantine")
    page.add(1, "- stage: extracted_text", "HTML by auto; Markdown, reStructuredText, plain text and code by a method each")
    page.add(1, "- stage: deduped", "drops what repeats an earlier document that was kept")
    page.add(2, "methods:")
    page.add(3, "- method: exact", "equal but for white space")
    page.add(3, "- method: minhash", "FineWeb's bands")
    for name in ("ngram", "bands", "rows", "similarity"):
        page.key(4, MinHash, name)


def _filtered(page: Page, proposals: Sequence[Proposal]) -> None:
    page.add(1, "- stage: filtered")
    page.add(2, "rules:", "in order; each looks only at what those before let through")
    if any(proposal.domain != "code" for proposal in proposals):
        _prose_rules(page, proposals)
    else:
        page.note(3, "No rule for prose (language, gopher_repetition, gopher_quality): everything here is code.")
    page.add(3, "- method: email", "replaces e-mail addresses; drops nothing")
    page.add(3, "- method: public_ip", "replaces public IPv4 addresses; drops nothing")


def _prose_rules(page: Page, proposals: Sequence[Proposal]) -> None:
    programs = any(proposal.domain == "code" for proposal in proposals)
    seen = languages(proposals)
    told = ", ".join(f"{code} {share:.0%}" for code, share in seen.items())
    page.add(3, "- method: language")
    why = f"seen in the sample: {told}" if seen else "none could be told: any language stays"
    page.key(4, Language, "languages", list(seen), why)
    page.key(4, Language, "minimum")
    _except_programs(page, programs)
    page.add(3, "- method: gopher_repetition")
    for name in ("max_duplicate_lines", "max_top_2_gram", "max_duplicated_5_grams"):
        page.off_key(4, GopherRepetition, name)
    _except_programs(page, programs)
    page.add(3, "- method: gopher_quality")
    for name in ("min_words", "max_words"):
        page.key(4, GopherQuality, name)
    if set(seen) & set(_UNSPACED):
        page.key(4, GopherQuality, "min_mean_word_length", None, "off: in some languages here a word is a character")
    if set(seen) - {"en"} or not seen:
        page.key(4, GopherQuality, "min_stop_words", None, "off: the stop words are English, and not all texts are")
    for name in ("max_mean_word_length", "min_alphabetic_words", "max_bullet_lines"):
        page.off_key(4, GopherQuality, name)
    _except_programs(page, programs)


def _except_programs(page: Page, programs: bool) -> None:
    if programs:
        page.add(4, "except: {domains: [code]}", "a rule for prose")


def _selected(page: Page, proposals: Sequence[Proposal]) -> None:
    domains = tokens_by_domain(proposals)
    target = next((domain for domain in domains if domain not in ("code", "text", "web")), next(iter(domains)))
    page.note(1, "To keep what resembles some domains most, say which, and switch this on:")
    page.off(1, "- stage: selected")
    page.off(1, "  by:")
    page.off(1, "    method: dsir", "importance resampling over hashed n-grams")
    page.off(1, f"    target: {{domains: [{written(target)}]}}")
    for name in ("keep", "min_words"):
        page.off_key(1, Selection, name, inside=2)


def _mixed(page: Page, proposals: Sequence[Proposal]) -> None:
    tokens = tokens_by_domain(proposals)
    total = sum(tokens.values())
    wanted = max(1000, rounded(int(total * BUDGET_SHARE)))
    # Nobody gets less than a hundredth.
    spare = largest_remainder(100 - len(tokens), {domain: Fraction(max(1, count)) for domain, count in tokens.items()})
    page.add(1, "- stage: mixed")
    why = f"tokens to train on, repeats counted: half of the ≈ {millions(total)} found, for some will be dropped"
    page.key(2, Mixed, "budget", wanted, why)
    weights = {domain: (share + 1) / 100 for domain, share in spare.items()}
    page.key(2, Mixed, "weights", weights, "as found; raise what the model shall know better")
    page.key(2, Mixed, "max_epochs")
    page.off(2, "phases:", "of training, in order, each with weights of its own if you like")
    page.off(2, "  - {share: 0.8}")
    page.off(2, "  - {share: 0.2}")


def _synthesized(page: Page) -> None:
    page.note(1, "To let a language model say passages again (the embedded one: small, English, works offline), switch this on:")
    page.off(1, "- stage: synthesized")
    page.off(1, "  methods:")
    page.off(1, "    - method: rephrase")
    for name in ("rate", "max_documents"):
        page.off_key(1, Rephrase, name, inside=3)
    page.off_key(1, Synthesized, "share", inside=1)


def _packed(page: Page, proposals: Sequence[Proposal]) -> None:
    parts = max(1, min(MOST_PARTS, -(-sum(tokens_by_domain(proposals).values()) // PART_TOKENS)))
    page.add(1, "- stage: packed")
    page.key(2, Packed, "sequence_length")
    page.key(2, Packed, "strategy")
    page.key(2, Packed, "parts", parts, "each is packed in memory by one worker: about 50 M tokens each")
