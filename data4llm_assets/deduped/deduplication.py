"""What every method of this stage is: a signature measured of each document, and promises that its page repeats.

Those that compare pairs of documents (`matching.py`) and the one that picks a version of each page (`url.py`) share a step; others
stand alone in theirs (`alone.py`).
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import polars as pl

from data4llm_assets.method import Method


class Promises(NamedTuple):
    """What holds of a method's verdicts; said in the reference and in the README.

    incremental : a new snapshot is judged against what is remembered of those before, and changes none of their verdicts.
    withdrawable : without a snapshot, the others stand as if it had never been; `refold` if the fold is repeated from there.
    names_partner : a decision names the kept document that is repeated.
    """

    incremental: bool
    withdrawable: Literal["refold", "anew"]
    names_partner: bool


class Deduplication(Method):
    """A method of `deduped`."""

    promises: ClassVar[Promises]
    signature: ClassVar[pl.Schema]
    """Columns measured of every document, among them `size` (UInt32): of what is compared, 0 or 1 if there is next to nothing."""
    of: ClassVar[Literal["text", "url"]] = "text"
    """The column of `document.DOCUMENTS` that is measured."""

    @property
    def label(self) -> str:
        """Prefix of this method's columns and rules; a user's `package.module:Class` goes by its class."""
        return self.method.rpartition(":")[2].lower()

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Measure every document. May not look at `Decide` parameters.

        Parameters
        ----------
        documents : (text_digest: String, text: String), text never null; or (url: String), null where a document has none, for
            a method `of` URLs.

        Returns
        -------
        Rows in the same order, with the schema `signature`.
        """
        raise TypeError(f"{type(self).__name__} must define signatures()")
