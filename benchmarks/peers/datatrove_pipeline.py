"""datatrove from WARC to deduplicated JSONL, as in its FineWeb example as far as that needs no download.

Trafilatura with datatrove's defaults (favour precision, a second a page in a process of its own), Gopher repetition, Gopher
quality, MinHash in its four steps. The language filter is left out: its model is fetched from the network at first use.

Arguments: `input` (a WARC file), `output` (an empty folder), `max_pages` (all), `timeout` (1 second).
Phases: extract_and_filter, signatures, buckets, clusters, filter. Before: imports, the word tokenizer, one page extracted.
`bytes` are characters of HTML, as datatrove counts them.
"""

from __future__ import annotations

from datatrove_steps import buckets, clusters, counters, minhash, run, signatures, warm
from measuring import Arguments, Stopwatch


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    warm(html=True)
    from datatrove.pipeline.dedup import MinhashDedupFilter
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers import JsonlWriter

    source, folder = arguments.path("input"), arguments.output()
    filtered, config = str(folder / "filtered"), minhash(arguments.values)
    with stopwatch.phase("extract_and_filter"):
        steps = [
            WarcReader(str(source.parent), glob_pattern=source.name, limit=arguments.get("max_pages", None) or -1),
            Trafilatura(timeout=arguments.get("timeout", 1)),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            JsonlWriter(filtered, compression=None),
        ]
        run(steps, folder / "logs" / "filtered")
    counted = counters(folder / "logs" / "filtered")
    extraction = counted["Trafilatura"]
    if not extraction.get("forwarded"):
        raise SystemExit(f"no text was extracted from {extraction.get('total', 0):.0f} pages: {extraction}")
    with stopwatch.phase("signatures"):
        signatures(JsonlReader(filtered), folder, config)
    with stopwatch.phase("buckets"):
        buckets(folder, config)
    with stopwatch.phase("clusters"):
        clusters(folder, config)
    with stopwatch.phase("filter"):
        kept = [
            JsonlReader(filtered),
            MinhashDedupFilter(str(folder / "remove")),
            JsonlWriter(str(folder / "kept"), compression=None),
        ]
        run(kept, folder / "logs" / "kept")
    deduplicated = counters(folder / "logs" / "kept")["MinHash stage 4"]
    results = {
        "pages": int(extraction["total"]),
        "extracted": int(extraction["forwarded"]),
        "timeouts": int(extraction.get("timeout", 0)),
        "filtered": int(deduplicated["total"]),
        "kept": int(deduplicated["forwarded"]),
    }
    packages = ("datatrove", "trafilatura", "lxml", "spacy", "numpy", "xxhash")
    stopwatch.report(results["pages"], int(counted["Warc"]["doc_len"]), packages, counters=counted, results=results)


if __name__ == "__main__":
    main()
