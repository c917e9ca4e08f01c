"""Numbers in text as (value, unit), so that "$2.11, about 11 percent" cannot turn into "11 cents" unseen.

English and symbols. A number written as a word counts from two to twelve; "one" is mostly a pronoun.
"""

from __future__ import annotations

import polars as pl

_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MAGNITUDES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_UNITS = {
    "$": "dollar",
    "dollar": "dollar",
    "dollars": "dollar",
    "€": "euro",
    "euro": "euro",
    "euros": "euro",
    "£": "pound",
    "pound": "pound",
    "pounds": "pound",
    "¥": "yen",
    "yen": "yen",
    "%": "percent",
    "percent": "percent",
    "per cent": "percent",
    "cent": "cent",
    "cents": "cent",
    "¢": "cent",
}
_QUANTITY = (
    r"(?i)(?P<symbol>[$€£¥])?\s?(?P<value>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"(?:[\s-]?(?P<magnitude>hundred|thousand|million|billion|trillion)\b)?"
    r"(?:[\s-]?(?P<unit>%|¢|(?:percent|per cent|cents?|dollars?|euros?|pounds?|yen)\b))?"
)
KEY_VALUE = 10
"""A bare whole number below this is as often an article or a list index as a fact."""


def quantities(texts: pl.Series) -> pl.DataFrame:
    """Every distinct number of every text.

    Returns
    -------
    (row: index into `texts`, value: Float64, unit: String or null, key: Boolean). A magnitude is multiplied in: 3 million and
    3,000,000 are one value. `key` marks numbers that carry a fact: with a unit, a fraction, or at least `KEY_VALUE`.
    """
    digits = pl.col("text")
    for number, word in enumerate(_WORDS, start=2):
        digits = digits.str.replace_all(rf"(?i)\b{word}\b", str(number))
    found = (
        pl.DataFrame({"text": texts})
        .with_row_index("row")
        .select("row", digits.str.extract_all(_QUANTITY).alias("match"))
        .explode("match")
        .drop_nulls("match")
        .with_columns(pl.col("match").str.extract_groups(_QUANTITY).alias("groups"))
        .unnest("groups")
    )
    magnitude = pl.col("magnitude").str.to_lowercase().replace_strict(_MAGNITUDES, default=1.0, return_dtype=pl.Float64)
    unit = pl.coalesce("symbol", pl.col("unit").str.to_lowercase()).replace_strict(_UNITS, default=None, return_dtype=pl.String)
    # Rounded, or 0.3 million and 300,000 would differ in the last bit.
    value = (pl.col("value").str.replace_all(",", "").cast(pl.Float64) * magnitude).round(6)
    return (
        found.select("row", value.alias("value"), unit.alias("unit"))
        .unique(maintain_order=True)
        .with_columns(key=pl.col("unit").is_not_null() | (pl.col("value") >= KEY_VALUE) | (pl.col("value") % 1 != 0))
    )


def unmatched(numbers: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Rows of `numbers` that no row of `others` states for the same text: the same value, and no other unit."""
    pairs = numbers.with_row_index("number").join(others.select("row", "value", pl.col("unit").alias("other")), on=["row", "value"])
    stated = pairs.filter((pl.col("unit") == pl.col("other")).fill_null(True))
    return numbers.with_row_index("number").join(stated, on="number", how="anti").drop("number")
