"""How long a server asks to be left alone: RFC 9110, section 10.2.3. One reading for all who ask servers again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\d{1,9}(\.\d*)?", re.ASCII)


def retry_after(header: str | None) -> float | None:
    """Seconds from now that a `Retry-After` header asks for, as a number or a date, at least 0; None if it says neither."""
    told = (header or "").strip()
    if _SECONDS.fullmatch(told):
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
