from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest

from data4llm_assets.engine.messengers import deliver
from data4llm_assets.engine.operation import Alerts, Email, Webhook
from listeners import Hook, Mail, certificate, closed_port, serving

SECRET = "Zx9plantedCREDENTIALq7"
PAYLOAD = {"text": "corpus: 1 refused\nfiltered docs-0|first", "corpus": "corpus"}


def hook(server: Hook | str, monkeypatch: pytest.MonkeyPatch, timeout: float = 5.0) -> Alerts:
    monkeypatch.setenv("HOOK", f"{server if isinstance(server, str) else server.url}/services/{SECRET}")
    return Alerts(webhook=Webhook(url_env="HOOK", timeout=timeout))


def sent(alerts: Alerts, deadline: float = 20.0) -> list[str]:
    told = deliver(alerts, "subject", PAYLOAD, pause=0.01, deadline=deadline)
    assert SECRET not in "".join(told)
    return told


def test_a_webhook_gets_the_json(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hook()) as server:
        assert sent(hook(server, monkeypatch)) == []
    assert server.posted == [(f"/services/{SECRET}", PAYLOAD)]


def test_a_server_that_fails_for_a_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hook(503, 429, 200)) as server:
        assert sent(hook(server, monkeypatch)) == []
    assert len(server.posted) == 3


def test_a_server_that_keeps_failing_is_given_up_and_told_without_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hook(500)) as server:
        told = sent(hook(server, monkeypatch))
    assert told == ["the alert could not be delivered by webhook (HOOK): 127.0.0.1 answered 500; tried 3 times"]
    assert len(server.posted) == 3


@pytest.mark.parametrize("status", [404, 307])
def test_what_another_try_cannot_mend_is_tried_once_and_no_redirect_is_followed(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Hook(status)) as server:
        assert sent(hook(server, monkeypatch)) == [
            f"the alert could not be delivered by webhook (HOOK): 127.0.0.1 answered {status}"
        ]
    assert [path for path, _ in server.posted] == [f"/services/{SECRET}"]


def test_a_server_that_is_down_is_told_in_words_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    told = sent(hook(f"http://127.0.0.1:{closed_port()}", monkeypatch))
    assert told == ["the alert could not be delivered by webhook (HOOK): 127.0.0.1: Connection refused; tried 3 times"]


def test_a_server_that_hangs_delays_nothing_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hook(0)) as server:
        alerts = hook(server, monkeypatch, timeout=60)
        began = time.monotonic()
        assert sent(alerts, deadline=0.5) == ["the alert could not be delivered by webhook (HOOK): no answer within 0.5 s"]
        assert time.monotonic() - began < 5
        quick = hook(server, monkeypatch, timeout=0.2)
        assert sent(quick) == [
            "the alert could not be delivered by webhook (HOOK): 127.0.0.1: no answer within 0.2 s; tried 3 times"
        ]


@pytest.mark.parametrize(
    "url", [f"ftp://host/{SECRET}", SECRET, f"http://host/{SECRET} x", f"http://[{SECRET}", f"http:///{SECRET}"]
)
def test_an_address_that_is_none_is_named_by_its_variable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", url)
    told = sent(Alerts(webhook=Webhook(url_env="HOOK")))
    assert told == ["the alert could not be delivered by webhook (HOOK): what stands in HOOK is no http or https address"]


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    (told,) = sent(Alerts(webhook=Webhook(url_env="HOOK")))
    assert told.endswith("the environment variable HOOK is not set")


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context, whose certificate this process trusts."""
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    return context


def letter(port: int, **changed: object) -> Alerts:
    keys = {"server": "localhost", "port": port, "user": "me", "password_env": "MAIL_PASSWORD", "timeout": 5.0}
    return Alerts(email=Email(**{**keys, "sender": "data@example.org", "to": ("you@example.org",), **changed}))  # type: ignore[arg-type]


def test_mail_goes_over_tls_with_a_login(secured: ssl.SSLContext) -> None:
    with serving(Mail(secured, SECRET)) as server:
        assert sent(letter(server.port)) == []
    (message,) = server.messages
    assert "Subject: subject" in message
    assert "To: you@example.org" in message
    assert message.endswith("corpus: 1 refused\nfiltered docs-0|first")
    assert server.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


def test_a_login_that_is_refused_is_not_repeated_and_not_quoted(secured: ssl.SSLContext) -> None:
    with serving(Mail(secured, "another")) as server:
        told = sent(letter(server.port))
    assert told == ["the alert could not be delivered by e-mail (localhost): refused the login (535)"]
    assert server.verbs.count("AUTH") == 1
    assert server.messages == []


def test_no_password_goes_to_a_server_that_nobody_vouches_for(secured: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with serving(Mail(secured, SECRET)) as server:
        (told,) = sent(letter(server.port))
    assert "its certificate is not trusted" in told
    assert "AUTH" not in server.verbs


def test_no_password_goes_to_a_server_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    with serving(Mail(None, SECRET)) as server:
        (told,) = sent(letter(server.port))
    assert told.endswith("SMTPNotSupportedError")
    assert "AUTH" not in server.verbs


def test_a_relay_on_this_machine_needs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Mail(None, "")) as server:
        assert sent(letter(server.port, security="none", user=None, password_env=None)) == []
    assert len(server.messages) == 1


def test_one_channel_that_fails_does_not_keep_the_other_from_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hook()) as server:
        both = hook(server, monkeypatch).model_copy(update={"email": letter(closed_port(), security="tls").email})
        monkeypatch.setenv("MAIL_PASSWORD", SECRET)
        (told,) = sent(both)
    assert told == "the alert could not be delivered by e-mail (localhost): Connection refused; tried 3 times"
    assert len(server.posted) == 1
