"""A language model behind an OpenAI-compatible address: vLLM, Ollama, TGI, llama.cpp's server, or a hosted one.

The API key is read from the environment at each call, by the name the recipe gives. It stands in no
parameter, object, log or error.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from data4llm_assets.document import digest
from data4llm_assets.method import Decide, Measure
from data4llm_assets.models.language_model import (
    Completion,
    LanguageModelMethod,
    Message,
    ModelFailed,
    ModelIdentity,
    ModelRefused,
    Sampling,
)
from data4llm_assets.retry_after import retry_after

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WITHHELD = "(withheld)"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOO_MUCH = re.compile(
    r"(?i)context|too (?:long|large|many tokens)|maximum.{0,40}(?:length|tokens)|content.{0,3}(?:filter|policy)|safety"
)
"""How servers word that they turn away this input, and not every one: the rest of the corpus can still be asked."""
_LONGEST_ANSWER = 16 << 20


class OpenAICompatible(LanguageModelMethod):
    """Chat completions over HTTP. Its answers are only as reproducible as the server; what it answered is remembered."""

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ()
    pool: ClassVar[str] = "language_server"

    method: Literal["openai_compatible"]
    base_url: Decide[str] = Field(description="up to and with /v1, say http://localhost:8000/v1")
    model: Measure[str] = Field(min_length=1, description="name the server knows it by")
    revision: Measure[str | None] = Field(None, description="what fixes the weights; answers then outlive the address")
    api_key_env: Decide[str | None] = Field(None, description="name of the environment variable with the API key: never the key")
    timeout: Decide[float] = Field(120.0, gt=0, description="seconds until an answer must be complete")
    attempts: Decide[int] = Field(6, ge=1, le=20, description="tries of one call, while the server is busy or failing")
    longest_wait: Decide[float] = Field(60.0, ge=0, description="seconds between two tries; a server that asks for more fails")
    concurrency: Decide[int] = Field(8, ge=1, le=256, description="calls under way at once")

    @model_validator(mode="before")
    @classmethod
    def _withhold_secrets(cls, values: Any) -> Any:
        # A validation error shows its input: what looks like a secret in the wrong place is taken out before it can be refused.
        if not isinstance(values, Mapping):
            return values
        values = {key: value if key in cls.model_fields else _WITHHELD for key, value in values.items()}
        name, address = values.get("api_key_env"), values.get("base_url")
        if isinstance(name, str) and not _VARIABLE.fullmatch(name):
            values["api_key_env"] = _WITHHELD
        if isinstance(address, str) and ("@" in address or "?" in address):
            values["base_url"] = _WITHHELD
        return values

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        if name == _WITHHELD:
            msg = "api_key_env is the name of an environment variable (letters, digits, underscores), not the key itself"
            raise ValueError(msg)
        return name

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        if address == _WITHHELD:
            msg = "base_url holds a user or a query; credentials belong in the environment variable that api_key_env names"
            raise ValueError(msg)
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = "base_url is an http or https address, like http://localhost:8000/v1"
            raise ValueError(msg)
        return address.rstrip("/")

    def identify(self) -> ModelIdentity:
        """The weights are out of sight: `revision` stands for them, or else the address."""
        return ModelIdentity(self.model, digest("openai_compatible", self.model, self.revision or self.base_url))

    def batch(self) -> int:
        # At the end of each batch some lines idle: several rounds of calls make that a small part.
        return 8 * self.concurrency

    def load(self) -> Client:
        client = Client(self)
        client.headers()
        return client


class Client:
    """Asks one server. `pause` waits for a number of seconds; tests hand in their own."""

    def __init__(self, method: OpenAICompatible, pause: Callable[[float], None] = time.sleep) -> None:
        self._method, self._pause = method, pause
        self._url = f"{method.base_url}/chat/completions"
        self.concurrency = method.concurrency

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        request = {
            "model": self._method.model,
            "messages": [message._asdict() for message in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "stream": False,
        }
        return _completion(self._ask(json.dumps(request).encode()), self._url)

    def headers(self) -> dict[str, str]:
        """Raises ModelFailed if the recipe names an environment variable that is not set."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "data4llm"}
        key = self._key()
        return headers | {"Authorization": f"Bearer {key}"} if key else headers

    def _key(self) -> str | None:
        name = self._method.api_key_env
        if name is None:
            return None
        key = os.environ.get(name, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            problem = "is not set" if not key else "holds characters that no API key has"
            raise ModelFailed(f"openai_compatible reads its API key from the environment variable {name}, which {problem}")
        return key

    def _ask(self, body: bytes) -> bytes:
        trouble = ""
        for attempt in range(1, self._method.attempts + 1):
            status, retry_after, answer = self._post(body)
            if status == 200:
                return answer
            trouble = self._trouble(status, answer)
            if status == 413 or (status in (400, 422) and _TOO_MUCH.search(trouble)):
                raise ModelRefused(trouble)
            wait = _backoff(attempt, body) if retry_after is None else retry_after
            if status not in _AGAIN and status != 0:
                raise ModelFailed(trouble)
            if retry_after is not None and retry_after > self._method.longest_wait:
                raise ModelFailed(f"{trouble}; it asks to wait {retry_after:.0f} s, longer than longest_wait")
            if attempt < self._method.attempts:
                self._pause(min(wait, self._method.longest_wait))
        raise ModelFailed(f"{trouble}; tried {self._method.attempts} times")

    def _post(self, body: bytes) -> tuple[int, float | None, bytes]:
        """(status, seconds to wait if the server says so, body). Status 0: no answer, and the body says why."""
        import http.client
        import urllib.error
        import urllib.request

        class NoRedirect(urllib.request.HTTPRedirectHandler):
            # Following would hand the key to another address.
            def redirect_request(self, *arguments: Any) -> None:
                return None

        request = urllib.request.Request(self._url, data=body, headers=self.headers(), method="POST")
        end = time.monotonic() + self._method.timeout
        try:
            try:
                response = urllib.request.build_opener(NoRedirect).open(request, timeout=self._method.timeout)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                return response.status, retry_after(response.headers.get("Retry-After")), _read(response, end)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                reason = f"no complete answer within {self._method.timeout:g} s"
            return 0, None, str(reason).encode()

    def _trouble(self, status: int, answer: bytes) -> str:
        said = " ".join(answer[:2000].decode(errors="replace").split())
        key = self._key()
        if key:
            said = said.replace(key, _WITHHELD)
        what = f"answered {status}" if status else "gave no answer"
        return f"openai_compatible: {self._url} {what}: {said[:300]}"


def _completion(answer: bytes, url: str) -> Completion:
    try:
        content = json.loads(answer)
        choice, usage = content["choices"][0], content.get("usage") or {}
        text, reason = choice["message"].get("content") or "", choice.get("finish_reason")
        counts = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, LookupError, TypeError, AttributeError):
        msg = f"openai_compatible: {url} answered 200 with something that is no chat completion"
        raise ModelFailed(msg) from None
    if reason == "content_filter":
        return Completion(text, "refused", *counts)
    return Completion(text, "length" if reason == "length" else "stop", *counts)


def _read(response: Any, end: float) -> bytes:
    """The body, bounded in bytes and in time: a server that sends a byte a second must not hold a run for ever."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(1 << 16):
        chunks.append(chunk)
        size += len(chunk)
        if time.monotonic() > end:
            raise TimeoutError
        if size > _LONGEST_ANSWER:
            msg = f"an answer of more than {_LONGEST_ANSWER >> 20} MiB"
            raise OSError(msg)
    return b"".join(chunks)


def _backoff(attempt: int, body: bytes) -> float:
    """Seconds: doubling, spread by the request itself, so that many clients do not come back at once."""
    spread = int.from_bytes(hashlib.sha256(body + bytes([attempt])).digest()[:4], "little") / 2**32
    return float(2 ** (attempt - 1)) * (0.5 + spread / 2)
