"""Sends ISO 18626 messages to one agency and reads what it confirms."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contract import Malformed, Refused
from adapters.http import Http
from adapters.installation import Limits
from adapters.protocols.iso18626.messages import (
    Action,
    Confirmation,
    Message,
    MessageStatus,
    RequestingAgencyMessage,
    Version,
    kind_of,
)
from adapters.protocols.iso18626.reading import read_confirmation
from adapters.protocols.iso18626.writing import write

CONTENT_TYPE = "application/xml; charset=utf-8"


class Iso18626Client:
    """Posts messages to the one address that an agency takes them at.

    A confirmation says that a message was taken, and nothing about what comes of it: that follows in a message of
    theirs, to our own `POST /iso18626`.
    """

    def __init__(
        self,
        address: str,
        *,
        system: str,
        limits: Limits,
        version: Version = Version.V2021_2,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Open a client. `headers` go with every call: where a peer asks for a key, that is one of them."""
        self._address = address
        self._http = Http(address, system=system, limits=limits, headers=headers)
        self._version = version

    async def send(self, message: Message) -> Confirmation:
        """Send a message and return its confirmation.

        Raises what `Http.ask` does, Refused where the confirmation is of an error, and OutcomeUnknown where none came
        that is this message's: it may have been taken. Sending the same again is safe only with a peer that takes
        messages of the same request id and timestamp for one. A StatusRequest changes nothing, and is never unknown.
        """
        kind = kind_of(message)
        writes = not (isinstance(message, RequestingAgencyMessage) and message.action is Action.STATUS_REQUEST)
        reply = await self._http.ask(
            "POST",
            self._address,  # whole, for a base would get a slash behind it
            what=f"iso18626 {kind}",
            writes=writes,
            headers={"Content-Type": CONTENT_TYPE, "Accept": "application/xml, text/xml"},
            content=write(message, self._version),
        )
        try:
            confirmation = read_confirmation(reply.body)
        except Malformed as malformed:
            raise reply.unread(f"{kind}: {malformed}") from None
        told = confirmation.requesting_agency_request_id
        if confirmation.kind is not kind or told not in (None, message.header.requesting_agency_request_id):
            raise reply.unread(f"{kind}: the confirmation is another message's")
        if confirmation.status is MessageStatus.ERROR:
            # What they say beside the type may repeat what we said, and that is not for logs.
            types = ", ".join(sorted({error.type for error in confirmation.errors}))
            raise Refused("Other", f"{kind}: the message was not taken ({types or 'no reason given'})")
        return confirmation

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
