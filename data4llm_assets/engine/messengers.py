"""How an alert travels: a POST to a webhook, a message over SMTP. Each tries a few times, and gives up before anybody waits long.

Secrets come from the environment when a message is sent and stand in nothing that is kept or said: what went wrong is told by
status, error number and host name, never by what a library or a server wrote, for those repeat addresses and logins.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from data4llm_assets.engine.operation import Alerts, Email, Webhook

ATTEMPTS = 3
DEADLINE = 30.0
"""Seconds after which a run goes on, whatever a server is doing."""
_PASSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class Undelivered(RuntimeError):
    """A message did not get through. `again`: whether another try may."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def deliver(
    alerts: Alerts, subject: str, payload: Mapping[str, Any], *, pause: float = 1.0, deadline: float = DEADLINE
) -> list[str]:
    """Send one message by every channel at once; what could not be delivered, a line each.

    Parameters
    ----------
    payload : JSON for the webhook; its `text` is the body of the e-mail.
    pause : seconds between two tries, about.
    deadline : seconds until it returns at the latest.
    """
    channels: dict[str, Callable[[], None]] = {}
    if (webhook := alerts.webhook) is not None:
        channels[f"webhook ({webhook.url_env})"] = lambda: post(webhook, payload)
    if (email := alerts.email) is not None:
        channels[f"e-mail ({email.server})"] = lambda: mail(email, subject, str(payload["text"]))
    trouble = dict.fromkeys(channels, f"no answer within {deadline:g} s")
    # A name that does not resolve, or an answer that comes byte by byte, has no timeout of its own: so threads that may be left.
    sending = [threading.Thread(target=_try, args=(name, send, pause, trouble), daemon=True) for name, send in channels.items()]
    end = time.monotonic() + deadline
    for thread in sending:
        thread.start()
    for thread in sending:
        thread.join(max(0.0, end - time.monotonic()))
    return [f"the alert could not be delivered by {name}: {why}" for name, why in list(trouble.items()) if why]


def _try(name: str, send: Callable[[], None], pause: float, trouble: dict[str, str]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            send()
        except Undelivered as error:
            trouble[name] = f"{error}" + (f"; tried {attempt} times" if attempt > 1 else "")
            if not error.again:
                return
        except Exception as error:  # nothing that a messenger meets may fail a run
            trouble[name] = type(error).__name__
            return
        else:
            trouble[name] = ""
            return
        if attempt < ATTEMPTS:
            # Spread: the runs of many corpora may fail at the same moment, with the same disk.
            time.sleep(pause * attempt * random.uniform(0.5, 1.0))


def post(webhook: Webhook, payload: Mapping[str, Any]) -> None:
    """Raises Undelivered."""
    import http.client
    import urllib.error
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        # Following would hand the message to another address.
        def redirect_request(self, *arguments: Any) -> None:
            return None

    url = _secret(webhook.url_env)
    try:
        parts = urlsplit(url)
        host, sound = parts.hostname, parts.scheme in ("http", "https")
    except ValueError:
        host, sound = None, False
    if not sound or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise Undelivered(f"what stands in {webhook.url_env} is no http or https address", again=False)
    request = urllib.request.Request(
        url, json.dumps(payload).encode(), {"Content-Type": "application/json", "User-Agent": "data4llm"}, method="POST"
    )
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=webhook.timeout):
            return
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"{host}: {_said(error, webhook.timeout)}", again=True) from None
    raise Undelivered(f"{host} answered {status}", again=status in _PASSES)


def mail(email: Email, subject: str, text: str) -> None:
    """Raises Undelivered."""
    import smtplib
    import ssl
    from email.message import EmailMessage
    from email.utils import formatdate, make_msgid

    message = EmailMessage()
    here = os.uname().nodename
    message["Subject"], message["From"], message["To"] = subject, email.sender, ", ".join(email.to)
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=here)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    password = _secret(email.password_env) if email.password_env else None
    try:
        # Its own name is given: smtplib would ask the name servers for it.
        if email.security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(email.server, email.port, here, timeout=email.timeout, context=context)
        else:
            server = smtplib.SMTP(email.server, email.port, here, timeout=email.timeout)
        with server:
            if email.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if email.user is not None and password is not None:
                server.login(email.user, password)
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        what = "refused the login" if isinstance(error, smtplib.SMTPAuthenticationError) else "answered"
        raise Undelivered(f"{what} ({error.smtp_code})", again=400 <= error.smtp_code < 500) from None
    except smtplib.SMTPServerDisconnected:
        raise Undelivered("hung up", again=True) from None
    except smtplib.SMTPException as error:
        raise Undelivered(type(error).__name__, again=False) from None
    except OSError as error:
        raise Undelivered(_said(error, email.timeout), again=not isinstance(error, ssl.SSLError)) from None


def _secret(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise Undelivered(f"the environment variable {variable} is not set", again=False)
    return value


def _said(error: BaseException, timeout: float) -> str:
    """What the machine says, which knows no secrets; of anything else its kind."""
    within = getattr(error, "reason", None)
    reason = within if isinstance(within, BaseException) else error
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:g} s"
    import ssl

    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    if isinstance(reason, OSError) and reason.errno is not None and reason.strerror:
        return reason.strerror
    return type(reason).__name__
