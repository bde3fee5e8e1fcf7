"""How Wise lets one in: every call with the key of the day, and a patron's calls with a token too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from adapters.contract import AuthExpired, NotFound, NotOffered, Refused, Unavailable
from adapters.http import Http, Method, Params, Reply
from adapters.installation import Installation
from adapters.wise.key import key_days, token_day, wise_key
from adapters.wise.options import OPTIONS
from adapters.wise.translate import Login, read_login


@dataclass(frozen=True, slots=True)
class _Token:
    login: Login = field(repr=False)
    day: date


class Door:
    """Calls one installation, with whatever shows who is calling."""

    def __init__(self, installation: Installation, http: Http) -> None:
        options = {name: entry.default or "" for name, entry in OPTIONS.items()} | dict(installation.options)
        self._secrets = installation.secrets
        self._clock = installation.clock
        self._zone = ZoneInfo(options["timezone"])
        self._login_path = options["login_path"]
        self._http = http
        self._token: _Token | None = None
        self._renewing = asyncio.Lock()
        self._calls = asyncio.Semaphore(max(1, installation.limits.calls_at_once))
        self._day: int | None = None  # whose key was last let in

    @property
    def has_patron(self) -> bool:
        """Whether there is somebody in whose name holds can be placed."""
        return bool(self._secrets.get("username") and self._secrets.get("password"))

    async def ask(
        self,
        method: Method,
        path: str,
        *,
        what: str,
        params: Params | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask something that needs no patron. Raises as Http.ask."""
        try:
            return await self._signed(method, path, what=what, params=params, form=form)
        except AuthExpired:
            return await self._signed(method, path, what=what, params=params, form=form)

    async def ask_as_patron(
        self,
        method: Method,
        path: str,
        *,
        what: str,
        names: Mapping[str, str] | None = None,
        writes: bool = False,
        json: Any = None,
        judges: Collection[int] = (),
    ) -> Reply:
        """Ask something in the patron's name; `path` has {patron}, {library} and `names` in it. Raises as Http.ask.

        What was answered with 401 was not done, so that it can be asked again with a new token.
        """
        token = await self._admitted(instead_of=None)
        for last in (False, True):
            filled = _filled(path, {"patron": token.login.patron, "library": token.login.library, **(names or {})})
            headers = {"Authorization": token.login.token}
            try:
                return await self._signed(
                    method, filled, what=what, writes=writes, headers=headers, json=json, judges=judges
                )
            except AuthExpired:
                if last:
                    raise
                token = await self._admitted(instead_of=token)
        raise AssertionError("the second time returns or raises")

    async def _admitted(self, *, instead_of: _Token | None) -> _Token:
        """Return a token of today; whoever comes first logs in, for all who wait. Raises as Http.ask."""
        if not self.has_patron:
            raise NotOffered("This system was given no patron to place holds for.")
        try:
            async with asyncio.timeout_at(self._http.until()), self._renewing:
                token = self._token
                if token is None or token is instead_of or token.day != token_day(self._clock(), self._zone):
                    day = token_day(self._clock(), self._zone)  # before it is asked for: at midnight it is the older
                    token = self._token = _Token(await self._log_in(), day)
                return token
        except TimeoutError:
            raise Unavailable("login: timeout") from None

    async def _log_in(self) -> Login:
        who = {name: self._secrets[name] for name in ("username", "password")}
        try:
            return read_login((await self._signed("POST", self._login_path, what="login", json=who)).json())
        except (Refused, NotFound) as refused:
            raise AuthExpired(str(refused)) from refused

    async def _signed(
        self, method: Method, path: str, *, what: str, headers: Mapping[str, str] | None = None, **parts: Any
    ) -> Reply:
        """Ask with the key of the day; right at its edge also with the other day's, as our clocks may differ."""
        days = sorted(key_days(self._clock()), key=lambda day: day != self._day)  # the one let in last goes first
        for day in days:
            key = wise_key(
                api_id=self._secrets["api_id"],
                api_key=self._secrets["api_key"],
                application=self._secrets["application"],
                day=day,
            )
            try:
                async with self._turn(what):
                    reply = await self._http.ask(
                        method, path, what=what, headers={"WISE_KEY": key, **(headers or {})}, **parts
                    )
            except AuthExpired:
                if day == days[-1]:
                    raise
            else:
                self._day = day
                return reply
        raise AssertionError("the last day returns or raises")

    @asynccontextmanager
    async def _turn(self, what: str) -> AsyncIterator[None]:
        """Wait until fewer calls are under way than this installation may be asked at once."""
        try:
            async with asyncio.timeout_at(self._http.until()):
                await self._calls.acquire()
        except TimeoutError:
            raise Unavailable(f"{what}: too many calls are under way") from None
        try:
            yield
        finally:
            self._calls.release()


def _filled(path: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        path = path.replace("{" + name + "}", quote(value, safe=""))
    return path
