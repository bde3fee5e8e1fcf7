# mypy: ignore-errors
"""A server of the package invenio-sip2, run by the Python that has it: says where it listens, ends with its stdin.

Its records are kept in this process instead of in Redis. It has no pickup locations and cannot cancel a hold.
"""

import os
import sys
import threading

try:
    from flask import Flask
    from invenio_sip2 import InvenioSIP2
    from invenio_sip2.models import (
        SelfcheckCheckin,
        SelfcheckCheckout,
        SelfcheckHold,
        SelfcheckItemInformation,
        SelfcheckPatronInformation,
        SelfcheckPatronStatus,
    )
    from invenio_sip2.server import SocketServer
except ImportError:
    sys.exit(3)

TITLES = {"30001": "Zoë en de ijsbeer", "30002": "Zoë en de ijsbeer"}
held, lent = {}, {}


class InThisProcess:
    """What the server knows of itself and its clients."""

    def __init__(self, app):
        self.kept = {}

    def get(self, id_, record_type=None):
        """Return one record."""
        found = (kept for key, kept in self.kept.items() if key.startswith(f"{record_type}:{id_}"))
        return next(found, None)

    def add(self, record, id_=None, **_):
        """Keep a record."""
        self.kept[record.get_key()] = record.dumps()

    def update(self, record, **_):
        """Keep a record as it is now."""
        self.kept[record.get_key()] = record.dumps()

    def delete(self, record, record_type=None):
        """Forget a record."""
        self.kept.pop(record.get_key(), None)

    def all(self, record_type=None):
        """Return all records of a type."""
        return [kept for key, kept in self.kept.items() if key.startswith(f"{record_type}:")]

    def search(self, search_term="*", index_type="*", filter_query=None):
        """Return the records of a type that belong to a server."""
        return [kept for key, kept in self.kept.items() if key.startswith(index_type) and filter_query in key]


def login(user, password, **_):
    """Let the one terminal in."""
    known = (user, password) == ("leenpad", "secret")
    return {"authenticated": known, "terminal": "T", "transaction_user_id": "1", "institution_id": "LEEN"}


def item(barcode, **_):
    """Say how an item stands."""
    status = "CHARGED" if barcode in lent else "WAITING_ON_HOLD_SHELF" if barcode in held else "AVAILABLE"
    return SelfcheckItemInformation(
        item_id=barcode,
        title_id=TITLES.get(barcode, ""),
        circulation_status=status if barcode in TITLES else "OTHER",
        permanent_location="C1",
    )


def hold(user, barcode, patron_id=None, **_):
    """Keep an item."""
    done = barcode in TITLES and barcode not in held
    if done:
        held[barcode] = patron_id
    return SelfcheckHold(hold=done, available=done)


def check_out(user, barcode, patron, **_):
    """Lend an item."""
    done = barcode in TITLES and barcode not in lent
    if done:
        lent[barcode] = patron
        held.pop(barcode, None)
    return SelfcheckCheckout(
        title_id=TITLES.get(barcode, ""), checkout=done, desensitize=True, due_date="2030-12-31T23:59:00+00:00"
    )


def check_in(user, barcode, **_):
    """Take an item back."""
    return SelfcheckCheckin(permanent_location="C1", checkin=lent.pop(barcode, None) is not None, resensitize=True)


def account(patron, **_):
    """List what a patron has."""
    found = SelfcheckPatronInformation(patron_id=patron, institution_id="LEEN", patron_name="Dienst")
    found["hold_items"] = [barcode for barcode, holder in held.items() if holder == patron]
    found["charged_items"] = [barcode for barcode, holder in lent.items() if holder == patron]
    found["valid_patron"] = "Y"
    return found


app = Flask("server")
app.config.update(
    SECRET_KEY="unused",
    SIP2_DATASTORE_HANDLER=InThisProcess,
    SIP2_LOGGING_CONSOLE=False,
    SIP2_REMOTE_ACTION_HANDLERS={
        "here": {
            "login_handler": login,
            "system_status_handler": lambda login, **_: {"institution_id": "LEEN"},
            "patron_handlers": {
                "validate_patron": lambda patron, **_: True,
                "authorize_patron": lambda patron, password, **_: password == "1234",
                "patron_status": lambda patron, **_: SelfcheckPatronStatus(patron_id=patron, institution_id="LEEN"),
                "account": account,
            },
            "item_handlers": {"item": item},
            "circulation_handlers": {"checkout": check_out, "checkin": check_in, "hold": hold},
        }
    },
)
InvenioSIP2(app)


def end_with_stdin():
    """Stop when nobody is there any more."""
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_stdin, daemon=True).start()
with app.app_context():
    server = SocketServer("server", host="127.0.0.1", port=0, remote="here", process_id=os.getpid())
    listening = next(iter(server.selector.get_map().values())).fileobj
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - whoever started this waits for it
    server.run()
