"""The comparisons: on which input, who runs, what was promised. How they are run is `contest`'s, how told `figures`'."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.contest import Contender, Measured, race
from benchmarks.environments import Unavailable, environment
from benchmarks.figures import Comparison, Row, Verdict, ahead_of_all, at_least, at_most, pace, rates, ratio_of
from benchmarks.inputs import make
from benchmarks.inputs.make import Texts

HERE = Path(__file__).parent
LIMIT = "the library's call alone, on pages in memory"
LARGE = ("data_juicer", "seqpacker", "text_dedup")
"""Environments that take minutes to install, or to find out that they cannot be."""
DATATROVE_TRAFILATURA = {"method": "trafilatura", "mode": "precision", "include_comments": False}
NOT_BEFORE = "was not run before"


@dataclass
class Bench:
    """What a comparison is given: where inputs and environments lie, how large to be, whom to tell."""

    folder: Path
    quick: bool
    tell: Callable[[str], None]
    done: dict[str, dict[str, Measured]] = field(default_factory=dict)
    """Runs of the comparisons before, by comparison and contender: some are looked at again."""

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def ours(
        self,
        program: str,
        *,
        name: str = "data4llm",
        repetitions: int = 3,
        cores: int = 1,
        keep: Mapping[str, Path] | None = None,
        **given: Any,
    ) -> Contender:
        return Contender(
            name, "ours", Path(sys.executable), HERE / "ours" / f"{program}.py", given, self.times(repetitions), cores, keep or {}
        )

    def peer(
        self, name: str, home: str, program: str, *, repetitions: int = 1, keep: Mapping[str, Path] | None = None, **given: Any
    ) -> Contender | Measured:
        if self.quick and home in LARGE:
            return Measured(name, "peer", failure="left out of the quick run, for the time its installation takes")
        python = environment(home, self.folder / "environments")
        if isinstance(python, Unavailable):
            self.tell(f"  {name}: cannot be installed: {python.reason}")
            return Measured(name, "peer", failure=f"cannot be installed here: {python.reason}")
        return Contender(name, "peer", python, HERE / "peers" / f"{program}.py", given, self.times(repetitions), 1, keep or {})

    def earlier(self, case: str, contender: str) -> Measured:
        return self.done.get(case, {}).get(contender) or Measured(contender, "peer", failure=f"{case} {NOT_BEFORE}")

    def pages(self, count: int) -> Path:
        return make.pages(self.folder, count, few=self.quick)

    def texts(self) -> Texts:
        return make.texts(self.folder, self.size(50_000, 1_000), few=self.quick)

    def times(self, repetitions: int) -> int:
        return 1 if self.quick else repetitions

    def race(self, name: str, *entered: Contender | Measured) -> dict[str, Measured]:
        """Run those that can run; in the order entered."""
        measured = race([each for each in entered if isinstance(each, Contender)], self.tell)
        found = {each.name: measured[each.name] if isinstance(each, Contender) else each for each in entered}
        self.done[name] = found
        return found


def pages_same_extractor(bench: Bench) -> Comparison:
    count = bench.size(600, 60)
    warc, tiny = bench.pages(count), bench.pages(20)
    measured = bench.race(
        "pages_same_extractor",
        bench.ours("pages_to_text", warc=str(warc), tiny=str(tiny), html=DATATROVE_TRAFILATURA),
        bench.peer("datatrove", "datatrove", "datatrove_pipeline", repetitions=3, input=str(warc)),
        bench.ours("library_alone", name="Trafilatura alone", library="trafilatura", warc=str(warc)),
    )
    notes = {
        "datatrove": "its pipeline of Trafilatura, Gopher's filters and MinHash",
        "Trafilatura alone": LIMIT,
    }
    rows = rates(measured, "data4llm", "pages/s", notes=notes)
    ratio, limit = ratio_of(rows, "datatrove"), ratio_of(rows, "Trafilatura alone")
    verdict = at_least("2 × datatrove", ratio, 2, "{:.2f} ×" + _at_best(ratio, limit))
    title = "WARC to filtered and deduplicated text, both with Trafilatura"
    return _comparison("pages_same_extractor", title, f"{count:,} pages of Debian's documentation", rows, [verdict], measured)


def pages_fast_extractor(bench: Bench) -> Comparison:
    count = bench.size(2_000, 60)
    warc, tiny = bench.pages(count), bench.pages(20)
    measured = bench.race(
        "pages_fast_extractor",
        bench.ours("pages_to_text", warc=str(warc), tiny=str(tiny), html={"method": "resiliparse"}),
        bench.ours("library_alone", name="Resiliparse alone", library="resiliparse", warc=str(warc)),
        bench.peer("datatrove", "datatrove", "datatrove_pipeline", repetitions=2, input=str(warc)),
    )
    notes = {"datatrove": "with Trafilatura", "Resiliparse alone": LIMIT}
    rows = rates(measured, "data4llm", "pages/s", notes=notes)
    ratio, limit = ratio_of(rows, "datatrove"), ratio_of(rows, "Resiliparse alone")
    verdict = at_least("20 × datatrove with Trafilatura", ratio, 20, "{:.1f} ×" + _at_best(ratio, limit))
    title = "The same with Resiliparse, against datatrove with Trafilatura"
    return _comparison("pages_fast_extractor", title, f"{count:,} pages of Debian's documentation", rows, [verdict], measured)


def pages_auto(bench: Bench) -> Comparison:
    count = bench.size(2_000, 60)
    warc, tiny = bench.pages(count), bench.pages(20)
    measured = bench.race("pages_auto", bench.ours("pages_to_text", warc=str(warc), tiny=str(tiny), html={"method": "auto"}))
    measured["datatrove"] = bench.earlier("pages_fast_extractor", "datatrove")
    notes = {"data4llm": _asked(measured["data4llm"]), "datatrove": "with Trafilatura: the runs above, on the same pages"}
    rows = rates(measured, "data4llm", "pages/s", notes=notes)
    verdict = at_least("8 × datatrove with Trafilatura", ratio_of(rows, "datatrove"), 8, "{:.1f} ×")
    title = "The same with `auto`, against datatrove with Trafilatura"
    return _comparison("pages_auto", title, f"{count:,} pages of Debian's documentation", rows, [verdict], measured)


def web_pages_to_text(bench: Bench) -> Comparison:
    count = bench.size(2_000, 60)
    warc, tiny = bench.pages(count), bench.pages(20)
    measured = bench.race(
        "web_pages_to_text",
        *(
            bench.ours(
                "pages_to_text",
                name=_engine(method),
                repetitions=2 if method == "trafilatura" else 3,
                warc=str(warc),
                tiny=str(tiny),
                html={"method": method},
                last="extracted_text",
            )
            for method in ("auto", "blocks", "trafilatura", "resiliparse")
        ),
    )
    notes = {_engine("auto"): _asked(measured[_engine("auto")])}
    # None of them is a peer: each has a rate of its own.
    rows = [replace(row, ratio=None) for row in rates(measured, _engine("auto"), "pages/s", notes=notes)]
    title = "WARC to text, by engine: one core for the reader and the process in which the engine runs"
    verdict = Verdict("reported", "see the rows", None)
    return _comparison("web_pages_to_text", title, f"{count:,} pages of Debian's documentation", rows, [verdict], measured)


def _engine(method: str) -> str:
    return f"data4llm, {method}"


def _asked(auto: Measured) -> str:
    """For how many of its texts `auto` asked Trafilatura."""
    if not auto.runs:
        return ""
    engines = auto.runs[0].results["by_engine"]
    return f"Trafilatura asked, too, for {1 - engines.get('blocks', 0) / sum(engines.values()):.0%} of texts"


def _at_best(ratio: float | None, limit: float | None) -> str:
    """What the library alone would reach; `limit` is its time in times of ours."""
    return f"; the library's call alone would be {ratio / limit:.1f} ×" if ratio and limit else ""


def english_rules(bench: Bench) -> Comparison:
    many, few = bench.size(20_000, 1_000), bench.size(2_000, 200)
    texts = bench.texts()
    sample = make.jsonl(texts, few)
    ours, theirs = bench.folder / "verdicts.parquet", bench.folder / "verdicts.jsonl"
    measured = bench.race(
        "english_rules",
        bench.ours("rules", texts=str(texts.parquet), documents=many, keep={"verdicts.parquet": ours}),
        bench.peer(
            "datatrove", "datatrove", "datatrove_filters", repetitions=3, keep={"verdicts.jsonl": theirs}, input=str(sample)
        ),
        bench.peer("data-juicer", "data_juicer", "data_juicer_filters", repetitions=3, input=str(sample)),
    )
    rows = rates(measured, "data4llm", "documents/s")
    per_second = 1 / pace(measured["data4llm"]) if measured["data4llm"].runs else None
    verdicts = [
        at_least("50 × datatrove", ratio_of(rows, "datatrove"), 50, "{:.0f} ×"),
        at_least("2,000 documents/s", per_second, 2_000, "{:,.0f}/s"),
    ]
    if measured["datatrove"].runs and ours.exists():
        verdicts.append(_agreement(ours, theirs))
    title = "Gopher's repetition and quality rules: all signals and both verdicts of every text"
    return _comparison(
        "english_rules",
        title,
        f"{many:,} web texts of {texts.mean_bytes / 1000:.1f} kB; peers {few:,} of them",
        rows,
        verdicts,
        measured,
    )


def _agreement(ours: Path, theirs: Path) -> Verdict:
    """How many documents both judge the same, rule by rule."""
    told = pl.read_ndjson(theirs, schema={"id": pl.String, "repetition": pl.String, "quality": pl.String})
    dropped = pl.read_parquet(ours)
    shares = []
    for rule in ("repetition", "quality"):
        mine = dropped.filter(pl.col("rule").str.starts_with(f"gopher_{rule}"))["doc_id"].implode()
        same = told.select((pl.col(rule).is_not_null() == pl.col("id").is_in(mine)).mean()).item()
        shares.append(f"{rule} {same:.1%}")
    return Verdict("verdicts compared", f"the same as datatrove's for: {', '.join(shares)} of texts", None)


def near_duplicates(bench: Bench) -> Comparison:
    count = bench.size(50_000, 1_000)
    texts = bench.texts()
    lines = str(make.jsonl(texts, count))
    tiny = str(make.jsonl(texts, 200))
    measured = bench.race(
        "near_duplicates",
        bench.ours("near_duplicates", kind="jsonl", texts=lines, tiny=tiny),
        bench.peer("rensa", "sketches", "rensa_minhash", repetitions=3, input=lines),
        bench.peer("datasketch", "sketches", "datasketch_minhash", repetitions=2, input=lines),
        bench.peer("text-dedup", "text_dedup", "text_dedup_minhash", repetitions=2, input=lines),
        bench.peer("datatrove", "datatrove", "datatrove_minhash", repetitions=1, input=lines),
    )
    rows = rates(measured, "data4llm", "documents/s")
    rows = [_with_dropped(row, measured[row.contender]) for row in rows]
    verdicts = [at_least("50 × datatrove", ratio_of(rows, "datatrove"), 50, "{:.0f} ×"), ahead_of_all(rows)]
    title = "Near-duplicates by MinHash, 5-word shingles, 14 × 8: signatures to drop lists; ours verifies every match"
    where = f"{count:,} web texts of {texts.mean_bytes / 1000:.1f} kB"
    return _comparison("near_duplicates", title, where, rows, verdicts, measured)


def _with_dropped(row: Row, measured: Measured) -> Row:
    if not measured.runs:
        return row
    note = f"dropped {int(measured.runs[0].results['dropped']):,}"
    return Row(row.contender, row.figure, row.ratio, row.peak_memory, row.spread, note)


def million(bench: Bench) -> Comparison:
    count = bench.size(1_000_000, 5_000)
    folder = make.synthetic(bench.folder, bench.texts(), count)
    tiny = str(make.synthetic(bench.folder, bench.texts(), 1_000))
    ours = bench.ours("near_duplicates", repetitions=1, kind="parquet", texts=str(folder), tiny=tiny, shards=20, memory="2GB")
    measured = bench.race("million", ours)
    rows = [_with_dropped(row, measured[row.contender]) for row in rates(measured, "data4llm", "documents/s")]
    peak = rows[0].peak_memory
    verdict = at_most("2 GB at most", None if peak is None else peak / 1e9, 2, "{:.2f} GB at most, the whole process")
    title = "The same at a million documents"
    return _comparison("million", title, f"{count:,} synthetic texts of 2.5 kB, Zipf-Mandelbrot words", rows, [verdict], measured)


def substrings(bench: Bench) -> Comparison:
    size = bench.size(100_000_000, 3_000_000)
    texts = bench.texts()
    lines, tiny = str(make.jsonl_of_size(texts, size)), str(make.jsonl(texts, 200))
    methods = [{"method": "substring", "length": 100, "keep": "none"}]
    measured = bench.race(
        "substrings",
        bench.ours("near_duplicates", kind="jsonl", texts=lines, tiny=tiny, methods=methods),
        bench.peer("suffix array", "suffix_array", "suffix_array", repetitions=2, input=lines, length=100),
    )
    notes = {"data4llm": "spans taken out of the texts and published, too", "suffix array": "libdivsufsort and Kasai, marked only"}
    rows = rates(measured, "data4llm", "MB/s", of="bytes", notes=notes)
    seconds = measured["data4llm"].seconds if measured["data4llm"].runs else None
    verdicts = [at_most("100 MB in 90 s", seconds, 90, "{:.1f} s"), ahead_of_all(rows, "ahead")]
    title = "Exact substrings of 100 bytes that occur twice"
    return _comparison("substrings", title, f"{size / 1e6:,.0f} MB of web texts", rows, verdicts, measured)


def added_snapshot(bench: Bench) -> Comparison:
    count = bench.size(200_000, 5_000)
    folder = str(make.synthetic(bench.folder, bench.texts(), bench.size(1_000_000, 20_000)))
    tiny = str(make.synthetic(bench.folder, bench.texts(), 1_000))
    measured = bench.race("added_snapshot", bench.ours("added_snapshot", repetitions=2, texts=folder, tiny=tiny, documents=count))
    ours = measured["data4llm"]
    results = ours.runs[0].results if ours.runs else {}
    note = ""
    if results:
        alone, whole = (results[name] for name in ("deduplication_share", "share_of_rebuild"))
        note = f"the step alone, {alone:.1%} of the CPU time of its rebuild; with reading, {whole:.1%}"
    verdict = at_most("5 % of a rebuild's CPU time, read and deduplicated", results.get("share_of_rebuild"), 0.05, "{:.1%}")
    title = "A snapshot of one per cent deduplicated against all before, verified"
    rows = [_seconds_row("data4llm", ours, note)]
    return _comparison("added_snapshot", title, f"{count // 100:,} added to {count:,} synthetic texts", rows, [verdict], measured)


def packing(bench: Bench) -> Comparison:
    count = bench.size(1_000_000, 100_000)
    lengths = str(make.lengths(bench.folder))
    measured = bench.race(
        "packing",
        bench.ours("pack_lengths", lengths=lengths, documents=count, sequence_length=2048),
        bench.peer("TRL", "trl", "trl_pack", repetitions=2, input=lengths, limit=count, sequence_length=2048, strategy="bfd_split"),
        bench.peer("seqpacker", "seqpacker", "seqpacker_pack", repetitions=3, input=lengths, limit=count, sequence_length=2048),
    )
    rows = rates(measured, "data4llm", "documents/s")
    excess = measured["data4llm"].runs[0].results["above_bound"] if measured["data4llm"].runs else None
    verdicts = [ahead_of_all(rows), at_most("within 0.1 % of the bound", excess, 0.001, "{:.4%} above it")]
    title = "Best-fit packing into sequences of 2,048 tokens"
    return _comparison("packing", title, f"{count:,} document lengths, log-normal", rows, verdicts, measured)


def tokenizing(bench: Bench) -> Comparison:
    size = bench.size(200_000_000, 5_000_000)
    texts = bench.texts()
    lines, tiny = str(make.jsonl_of_size(texts, size)), str(make.jsonl(texts, 200))
    measured = bench.race(
        "tokenizing",
        bench.ours("tokenize_and_pack", texts=lines, tiny=tiny),
        bench.peer(
            "datatrove", "datatrove", "datatrove_tokenize", repetitions=1, input=lines, tokenizer=str(make.tokenizer(bench.folder))
        ),
    )
    notes = {"data4llm": "packed by best fit, too", "datatrove": "tokenised alone, in one stream"}
    rows = rates(measured, "data4llm", "MB/s", of="bytes", notes=notes)
    title = "Texts to token ids by SmolLM2's tokenizer, and (ours) packed"
    return _comparison(
        "tokenizing",
        title,
        f"{size / 1e6:,.0f} MB of web texts, per byte; ours leaves exact repeats out before the clock",
        rows,
        [ahead_of_all(rows, "ahead")],
        measured,
    )


def threshold(bench: Bench) -> Comparison:
    texts = make.sample_texts(bench.folder, bench.size(5, 1))
    merged = str(texts / "all")
    whole = "data4llm, whole sample"
    entered: list[Contender | Measured] = [
        bench.ours("threshold", repetitions=2, texts=str(texts), whole=False),
        bench.ours("threshold", name=whole, repetitions=2, texts=str(texts), whole=True),
    ]
    limit = bench.size(2_000, 200)  # datatrove would take five minutes for all
    entered.append(bench.peer("datatrove, filters", "datatrove", "datatrove_filters", input=merged, limit=limit))
    entered.append(
        bench.peer(
            "datatrove, tokens",
            "datatrove",
            "datatrove_tokenize",
            input=merged,
            limit=limit,
            tokenizer=str(make.tokenizer(bench.folder)),
        )
    )
    measured = bench.race("threshold", *entered)
    ours, filters, tokens = (measured[name] for name in ("data4llm", "datatrove, filters", "datatrove, tokens"))
    rows = [
        _seconds_row("data4llm", ours, "filters and tokens, checks and all"),
        _seconds_row(whole, measured[whole], "selection, mixture and packing, too"),
    ]
    ratio = None
    if ours.runs and filters.runs and tokens.runs:
        documents = ours.runs[0].documents
        theirs = documents * (pace(filters) + pace(tokens))
        ratio = theirs / ours.seconds
        label = f"extrapolated from {filters.runs[0].documents:,} of them"
        rows.append(Row("datatrove", f"{theirs:,.0f} s", ratio, note=f"filters and tokens anew; {label}"))
    verdict = at_least("100 × a rerun of datatrove's", ratio, 100, "{:.0f} ×")
    count = ours.runs[0].documents if ours.runs else 0
    title = "One threshold of the filters changed: everything that follows from it"
    return _comparison(
        "threshold", title, f"the sample's {count:,} documents ({bench.size(5, 1)} times)", rows, [verdict], measured
    )


def one_percent(bench: Bench) -> Comparison:
    texts = bench.texts()
    measured = bench.race(
        "one_percent", bench.ours("one_percent", texts=str(make.jsonl(texts, texts.documents)), more=str(texts.more))
    )
    ours = measured["data4llm"]
    rows, ratio = [_seconds_row("data4llm", ours, "the new delivery alone")], None
    filters, duplicates = bench.earlier("english_rules", "datatrove"), bench.earlier("near_duplicates", "datatrove")
    if ours.runs and filters.runs and duplicates.runs:
        documents = ours.runs[0].documents
        theirs = documents * (pace(filters) + pace(duplicates))
        ratio = theirs / ours.seconds
        rows.append(
            Row(
                "datatrove",
                f"{theirs:,.0f} s",
                ratio,
                note="extrapolated: it keeps nothing, so all documents at the rates measured above",
            )
        )
    verdict = at_least("20 × a rerun of datatrove's", ratio, 20, "{:.0f} ×")
    title = "One per cent of new documents: read, filtered, deduplicated against all before"
    return _comparison(
        "one_percent", title, f"{texts.documents // 100:,} added to {texts.documents:,} web texts", rows, [verdict], measured
    )


def nothing_changed(bench: Bench) -> Comparison:
    sizes = [4, 40, 200] if not bench.quick else [2, 10]
    measured = bench.race("nothing_changed", bench.ours("nothing_changed", repetitions=1, partitions=sizes))
    seconds = _curve(measured["data4llm"], "seconds_by_partitions")
    rows = [Row("data4llm", f"{value:.2f} s", note=f"{int(size):,} partitions") for size, value in seconds.items()]
    verdicts = []
    if seconds:
        first, last = seconds[str(sizes[0])], seconds[str(sizes[-1])]
        verdicts.append(at_most("seconds", last, 10, "{:.1f} s"))
        verdicts.append(
            at_most(
                "sub-linear",
                last / first,
                sizes[-1] / sizes[0],
                f"{{:.1f}} times the time for {sizes[-1] // sizes[0]} times the partitions",
            )
        )
    title = "`data4llm run` with nothing to do, the whole command"
    return _comparison("nothing_changed", title, "tiny partitions of five steps", rows, verdicts, measured, {"seconds": seconds})


def growth(bench: Bench) -> Comparison:
    base = bench.size(2_000, 100)
    texts = bench.texts()
    sizes = [base, 4 * base, 16 * base]
    measured = bench.race(
        "growth", bench.ours("growth", repetitions=2, texts=str(texts.parquet), tiny=str(make.jsonl(texts, 200)), documents=sizes)
    )
    seconds = _curve(measured["data4llm"], "seconds_by_documents")
    rows = [Row("data4llm", f"{value:.2f} s", note=f"{int(size):,} documents") for size, value in seconds.items()]
    verdicts = []
    if seconds:
        first, last = (seconds[str(size)] for size in (sizes[0], sizes[-1]))
        verdicts.append(
            at_most("cost grows no faster than input", last / first, 16, "{:.1f} times the time for 16 times the documents")
        )
    title = "JSONL to packed sequences, cold, at growing size"
    return _comparison("growth", title, "web texts", rows, verdicts, measured, {"seconds": seconds})


def engine_overhead(bench: Bench) -> Comparison:
    count = bench.size(1_000, 20)
    entered = [
        bench.ours("tiny_partitions", name="plain function calls", repetitions=1, partitions=count, how="functions"),
        bench.ours("tiny_partitions", name="engine without Dagster", repetitions=1, partitions=count, how="inline"),
        *(
            bench.ours("tiny_partitions", name=_workers(number), repetitions=1, cores=min(number, 2), partitions=count, how=number)
            for number in ([1, 2, 4] if not bench.quick else [1])
        ),
    ]
    measured = bench.race("engine_overhead", *entered)
    rows = []
    for name, one in measured.items():
        if not one.runs:
            rows.append(Row(name, "not run", note=one.failure or ""))
            continue
        results = one.runs[0].results
        stored = [
            f"{results[key] / 1000:.0f} kB of {what}"
            for key, what in (("store_bytes_per_partition", "store"), ("dagster_bytes_per_run", "Dagster's log"))
            if key in results
        ]
        rows.append(
            Row(
                name,
                f"{results['milliseconds_per_partition']:,.1f} ms a partition",
                peak_memory=one.runs[0].peak_memory,
                note=", ".join(stored),
            )
        )
    title = "What the engine itself costs: tiny partitions of two steps, fingerprints, checks, publishing, Dagster runs"
    return _comparison(
        "engine_overhead", title, f"{count:,} partitions", rows, [Verdict("reported", "see the rows", None)], measured
    )


def _workers(count: int) -> str:
    return f"data4llm run, {count} worker{'s' if count > 1 else ''}"


def _seconds_row(name: str, measured: Measured, note: str) -> Row:
    if not measured.runs:
        return Row(name, "not run", note=measured.failure or "")
    spread = (min(run.seconds for run in measured.runs), max(run.seconds for run in measured.runs))
    return Row(name, f"{measured.seconds:,.2f} s", None, max(run.peak_memory for run in measured.runs), spread, note)


def _curve(measured: Measured, result: str) -> dict[str, float]:
    """The best of the runs at each size: noise only adds."""
    found: dict[str, float] = {}
    for run in measured.runs:
        for size, seconds in run.results[result].items():
            found[size] = min(seconds, found.get(size, seconds))
    return found


def _comparison(
    name: str, title: str, given: str, rows: list[Row], verdicts: list[Verdict], measured: Mapping[str, Measured],
    curves: Mapping[str, Mapping[str, float]] | None = None,
) -> Comparison:  # fmt: skip
    told = {key: value.as_json() for key, value in measured.items()}
    return Comparison(name, title, given, tuple(rows), tuple(verdicts), told, curves or {})


CASES: tuple[Callable[[Bench], Comparison], ...] = (
    pages_same_extractor, pages_fast_extractor, pages_auto, web_pages_to_text, english_rules, near_duplicates, million, substrings,
    added_snapshot, packing, tokenizing, threshold, one_percent, nothing_changed, growth, engine_overhead,
)  # fmt: skip
