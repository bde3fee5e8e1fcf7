"""Asks one NCIP responder over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contract import Malformed
from adapters.http import Http
from adapters.installation import Limits
from adapters.protocols.ncip.messages import READING, Answer, Message, Parties, name_of
from adapters.protocols.ncip.reading import fault_of, read
from adapters.protocols.ncip.writing import write

CONTENT_TYPE = "application/xml; charset=utf-8"


class NcipClient:
    """Posts messages to the one address of a responder."""

    def __init__(
        self,
        address: str,
        *,
        system: str,
        limits: Limits,
        parties: Parties,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Open a client. `headers` go with every call: where a responder asks for a key, that is one of them."""
        self._address = address
        self._http = Http(address, system=system, limits=limits, headers=headers)
        self._parties = parties

    async def ask(self, message: Message) -> Answer:
        """Send a message and return its answer, which has no problems.

        Raises what `Http.ask` and `fault_of` do, and for an answer that is none Malformed, or OutcomeUnknown where
        the message writes.
        """
        answer = await self.exchange(message)
        if answer.problems:
            raise fault_of(answer.problems, message)
        return answer

    async def exchange(self, message: Message) -> Answer:
        """Send a message and return its answer, be it one of problems."""
        name = name_of(message)
        reply = await self._http.ask(
            "POST",
            self._address,  # whole, for a base would get a slash behind it
            what=f"ncip {name}",
            writes=not isinstance(message, READING),
            headers={"Content-Type": CONTENT_TYPE, "Accept": "application/xml, text/xml"},
            content=write(message, self._parties),
        )
        try:
            return read(reply.body, message)
        except Malformed as malformed:
            raise reply.unread(f"{name}: {malformed}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
