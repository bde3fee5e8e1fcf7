# mypy: ignore-errors
"""A server of the package pysip2, run by the Python that has it: says where it listens, and ends with its stdin.

Arguments: an encoding, and how it wants errors detected (`auto` or `required`).
"""

import sys

try:
    import anyio
    import pysip2 as sip
except ImportError:
    sys.exit(3)

ENCODING, DETECTION = sys.argv[1:3]
TITLES = {"30001": "Zoë en de ijsbeer", "30002": "Zoë en de ijsbeer", "30003": "Het geheim"}
held: dict[str, str] = {}
lent: dict[str, str] = {}

app = sip.SIP2Server(institution_id="LEEN", encoding=ENCODING, error_detection=DETECTION, login_required=True)


@app.route(sip.LOGIN)
async def login(asked, ctx):
    """Let the one terminal in."""
    return sip.LoginResponse(ok="1" if (asked.login_user_id, asked.login_password) == ("leenpad", "secret") else "0")


@app.route(sip.ITEM_INFORMATION)
async def item(asked, ctx):
    """Say how an item stands."""
    barcode = asked.item_identifier
    status = "04" if barcode in lent else "08" if barcode in held else "03" if barcode in TITLES else "01"
    return sip.ItemInformationResponse(
        circulation_status=status,
        security_marker="01",
        fee_type="01",
        transaction_date=ctx.now_18(),
        hold_queue_length="1" if barcode in held else "0",
        due_date="20301231    235900" if barcode in lent else None,
        item_identifier=barcode,
        title_identifier=TITLES.get(barcode, ""),
        permanent_location="C1",
    )


@app.route(sip.HOLD)
async def hold(asked, ctx):
    """Keep an item, or let it go."""
    barcode = asked.item_identifier
    if asked.hold_mode == "-":
        done = held.pop(barcode, None) is not None
    else:
        done = barcode in TITLES and barcode not in held and barcode not in lent
        if done:
            held[barcode] = asked.patron_identifier
    return sip.HoldResponse(
        ok="1" if done else "0",
        available="Y" if done else "N",
        transaction_date=ctx.now_18(),
        pickup_location=asked.pickup_location,
        institution_id="LEEN",
        patron_identifier=asked.patron_identifier,
        item_identifier=barcode,
        screen_message=() if done else ("Niet mogelijk",),
    )


@app.route(sip.CHECKOUT)
async def check_out(asked, ctx):
    """Lend an item."""
    barcode = asked.item_identifier
    done = barcode in TITLES and barcode not in lent
    if done:
        lent[barcode] = asked.patron_identifier
        held.pop(barcode, None)
    return sip.CheckoutResponse(
        ok="1" if done else "0",
        renewal_ok="N",
        magnetic_media="U",
        desensitize="Y",
        transaction_date=ctx.now_18(),
        institution_id="LEEN",
        patron_identifier=asked.patron_identifier,
        item_identifier=barcode,
        title_identifier=TITLES.get(barcode, ""),
        due_date="31-12-2030" if done else "",
    )


@app.route(sip.CHECKIN)
async def check_in(asked, ctx):
    """Take an item back; one that is in already is refused."""
    barcode = asked.item_identifier
    done = lent.pop(barcode, None) is not None
    return sip.CheckinResponse(
        ok="1" if done else "0",
        resensitize="Y",
        magnetic_media="U",
        alert="N",
        transaction_date=ctx.now_18(),
        institution_id="LEEN",
        item_identifier=barcode,
        permanent_location="C1",
        title_identifier=TITLES.get(barcode),
    )


@app.route(sip.PATRON_STATUS)
async def patron(asked, ctx):
    """Say whether a patron is known."""
    return sip.PatronStatusResponse(
        patron_status=" " * 14,
        language=asked.language,
        transaction_date=ctx.now_18(),
        institution_id="LEEN",
        patron_identifier=asked.patron_identifier,
        personal_name="Provinciale dienst",
        valid_patron="Y" if asked.patron_identifier == "POI" else "N",
    )


@app.route(sip.PATRON_INFORMATION)
async def patron_items(asked, ctx):
    """List what a patron has held, or on loan: what the summary asks for."""
    who = asked.patron_identifier
    holds = tuple(barcode for barcode, holder in held.items() if holder == who)
    loans = tuple(barcode for barcode, holder in lent.items() if holder == who)
    return sip.PatronInformationResponse(
        patron_status=" " * 14,
        language=asked.language,
        transaction_date=ctx.now_18(),
        hold_items_count=f"{len(holds):04}",
        overdue_items_count="0000",
        charged_items_count=f"{len(loans):04}",
        fine_items_count="    ",
        recall_items_count="    ",
        unavailable_holds_count="    ",
        institution_id="LEEN",
        patron_identifier=who,
        personal_name="Provinciale dienst",
        valid_patron="Y" if who == "POI" else "N",
        hold_items=holds if asked.summary[0] == "Y" else (),
        charged_items=loans if asked.summary[2] == "Y" else (),
    )


async def main():
    """Serve until nobody is at the other end of stdin."""
    async with app.start() as port:
        print(port, flush=True)  # noqa: T201 - whoever started this waits for it
        await anyio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


anyio.run(main)
