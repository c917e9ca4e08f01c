"""Dates as pages state them for machines: ISO 8601 first, and English words where it is certain which number is which."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

_ISO = re.compile(
    r"\s*(\d{4})([-/.]?)(\d\d?)\2(\d\d?)(?!\d)"
    r"(?:[T\s]\s*((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)(?!\d)\s*(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?)?",
    re.A | re.I,
)
_DAY_FIRST = re.compile(r"(?<![\d.])(\d{1,2})\s+([a-z]{3,9})\.?,?\s+(\d{4})(?!\d)", re.A | re.I)
_MONTH_FIRST = re.compile(r"\b([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)", re.A | re.I)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_DATE = 60
_UNSET = ("1970-01-01", "1969-12-31")
"""What a clock says that was never set, east and west of Greenwich."""


def published(stated: str) -> str | None:
    """A date, or a date and a time, in ISO 8601. 3/4/2024 may be two dates, and is none."""
    stated = unescape(stated)
    if found := _ISO.match(stated):
        year, separator, month, day, time, zone = found.groups()
        if not separator and len(month + day) < 4:
            return None
        valid = _day(int(year), int(month), int(day))
        return f"{valid}T{time}{(zone or '').upper()}" if valid and time else valid
    if len(stated) > _LONGEST_DATE:
        return None
    if found := _DAY_FIRST.search(stated):
        day, name, year = found.groups()
    elif found := _MONTH_FIRST.search(stated):
        name, day, year = found.groups()
    else:
        return None
    return _day(int(year), _MONTHS.index(name[:3].lower()) + 1, int(day)) if name[:3].lower() in _MONTHS else None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        found = date(year, month, day).isoformat()
    except ValueError:
        return None
    return found if year >= 1000 and found not in _UNSET else None
