"""Messages of ISO 18626 and a confirmation, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.protocols.iso18626 import messages as iso
from adapters.protocols.iso18626.writing import write

_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_HEADER = iso.Header(
    requesting_agency=iso.AgencyId("NL-0800070000"),
    supplying_agency=iso.AgencyId("NL-0800080000"),
    timestamp=_AT,
    requesting_agency_request_id="2026-000417",
)
_REQUEST = iso.Request(
    header=_HEADER,
    bibliographic=iso.Bibliographic(
        title="Max Havelaar", author="Multatuli", items=(iso.Identifier("ISBN", "9789021400129"),)
    ),
    service=iso.Service(request_type=iso.RequestType.NEW, level="Core"),
    deliver_to=(iso.ElectronicAddress(type=iso.ISIL, data="NL-0800070001"),),
    patron_id="7f3a9c",
)
_SHOWN: dict[str, tuple[str, iso.Message]] = {
    "request": ("A title is asked for", _REQUEST),
    "received": (
        "It arrived",
        iso.RequestingAgencyMessage(header=_HEADER, action=iso.Action.RECEIVED),
    ),
    "loaned": (
        "It was sent with the van",
        iso.SupplyingAgencyMessage(
            header=_HEADER, reason=iso.Reason.STATUS_CHANGE, status=iso.Status.LOANED, last_change=_AT
        ),
    ),
}
EXAMPLES: dict[str, Any] = {
    name: {"summary": summary, "value": write(message).decode()} for name, (summary, message) in _SHOWN.items()
}
CONFIRMED = write(iso.confirmation_of(_REQUEST, received_at=_AT)).decode()
