"""A suffix array of all texts and its common prefixes, as Lee et al. (ACL 2022) find repeated substrings: libdivsufsort and Kasai.

Arguments: `input` (a folder of JSONL with `id` and `text`), `length` (100 bytes). Phases: read, suffix array, common prefixes,
mark.
The texts stand one after another with a byte between that UTF-8 never has, so no match crosses a document.
"""

from __future__ import annotations

import numpy as np
import pydivsufsort
from measuring import Arguments, Stopwatch, documents, shards, size_of


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    source, length = arguments.path("input"), arguments.get("length", 100)
    pydivsufsort.kasai(b"warm", pydivsufsort.divsufsort(b"warm"))
    with stopwatch.phase("read"):
        texts = [text.encode() for _, text in documents(source)]
        whole = b"\xff".join(texts)
    with stopwatch.phase("suffix array"):
        array = pydivsufsort.divsufsort(whole)
    with stopwatch.phase("common prefixes"):
        common = pydivsufsort.kasai(whole, array)
    with stopwatch.phase("mark"):
        alike = common >= length
        repeated = np.zeros(len(whole), np.bool_)
        repeated[array[alike]] = True
        repeated[array[1:][alike[:-1]]] = True
    results = {"repeated_windows": int(repeated.sum())}
    stopwatch.report(len(texts), size_of(shards(source)), ("pydivsufsort", "numpy"), results=results)


if __name__ == "__main__":
    main()
