"""datatrove's DocumentTokenizer on JSONL, one task: token ids and an index of document ends, each document followed by EOS.

The shuffle is off by default, as is the merger that follows it: one task writes one file, and there is nothing to merge.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `tokenizer` (a tokenizer.json), `eos_token`
(<|endoftext|>), `shuffle` (false: datatrove's default is true), `merge` (false), `threads` (1, of the tokenizer), `limit`.
Phases: tokenize (with reading and writing), merge. Before: imports and one text.
"""

from __future__ import annotations

import os

from datatrove_steps import counters, run
from measuring import Arguments, Stopwatch, documents, shards, size_of


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    threads = arguments.get("threads", 1)
    os.environ |= {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer, DocumentTokenizerMerger

    source, folder = arguments.path("input"), arguments.output()
    tokenizer, eos = str(arguments.path("tokenizer")), arguments.get("eos_token", "<|endoftext|>")
    shuffle, limit = arguments.get("shuffle", False), arguments.get("limit", None) or -1

    def step(tokens: str) -> DocumentTokenizer:
        return DocumentTokenizer(
            tokens, tokenizer_name_or_path=tokenizer, eos_token=eos, shuffle_documents=shuffle, seed=1, save_filename="corpus"
        )

    if step(str(folder / "unused")).tokenizer.token_to_id(eos) is None:
        raise SystemExit(f"{tokenizer} has no token {eos}")
    step(str(folder / "unused")).tokenizer.encode_batch([next(documents(source))[1]])
    with stopwatch.phase("tokenize"):
        reader = JsonlReader(str(source), glob_pattern="*.jsonl", limit=limit)
        run([reader, step(str(folder / "tokens"))], folder / "logs" / "tokenize")
    if arguments.get("merge", False):
        with stopwatch.phase("merge"):
            merger = DocumentTokenizerMerger(
                str(folder / "tokens"), str(folder / "merged"), save_filename="corpus", shuffle=shuffle, seed=1, progress=False
            )
            run([merger], folder / "logs" / "merge")
    counted = counters(folder / "logs" / "tokenize")
    texts = counted["Jsonl"]
    results = {"tokens": int(counted["Writer"]["tokens"]), "characters": int(texts["doc_len"]), "shuffle": shuffle}
    packages = ("datatrove", "tokenizers", "numpy")
    size = size_of(shards(source)) if limit < 0 else int(texts["doc_len"])
    stopwatch.report(int(texts["documents"]), size, packages, counters=counted, results=results)


if __name__ == "__main__":
    main()
