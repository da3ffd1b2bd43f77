"""Arguments, environment and TOML become frozen values; nothing reads them later.

Precedence: an argument, then its environment variable (the command line's
library knows both), then the file, then the default. Secrets are masked in
every `repr`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from extractor.auth import Credentials, webhook
from extractor.auth.oauth import KEYS, application
from extractor.errors import ConfigError, UsageError
from extractor.limits import STANDARD, TARIFFS, OperatingLedger, RateLimit, Tariff, Window
from extractor.limits.joint import Limits
from extractor.limits.window import CEILING, SELF_HOSTED
from extractor.question import Paging
from extractor.wording import quoted

OPERATING_LIMIT = 420.0  # LoadLimiter's default; tariffs set other values, and none is published
TIMEOUT = 75.0  # the cloud cuts a request at 60 s: whatever has not come by then will not come
_RANGES = {
    "budget": (0.01, 100), "operating_limit": (0.01, 1_000_000), "timeout": (0.01, 86_400),  # a day
}
MOST_IN_FLIGHT = 1000  # twenty times what portals were seen to fall over at

_KEYS = {
    "portal": {"webhook", *KEYS},
    "limits": {"tariff", "rate_limit", "operating_limit", "budget", "concurrency", "timeout"},
    "entities": None,
}
_CLOUD = re.compile(r"\.bitrix24\.[a-z]{2,3}(\.[a-z]{2})?\.?(:[0-9]+)?\Z", re.IGNORECASE)
_ENTITY_KEYS = {"select", "filter", "params", "paging"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to talk to one portal; its tariff is `assumed` where nobody has named it."""

    credentials: Credentials
    tariff: Tariff | None = STANDARD
    operating_limit: float = OPERATING_LIMIT
    concurrency: int | None = None
    timeout: float = TIMEOUT
    assumed: bool = False

    def rate(self) -> RateLimit:
        """Return a fresh rate limit."""
        return RateLimit(self.tariff, assumed=self.droppable)

    def limits(self) -> Limits:
        """Return fresh limits."""
        window = Window(self.in_flight, fixed=self.concurrency is not None)
        return Limits(OperatingLedger(self.operating_limit), window)

    @property
    def droppable(self) -> bool:
        """Whether the portal may show that it has no bucket; the cloud's own addresses always have one."""
        return self.assumed and not _CLOUD.search(self.credentials.host)

    @property
    def in_flight(self) -> int:
        """The most requests in flight: as many as were asked for, or may pay."""
        return self.concurrency or (CEILING if self.tariff else SELF_HOSTED)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of one entity; `None` where nothing was said."""

    select: tuple[str, ...] | None = None
    filter: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    paging: str = "auto"


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file, read and checked."""

    portal: Mapping[str, Any] = field(default_factory=dict, repr=False)  # holds the webhook's address
    limits: Mapping[str, Any] = field(default_factory=dict)
    entities: Mapping[str, Wishes] = field(default_factory=dict)
    name: str = "the configuration"


def read_file(path: Path) -> File:
    """Read a TOML configuration.

    Raises:
        ConfigError: It cannot be read, is no TOML, or holds a key that means nothing.
    """
    if re.match(r"https?:/", str(path)):
        raise ConfigError("--config names a file, and an address was given: that goes to --webhook")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration {path.name} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path.name} is no TOML: {error}") from None
    except ValueError:  # of Python's, which reads no longer ones
        raise ConfigError(f"the configuration {path.name} holds a number of thousands of digits") from None
    for section, values in table.items():
        _known(path.name, "a section", section, _KEYS)
        if not isinstance(values, dict):
            raise ConfigError(f"{path.name}: [{section}] is a table")
        for key in values if (keys := _KEYS[section]) else ():
            _known(path.name, f"a key of [{section}]", key, keys or ())
    entities = {name: _wishes(path.name, name, values) for name, values in table.get("entities", {}).items()}
    portal = table.get("portal", {})
    if "token_file" in portal:  # beside the file that names it, wherever the command is started
        portal["token_file"] = str(path.parent / str(portal["token_file"]))
    return File(portal, table.get("limits", {}), entities, path.name)


def settings(options: Mapping[str, Any], file: File = File()) -> Settings:
    """Put the options of one command and a file together; options that were not given are `None`.

    Raises:
        ConfigError: There are no credentials, or of another form; or a limit in the file makes no sense.
        UsageError: A limit among the options makes no sense.
    """
    credentials = _credentials(options, file)
    given = {key: value for key, value in options.items() if value is not None}
    filed = {key: value for key, value in file.limits.items() if not (key == "rate_limit" and "tariff" in given)}
    wanted = {**filed, **given}  # a tariff on the command line is not overruled by the file's bucket
    for key in filed.keys() - given.keys():
        try:
            _limited(credentials, {key: filed[key]})
        except UsageError as error:
            raise ConfigError(f"{file.name}: [limits] {key}: {re.sub(r'^--[a-z-]+', 'it', str(error))}") from None
    return _limited(credentials, wanted)


def _limited(credentials: Credentials, wanted: Mapping[str, Any]) -> Settings:
    """Read the limits."""
    budget = _number(wanted, "budget", 100.0)
    return Settings(
        credentials,
        _tariff(wanted, budget),
        _number(wanted, "operating_limit", OPERATING_LIMIT) * budget / 100,
        _concurrency(wanted.get("concurrency", "auto")),
        _number(wanted, "timeout", TIMEOUT),
        assumed=not {"tariff", "rate_limit"} & wanted.keys() and budget == 100,
    )


def _credentials(options: Mapping[str, Any], file: File) -> Credentials:
    """Return the webhook or the application; one that the options begin to name goes before the file's other kind."""
    filed = file.portal
    if options.get("webhook"):
        if any(options.get(key) for key in KEYS):
            raise ConfigError("a webhook and an application are given: choose one of them (B24X_WEBHOOK, or B24X_DOMAIN and the like)")
        return webhook(str(options["webhook"]))
    given = {**filed, **{key: options[key] for key in KEYS if options.get(key)}}
    if filed.get("webhook") and not any(options.get(key) for key in KEYS):
        if any(filed.get(key) for key in KEYS):
            raise ConfigError("the configuration gives a webhook and an application: choose one of them")
        try:
            return webhook(str(filed["webhook"]))
        except ConfigError as error:
            raise ConfigError(f"{file.name}: [portal] webhook: {error}") from None
    if not any(given.get(key) for key in KEYS):
        raise ConfigError("no portal given: pass --webhook URL, set B24X_WEBHOOK, or write it into a --config file")
    return application(given)


def _tariff(wanted: Mapping[str, Any], budget: float) -> Tariff | None:
    """Return the bucket: by hand, or by the tariff's name, and the share of it that is ours."""
    if "rate_limit" in wanted:
        bucket = wanted["rate_limit"]
        return Tariff.parse(bucket if isinstance(bucket, str) else quoted(bucket)).scaled(budget)
    name = wanted.get("tariff", "standard")
    if not isinstance(name, str) or name not in TARIFFS:
        raise UsageError(f"--tariff is one of {', '.join(TARIFFS)}, not {quoted(name)}")
    tariff = TARIFFS[name]
    return tariff.scaled(budget) if tariff else None


def _number(wanted: Mapping[str, Any], key: str, default: float) -> float:
    """Return a number that makes sense there: NaN lies in no range."""
    value, (least, most) = wanted.get(key, default), _RANGES[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        kind = "a percentage" if key == "budget" else "a number"
        raise UsageError(f"--{key.replace('_', '-')} is {kind} from {least} to {most}, not {quoted(value)}")
    return float(value)


def _concurrency(value: object) -> int | None:
    """Return the requests in flight, `None` for as many as pay."""
    if value == "auto":
        return None
    number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= MOST_IN_FLIGHT:
        return number
    raise UsageError(f"--concurrency is 'auto' or a number from 1 to {MOST_IN_FLIGHT}, not {quoted(value)}")


def _plain(value: Any, where: str) -> Any:
    """Write TOML's own dates as the portal reads them: as texts; refuse its numbers that JSON, or PHP, does not have."""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(one, where) for key, one in value.items()}
    if isinstance(value, int | float) and not (-(2**63) <= value < 2**63 if isinstance(value, int) else math.isfinite(value)):
        raise ConfigError(f"{where} holds {quoted(value)}, which is no number that a portal takes")
    return [_plain(one, where) for one in value] if isinstance(value, list) else value


def _wishes(file: str, name: str, values: object) -> Wishes:
    """Read one `[entities.NAME]` table."""
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: [entities.{name}] is a table")
    for key in values:
        _known(file, f"a key of [entities.{name}]", key, _ENTITY_KEYS)
    select = values.get("select")
    if select is not None and not (isinstance(select, list) and all(isinstance(one, str) for one in select)):
        raise ConfigError(f"{file}: select of {name} is a list of names")
    for key in ("filter", "params"):
        if not isinstance(values.get(key, {}), dict):
            raise ConfigError(f"{file}: {key} of {name} is a table")
    paging = values.get("paging", "auto")
    if paging not in get_args(Paging):
        raise ConfigError(f"{file}: paging of {name} is one of {', '.join(get_args(Paging))}, not {quoted(paging)}")
    conditions, params = (_plain(values.get(key, {}), f"{file}: {key} of {name}") for key in ("filter", "params"))
    return Wishes(None if select is None else tuple(select), conditions, params, paging)


def _known(file: str, what: str, key: str, known: Mapping[str, Any] | set[str] | tuple[()]) -> None:
    """Refuse a key that means nothing: it is a slip of the pen that would be obeyed by nobody."""
    if key not in known:
        shown = "what is written there" if "/" in key else repr(key)  # an address in the wrong place is still a secret
        raise ConfigError(f"{file}: {shown} is not {what}; there are {', '.join(sorted(known))}")
