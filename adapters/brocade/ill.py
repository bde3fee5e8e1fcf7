"""Loan requests to a Brocade by ISO 18626, as another way of placing than a hold by SIP2.

Libraries with Brocade exchange loan requests through a national system; that one would speak ISO 18626 to us is
inferred. A confirmation says that a request was taken, and no more: what comes of it follows in messages to our own
address, so that neither `status` nor `cancel` nor `find` can be answered here.
"""

from __future__ import annotations

from adapters.contract import Quote, Refused
from adapters.installation import Clock
from adapters.protocols.iso18626.client import Iso18626Client
from adapters.protocols.iso18626.messages import (
    ISIL,
    AgencyId,
    Bibliographic,
    ElectronicAddress,
    Header,
    Identifier,
    Request,
    RequestType,
    Service,
)


class LoanRequests:
    """Sends loan requests of one agency. `supplier` is the agency that takes them; empty: the supplying location."""

    def __init__(self, client: Iso18626Client, *, requester: str, supplier: str, clock: Clock) -> None:
        self._client = client
        self._requester = requester
        self._supplier = supplier
        self._clock = clock

    async def place(self, quote: Quote, *, key: str) -> str:
        """Send the request, with `key` as its id and receipt. Raises what `Iso18626Client.send` raises."""
        if not quote.possible or quote.token is None:
            raise Refused("Other", "It was not quoted.")
        await self._client.send(self._request(quote, key))
        return key

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _request(self, quote: Quote, key: str) -> Request:
        order = quote.order
        return Request(
            header=Header(
                requesting_agency=AgencyId(self._requester),
                supplying_agency=AgencyId(self._supplier or order.supplying_location),
                timestamp=self._clock(),
                requesting_agency_request_id=key,
            ),
            bibliographic=Bibliographic(
                supplier_record=quote.token,
                items=(Identifier("ISBN", order.isbn),) if order.isbn else (),
                records=(Identifier("PPN", order.ppn),) if order.ppn else (),
            ),
            service=Service(request_type=RequestType.NEW),
            deliver_to=(ElectronicAddress(type=ISIL, data=order.pickup_location),),
        )
