"""Taking spans out of texts: whole columns, compiled."""

from __future__ import annotations

import numpy as np
import polars as pl
from numba import njit

from data4llm_assets.deduped import flat
from data4llm_assets.document import SPAN


def excise(documents: pl.DataFrame, spans: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Texts without some of their bytes.

    Parameters
    ----------
    documents : (doc_id, text), doc_id unique.
    spans : `tables.SPANS` of these documents.
    kind : what the spans are, for the decisions.

    Returns
    -------
    (doc_id, text) in the order of `documents`; and one row for each document and partner, (doc_id, partner, spans:
    List[document.SPAN] in characters of the text before), in that order.

    Raises
    ------
    ValueError
        If a span lies outside its text, cuts a character, or overlaps the one before it.
    """
    rows = documents.select("doc_id").with_row_index("row")
    placed = rows.join(spans, on="doc_id", how="inner").sort("row", "start")
    data, offsets = flat.strings(documents["text"])
    owner = placed["row"].to_numpy().astype(np.int64)
    starts, ends = (placed[name].to_numpy() + offsets[owner] for name in ("start", "end"))
    left, lengths = np.empty(len(data), np.uint8), np.empty(len(documents), np.int64)
    characters = np.empty((len(placed), 2), np.int64)
    wrong = _excise(data, offsets, owner, starts, ends, left, lengths, characters)
    if wrong >= 0:
        doc_id, start, end = placed.select("doc_id", "start", "end").row(wrong)
        msg = f"the span {start}:{end} does not fit the text of document {doc_id}: it was made from another text"
        raise ValueError(msg)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    texts = documents.select("doc_id", text=flat.texts(left[: bounds[-1]], bounds))
    where = pl.struct(start=pl.Series(characters[:, 0]), end=pl.Series(characters[:, 1]), type=pl.lit(kind)).cast(SPAN)
    told = placed.with_columns(where.alias("span")).group_by("row", "doc_id", "partner", maintain_order=True).agg(spans="span")
    return texts, told.drop("row")


@njit(cache=True, nogil=True)
def _excise(
    data: np.ndarray, offsets: np.ndarray, owner: np.ndarray, starts: np.ndarray, ends: np.ndarray,
    left: np.ndarray, lengths: np.ndarray, characters: np.ndarray,
) -> int:  # fmt: skip
    """Fill what is left, and each span in characters; the number of the first span that does not fit, or -1."""
    span, written = 0, 0
    for row in range(len(offsets) - 1):
        position, character, begin = offsets[row], 0, written
        while span < len(owner) and owner[span] == row:
            start, end = starts[span], ends[span]
            if start < position or end <= start or end > offsets[row + 1]:
                return span
            for edge in (start, end):
                if edge < offsets[row + 1] and data[edge] & 0xC0 == 0x80:
                    return span
            for i in range(position, start):
                left[written] = data[i]
                written += 1
                character += data[i] & 0xC0 != 0x80
            characters[span, 0] = character
            for i in range(start, end):
                character += data[i] & 0xC0 != 0x80
            characters[span, 1] = character
            position, span = end, span + 1
        for i in range(position, offsets[row + 1]):
            left[written] = data[i]
            written += 1
        lengths[row] = written - begin
    return -1
