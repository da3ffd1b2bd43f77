"""The file that an application's tokens live in from one run to the next.

Rule 1: it is the user's alone (mode 0600), and replaced as a whole: a kill at
any moment leaves the old tokens or the new ones.
Rule 2: it goes before what the user gave, which is older; unless the user has
authorised the application anew: then the file comes from another seed.
Rule 3: one process renews at a time, on a lock beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import filelock
import orjson

from extractor import durable
from extractor.auth import Application, Tokens
from extractor.errors import ConfigError
from extractor.secrets import remember

OFTEN = 0.2  # seconds between two looks at the lock: a renewal takes about as long


class TokenFile:
    """The tokens of one application, on disk."""

    def __init__(self, application: Application) -> None:
        """Know where they are; nothing is read yet."""
        self._who = application
        self._path = Path(application.token_file).absolute()

    def load(self) -> Tokens:
        """Return the newest tokens that there are.

        Raises:
            ConfigError: The file is none of ours, or there are no tokens at all.
            DiskError: It cannot be read.
        """
        given = self._who.given
        kept = self._kept()
        found = given if kept is None or given.seed not in {"", kept.seed} else kept
        remember(found.access, found.refresh)
        if not found.refresh:
            raise ConfigError("the application has no refresh token: authorise it in the portal, and give its refresh token "
                              "(B24X_REFRESH_TOKEN, or refresh_token in the --config file)")
        return found

    def prepare(self, tokens: Tokens) -> None:
        """Write what the file holds once more, or tokens where it holds none: so there is room, and the right to write.

        Those that another seed has left are not replaced by what nobody has tried yet.
        """
        self.store(self._kept() or tokens)

    def store(self, tokens: Tokens) -> None:
        """Replace the file; when this returns, the tokens are durable."""
        record = {
            "format": 1, "domain": self._who.host, "client_id": self._who.client_id, "access_token": tokens.access,
            "refresh_token": tokens.refresh, "expires": tokens.expires, "seed": tokens.seed,
        }
        durable.make_folder(self._path.parent)
        durable.replace(self._path, orjson.dumps(record), mode=0o600)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep other processes from renewing meanwhile."""
        durable.make_folder(self._path.parent)
        path = self._path.with_name(f".{self._path.name}.lock")
        lock = filelock.FileLock(path)
        while True:
            with durable.translated(path):
                try:
                    lock.acquire(blocking=False)
                    break
                except filelock.Timeout:
                    pass
            await asyncio.sleep(OFTEN)
        try:
            yield
        finally:
            lock.release()

    def _kept(self) -> Tokens | None:
        """Read the file, if it is there."""
        with durable.translated(self._path):
            try:
                data = self._path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            record = orjson.loads(data)
            if (record["domain"], record["client_id"]) != (self._who.host, self._who.client_id):
                raise ConfigError(f"the token file {self._path.name} is another application's, or another portal's: choose another one")
            access, refresh, expires, seed = (record[key] for key in ("access_token", "refresh_token", "expires", "seed"))
        except (orjson.JSONDecodeError, TypeError, KeyError):
            raise ConfigError(f"the token file {self._path.name} is none that b24x has written: choose another one") from None
        if not all(isinstance(one, str) for one in (access, refresh, seed)) or not isinstance(expires, int | float | None):
            raise ConfigError(f"the token file {self._path.name} is none that b24x has written: choose another one")
        return Tokens(access, refresh, expires, seed)
