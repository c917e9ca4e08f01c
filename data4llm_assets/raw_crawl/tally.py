"""What the checks of `raw_crawl` look at: what was met while reading, and figures of the index that came of it.

Whole numbers are counted and divided once. A share of a handful says nothing, and is null.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

SMALLEST_SHARE = 20
"""Records: a share of fewer is null."""
ENOUGH_FOR_COPIES = 100
"""Records: among fewer, two alike are a share worth nothing."""
PASSWORD = r"//[^/?#@\s]*:[^/?#@\s]*@"
"""`//user:password@`, in the URL itself or in one that it holds."""
SECRET = (
    r"(?i)[?&;](?:access_token|auth_token|id_token|api_?key|client_secret|password|passwd|pwd|session_?id|jsessionid|phpsessid"
    r"|x-(?:amz|goog)-signature)=[^&;#]{8,}"
)
"""Parameters of a URL that let whoever reads it act for somebody else."""


class Tally:
    """What was met in one partition as its files went by."""

    def __init__(self) -> None:
        self.seen = self.quarantined = self.gone = self.repaired = self.bytes = 0
        self.skipped: Counter[str] = Counter()

    def frames(self, files: int, repeats: int, strays: int, records: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """The metric frames.

        Parameters
        ----------
        files : how many are listed.
        repeats : records that were there before, identical.
        strays : records whose locator leads to another file than the one they were read from.
        records : `document.RECORDS`.

        Returns
        -------
        partition: one row of counts and shares. media_types: (media_type, records, bytes). licenses: (license, records), null for
        records that name none. skipped: (kind, count).
        """
        row: dict[str, int | float | None] = {
            "files": files,
            "seen": self.seen,
            "records": records.height,
            "repeats": repeats,
            "quarantined": self.quarantined,
            "vanished": self.gone,
            "skipped": self.skipped.total(),
            "bytes": int(records["payload_bytes"].sum()),
            "strays": strays,
            "unexplained": self.seen - records.height - repeats - self.quarantined,
        }
        shares = self._shares(repeats, records)
        types = records.group_by("media_type").agg(_RECORDS, bytes=pl.col("payload_bytes").sum()).sort("media_type")
        return {
            "partition": pl.DataFrame(
                {name: [value] for name, value in {**row, **shares}.items()}, schema_overrides=dict.fromkeys(shares, pl.Float64)
            ),
            "media_types": types,
            "licenses": records.group_by(_license()).agg(_RECORDS).sort("license", nulls_last=True),
            "skipped": pl.DataFrame(sorted(self.skipped.items()), schema={"kind": pl.String, "count": pl.Int64}, orient="row"),
        }

    def _shares(self, repeats: int, records: pl.DataFrame) -> dict[str, float | None]:
        read = {"quarantined_share": self.quarantined, "repeats_share": repeats, "repaired_share": self.repaired}
        count = records.height
        url = pl.col("url").fill_null("")
        indexed = records.select(
            mean_bytes=pl.col("payload_bytes").sum(),
            pages_share=pl.col("page_id").n_unique(),
            licensed_share=_license().count(),
            secret_urls_share=(url.str.contains(PASSWORD) | url.str.contains(SECRET)).sum(),
        ).row(0, named=True)
        commonest = records.group_by("payload_digest").len().select(pl.col("len").max()).item()
        return {
            **{name: number / self.seen if self.seen >= SMALLEST_SHARE else None for name, number in read.items()},
            **{name: number / count if count >= SMALLEST_SHARE else None for name, number in indexed.items()},
            "same_payload_share": commonest / count if count >= ENOUGH_FOR_COPIES else None,
        }


_RECORDS = pl.len().cast(pl.Int64).alias("records")


def _license() -> pl.Expr:
    """The licence; blank is none."""
    stated = pl.col("license").str.strip_chars()
    return pl.when(stated != "").then(stated).alias("license")
