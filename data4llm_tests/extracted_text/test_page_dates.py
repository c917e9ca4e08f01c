from __future__ import annotations

import pytest

from data4llm_assets.extracted_text.page_dates import published


@pytest.mark.parametrize(
    ("stated", "date"),
    [
        ("2024-05-03", "2024-05-03"),
        (" 2024/5/3 ", "2024-05-03"),
        ("2024-05-03T10:00:00.000Z", "2024-05-03T10:00:00.000Z"),
        ("2024-05-03 10:00:00 -0400", "2024-05-03T10:00:00-0400"),
        ("2024-05-03T25:00", "2024-05-03"),
        ("Fri, 03 May 2024 10:00:00 GMT", "2024-05-03"),
        ("Fri May 03 2024 00:00:00 GMT+0000 (UTC)", "2024-05-03"),
        ("May 3rd, 2024", "2024-05-03"),
        ("3 Maybe 2024 or Mumble 4, 2024", "2024-05-03"),
        ("03/05/2024", None),
        ("2024-05", None),
        ("2024", None),
        ("202405", None),
        ("2024-13-01", None),
        ("0001-01-01", None),
        ("1970-01-01T00:00:00Z", None),
        ("today", None),
        ("٢٠٢٤-٠٥-٠٣", None),
        ("&#" + "9" * 1000, None),
    ],
)
def test_dates_are_those_that_can_mean_one_day_alone(stated: str, date: str | None) -> None:
    assert published(stated) == date
