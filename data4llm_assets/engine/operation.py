"""What a recipe says about running a corpus by itself: when, on what, and who is told. Nothing here changes a result.

Here: the sections of the recipe. Not here: what acts on them (`automation`, `deliveries`, `alerts`). No Dagster: every command
that reads a recipe imports this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from data4llm_assets.method import Parameters

Kind = Literal["refused", "failed", "budget"]
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""Capitals only: a password that is put where the name of a variable belongs hardly looks like one, and is not repeated then."""
_WITHHELD = "(withheld)"
_SECRETS = re.compile(r"(?i)url|password|passphrase|secret|token|key|credentials?")
_CRON = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


def _cron(written: str) -> str:
    """Five fields of numbers, names, ranges, steps and lists: checked here, since Dagster would take a second to import."""
    fields = written.split()
    if len(fields) != len(_CRON):
        msg = f"a cron expression has five fields (minute, hour, day, month, weekday), such as '0 3 * * *', not {len(fields)}"
        raise ValueError(msg)
    for field, (what, low, high, names) in zip(fields, _CRON, strict=True):
        for part in field.lower().split(","):
            among, slash, step = part.partition("/")
            ends = [names.index(end) + low if end in names else int(end) if end.isdigit() else -1 for end in among.split("-")]
            spans = among == "*" or (len(ends) <= 2 and ends == sorted(ends) and low <= ends[0] and ends[-1] <= high)
            if not spans or (slash and not (step.isdigit() and int(step))):
                msg = f"{part!r} is no {what} of a cron expression: numbers from {low} to {high}, `*`, ranges, steps and lists"
                raise ValueError(msg)
    return written


Cron = Annotated[str, AfterValidator(_cron)]


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        msg = "this is the name of an environment variable (capitals, digits, underscores), never the secret itself"
        raise ValueError(msg)
    return name


Variable = Annotated[str, AfterValidator(_variable)]


class Schedules(Parameters):
    """Each becomes a schedule in Dagster, off until somebody switches it on there."""

    refresh: Cron | None = Field(
        None, description="cron expression: bring what is delivered up to date, as `data4llm run` does; '0 3 * * *' is every night"
    )
    deliver: Cron | None = Field(
        None, description="cron expression: a new snapshot of all sources, which crawls those that crawl, then up to date"
    )
    timezone: str = Field("UTC", description="in which the expressions are meant, such as Europe/Berlin")

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError) as error:
            msg = f"there is no time zone {name!r}; one is called Europe/Berlin, another America/New_York"
            raise ValueError(msg) from error
        return name


class Watch(Parameters):
    """Folders and buckets of which new or changed files become a snapshot, by a sensor that is off until switched on in Dagster."""

    sources: tuple[str, ...] = Field((), description="those to look at; empty: every source that lists a folder or a bucket")
    settle: float = Field(60.0, ge=0, description="seconds; while a file is younger it may still be being written, and all waits")


class _Channel(Parameters):
    """Refuses secrets that stand in the recipe, and takes them out of the error that says so."""

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        for key, value in values.items():
            name = str(key)
            if name not in cls.model_fields and _SECRETS.fullmatch(name):
                msg = (
                    f"no secret stands in a recipe: put the {name} into an environment variable, and its name here, as `{name}_env`"
                )
                raise ValueError(msg)
            if name.endswith("_env") and isinstance(value, str) and not VARIABLE.fullmatch(value):
                values = {**values, name: _WITHHELD}
        return values


class Webhook(_Channel):
    """A POST of JSON: `text`, as Slack, Mattermost and the like show it, and the same for programs."""

    url_env: Variable = Field(description="name of the environment variable with the address, which is a secret: never the address")
    timeout: float = Field(10.0, gt=0, le=60, description="seconds until one try is given up")


class Email(_Channel):
    """A plain message over SMTP."""

    server: str = Field(min_length=1, description="host name of the SMTP server")
    port: int = Field(587, ge=1, le=65535, description="of the server")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="tls from the first byte (port 465, mostly), begun by starttls, or none: for a relay on this machine",
    )
    user: str | None = Field(None, description="name to log in with; null: no login")
    password_env: Variable | None = Field(
        None, description="name of the environment variable with the password: never the password"
    )
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="address the message comes from")
    to: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(min_length=1, description="addresses it goes to")
    timeout: float = Field(10.0, gt=0, le=60, description="seconds until one try is given up")

    @model_validator(mode="after")
    def _login(self) -> Email:
        if (self.user is None) != (self.password_env is None):
            msg = "a login takes both: user, and password_env with the name of the environment variable of the password"
            raise ValueError(msg)
        if self.user is not None and self.security == "none":
            msg = "a password is not sent in the clear: security is starttls or tls where there is a user"
            raise ValueError(msg)
        return self


class Alerts(Parameters):
    """Who is told when a run did not end well. One message a run, however many partitions; numbers, never text of documents."""

    on: tuple[Kind, ...] = Field(("refused", "failed", "budget"), min_length=1, description="what is told")
    webhook: Webhook | None = Field(None, description="to an address on the web, such as a chat's incoming webhook")
    email: Email | None = Field(None, description="by e-mail")
    interface: str | None = Field(
        None,
        pattern=r"^https?://[^\s@?#]+$",
        description="address of Dagster's web interface, for links: http://data.example.org:3000",
    )

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told anything."""
        return self.webhook is not None or self.email is not None
