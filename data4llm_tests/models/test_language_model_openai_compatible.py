from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from data4llm_assets.models.language_model import Completion, Message, ModelFailed, ModelRefused, Sampling
from data4llm_assets.models.openai_compatible import Client, OpenAICompatible

SECRET = "sk-planted-4711"
ASKED = [Message("user", "Hello?")]
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3},
}


class Server:
    """Answers one scripted reply after the other: (status, headers, body), or seconds to hang."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                script.requests.append((self.path, dict(self.headers), json.loads(body)))
                reply = script.replies.pop(0)
                if reply == "hang":
                    script.released.wait(10)
                    return
                status, headers, content = reply
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def client(server: Server, **parameters: Any) -> tuple[Client, list[float]]:
    waits: list[float] = []
    settings = {"method": "openai_compatible", "base_url": server.url, "model": "tiny", "attempts": 3, **parameters}
    return Client(OpenAICompatible.model_validate(settings), waits.append), waits


def test_a_chat_completion_is_asked_for_and_read(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", SECRET)
    server.replies = [(200, {}, ANSWER)]
    asks, _ = client(server, api_key_env="TINY_KEY")
    assert asks.complete(ASKED, Sampling(max_tokens=7, seed=3)) == Completion("Hello.", "stop", 9, 3)
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hello?"}],
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 7,
        "seed": 3,
        "stream": False,
    }


def test_without_a_key_none_is_sent(server: Server) -> None:
    server.replies = [(200, {}, ANSWER)]
    client(server)[0].complete(ASKED, Sampling())
    assert "Authorization" not in server.requests[0][1]


@pytest.mark.parametrize(
    ("reason", "expected"), [("length", "length"), ("content_filter", "refused"), ("stop", "stop"), (None, "stop")]
)
def test_finish_reasons_are_told_apart(server: Server, reason: str | None, expected: str) -> None:
    server.replies = [(200, {}, {"choices": [{"message": {"content": None}, "finish_reason": reason}]})]
    assert client(server)[0].complete(ASKED, Sampling()) == Completion("", expected, 0, 0)  # type: ignore[arg-type]


def test_a_busy_server_is_asked_again_after_the_time_it_names(server: Server) -> None:
    server.replies = [(429, {"Retry-After": "2.5"}, {}), (503, {}, {}), (200, {}, ANSWER)]
    asks, waits = client(server)
    assert asks.complete(ASKED, Sampling()).text == "Hello."
    assert waits[0] == 2.5
    assert 1.0 <= waits[1] < 2.0


def test_a_date_to_retry_after_is_understood(server: Server) -> None:
    server.replies = [(429, {"Retry-After": formatdate(time.time() - 60, usegmt=True)}, {}), (200, {}, ANSWER)]
    asks, waits = client(server)
    asks.complete(ASKED, Sampling())
    assert waits == [0.0]


def test_a_server_that_asks_for_too_long_a_wait_fails(server: Server) -> None:
    server.replies = [(429, {"Retry-After": "3600"}, {})]
    asks, waits = client(server)
    with pytest.raises(ModelFailed, match="asks to wait 3600 s"):
        asks.complete(ASKED, Sampling())
    assert waits == []


def test_a_failing_server_is_given_up_with_its_address_and_words(server: Server) -> None:
    server.replies = [(500, {}, {"error": {"message": "out of memory"}})] * 3
    asks, waits = client(server)
    with pytest.raises(ModelFailed, match=rf"{server.url}/chat/completions answered 500: .*out of memory.*; tried 3 times"):
        asks.complete(ASKED, Sampling())
    assert len(waits) == 2


def test_a_server_that_hangs_runs_into_the_timeout(server: Server) -> None:
    server.replies = ["hang"]
    asks, _ = client(server, timeout=0.2, attempts=1)
    with pytest.raises(ModelFailed, match=r"no complete answer within 0\.2 s"):
        asks.complete(ASKED, Sampling())


def test_nobody_at_the_address_is_said_so(server: Server) -> None:
    server.close()
    asks, _ = client(server, attempts=1)
    with pytest.raises(ModelFailed, match=rf"{server.url}/chat/completions gave no answer: .*refused"):
        asks.complete(ASKED, Sampling())


def test_a_prompt_the_server_turns_away_is_a_refusal_and_a_wrong_request_a_failure(server: Server) -> None:
    server.replies = [
        (400, {}, {"error": "This model's maximum context length is 4096 tokens"}),
        (400, {}, {"error": "unknown parameter: seed"}),
        (404, {}, {"error": "no model tiny"}),
    ]
    asks, waits = client(server)
    with pytest.raises(ModelRefused):
        asks.complete(ASKED, Sampling())
    for expected in ("unknown parameter", "no model tiny"):
        with pytest.raises(ModelFailed, match=expected) as failure:
            asks.complete(ASKED, Sampling())
        assert not isinstance(failure.value, ModelRefused)
    assert waits == []


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"choices": []}', b'{"choices": [3]}', b"[]"])
def test_an_answer_that_is_no_chat_completion_fails_clearly(server: Server, body: bytes) -> None:
    server.replies = [(200, {}, body)]
    with pytest.raises(ModelFailed, match="no chat completion"):
        client(server)[0].complete(ASKED, Sampling())


def test_a_redirect_is_not_followed_so_the_key_stays_here(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", SECRET)
    server.replies = [(302, {"Location": f"{server.url}/elsewhere"}, {})]
    with pytest.raises(ModelFailed, match="answered 302"):
        client(server, api_key_env="TINY_KEY")[0].complete(ASKED, Sampling())
    assert len(server.requests) == 1


def test_the_key_stands_in_no_error_even_if_the_server_echoes_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", SECRET)
    server.replies = [(401, {}, {"error": f"bad key {SECRET}"})]
    asks, _ = client(server, api_key_env="TINY_KEY")
    with pytest.raises(ModelFailed, match=r"answered 401: .*bad key") as failure:
        asks.complete(ASKED, Sampling())
    assert SECRET not in repr(failure.value)
    assert SECRET not in repr(vars(asks))


@pytest.mark.parametrize(("value", "problem"), [(None, "not set"), ("", "not set"), (f"{SECRET}\nX: y", "characters")])
def test_a_key_that_cannot_be_used_is_named_by_its_variable_only(
    server: Server, monkeypatch: pytest.MonkeyPatch, value: str | None, problem: str
) -> None:
    monkeypatch.delenv("TINY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TINY_KEY", value)
    method = OpenAICompatible.model_validate(
        {"method": "openai_compatible", "base_url": server.url, "model": "tiny", "api_key_env": "TINY_KEY"}
    )
    with pytest.raises(ModelFailed, match=f"environment variable TINY_KEY, which .*{problem}") as failure:
        method.load()
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key_env": SECRET},
        {"api_key": SECRET},
        {"base_url": f"http://user:{SECRET}@host/v1"},
        {"base_url": f"http://host/v1?key={SECRET}"},
    ],
)
def test_a_secret_in_the_recipe_is_refused_without_being_shown(wrong: dict[str, str]) -> None:
    class Recipe(BaseModel):
        model: OpenAICompatible

    entry = {"method": "openai_compatible", "base_url": "http://localhost/v1", "model": "tiny", **wrong}
    with pytest.raises(ValidationError) as refusal:
        Recipe.model_validate({"model": entry})
    assert SECRET not in str(refusal.value)
    assert SECRET not in repr(refusal.value.errors())


def test_the_revision_stands_for_the_weights_wherever_they_are_served() -> None:
    def identity(**parameters: str) -> object:
        return OpenAICompatible.model_validate({"method": "openai_compatible", "model": "tiny", **parameters}).identify()

    here, there = "http://here/v1", "http://there/v1"
    assert identity(base_url=here) != identity(base_url=there)
    assert identity(base_url=here, revision="a") == identity(base_url=there, revision="a")
    assert identity(base_url=here, revision="a") != identity(base_url=here, revision="b")
