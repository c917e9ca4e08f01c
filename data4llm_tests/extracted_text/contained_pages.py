"""Pages through methods as a build takes them: in processes of their own, which a page may crash or hang."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from data4llm_assets.extracted_text.containment import Containment
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from extracted_text.extracted_records import record

Outcome = Extracted | Refused
ADDRESS = "https://example.org/some/page.html?a=1"
_AHEAD = 8


def outcomes(methods: Sequence[Extraction], pages: Iterable[bytes], processes: int = 1) -> Iterator[tuple[bytes, list[Outcome]]]:
    """Each page, and what each method made of it, in order."""
    children = [Containment() for _ in range(processes)]
    waiting: deque[tuple[bytes, Containment]] = deque()

    def first() -> tuple[bytes, list[Outcome]]:
        page, child = waiting.popleft()
        return page, [child.take() for _ in methods]

    try:
        for number, page in enumerate(pages):
            child = children[number % processes]
            for method in methods:
                child.give(method, record(page, url=ADDRESS))
            waiting.append((page, child))
            if len(waiting) > _AHEAD * processes:
                yield first()
        while waiting:
            yield first()
    finally:
        for child in children:
            child.close()
