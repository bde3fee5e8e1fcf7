"""Prints a run sheet: a page or more on A4 for the driver, call by call, with boxes to tick. Pure."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from babel.dates import format_date
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from app.planning.paper import BOLD, PLAIN, fonts, printable

WORDS = {
    "nl": {
        "title": "Rittenlijst",
        "printed": "Afgedrukt",
        "route": "route",
        "load": "Laden voor",
        "unload": "Lossen van",
        "items": "exemplaren",
        "crates": "kratten",
        "on_board": "Aan boord",
        "nothing": "Niets te laden of te lossen",
        "skipped": "Deze halte vervalt",
        "late": "min later",
        "early": "min eerder",
        "to": "naar",
        "back": "retour",
        "capacity": "Ruimte",
        "cancelled": "Deze rit rijdt niet",
        "adrift": "Wordt opnieuw gepland",
        "page": "Blad",
        "truncated": "Te veel om elk te noemen: de aantallen zijn volledig, de lijsten niet",
        "more": "en nog {count}, die hier niet staan",
    },
    "en": {
        "title": "Run sheet",
        "printed": "Printed",
        "route": "route",
        "load": "Load for",
        "unload": "Unload from",
        "items": "items",
        "crates": "crates",
        "on_board": "On board",
        "nothing": "Nothing to load or unload",
        "skipped": "It does not stop here",
        "late": "min late",
        "early": "min early",
        "to": "to",
        "back": "back",
        "capacity": "Capacity",
        "cancelled": "This trip does not run",
        "adrift": "Being planned again",
        "page": "Page",
        "truncated": "Too many to list each: the counts are whole, the lists are not",
        "more": "and {count} more, not listed here",
    },
}
_LOCALES = {"nl": "nl_NL", "en": "en_GB"}


def print_run_sheet(sheet: dict[str, Any], *, language: str, at: datetime) -> bytes:
    """Return a run sheet as PDF. `at`: when it was true."""
    fonts()
    words = WORDS[language]
    held = BytesIO()
    head = printable(f"{sheet['trip_id']} · {_day(sheet['service_date'], language)}")
    document = SimpleDocTemplate(
        held,
        pagesize=A4,
        leftMargin=14 * mm,
        rightMargin=14 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=printable(f"{words['title']} {sheet['trip_id']} {sheet['service_date']}"),
        author="Leenpad",
        lang=language,
    )

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(PLAIN, 7)
        text = f"{head} · {words['page']} {page.page} · {words['printed']} {at:%d-%m-%Y %H:%M}"
        canvas.drawString(14 * mm, 9 * mm, text)

    document.build([*_head(sheet, words, language), *_stops(sheet, words)], onFirstPage=foot, onLaterPages=foot)
    return held.getvalue()


def _style(name: str, size: float, *, bold: bool = False, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=BOLD if bold else PLAIN, fontSize=size, leading=size * 1.3, **more)


_TITLE = _style("title", 15, bold=True)
_STOP = _style("stop", 11, bold=True)
_TEXT = _style("text", 8.5)
_LINE = _style("line", 8)
_STRONG = _style("strong", 9, bold=True)


def _said(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(printable(text)), style)


def _head(sheet: dict[str, Any], words: dict[str, str], language: str) -> list[Flowable]:
    about = f"{_day(sheet['service_date'], language)} · {sheet['operator']} · {words['route']} {sheet['route_id']}"
    capacity = "" if sheet["crate_capacity"] is None else f" / {sheet['crate_capacity']}"
    load = f"{sheet['items']} {words['items']} · {sheet['crates']}{capacity} {words['crates']}"
    found = [
        _said(f"{words['title']} {sheet['trip_id']} {sheet['headsign']}".strip(), _TITLE),
        _said(about, _TEXT),
        _said(load, _TEXT),
    ]
    if sheet["status"] in ("cancelled", "suspended"):
        found.append(_said(words["cancelled"], _STRONG))
    if sheet["truncated"]:
        found.append(_said(words["truncated"], _STRONG))
    return [*found, Spacer(1, 4 * mm)]


def _stops(sheet: dict[str, Any], words: dict[str, str]) -> list[Flowable]:
    found: list[Flowable] = []
    for number, stop in enumerate(sheet["stops"], 1):
        found += _stop(number, stop, words)
    if sheet["items_adrift"]:
        found.append(_said(f"{words['adrift']}: {sheet['items_adrift']}", _STRONG))
        found += _listed(sheet["adrift"], sheet["items_adrift"], words)
    return found


def _stop(number: int, stop: dict[str, Any], words: dict[str, str]) -> list[Flowable]:
    times = " – ".join(f"{at:%H:%M}" for at in (stop["arrives_at"], stop["departs_at"]) if at is not None)
    place = stop["location"]
    found: list[Flowable] = [
        _said(f"{number}. {times}  {place['name']} ({place['id']}){_lateness(stop, words)}", _STOP)
    ]
    if stop["skipped"]:
        found.append(_said(words["skipped"], _STRONG))
    for what in ("unload", "load"):
        for batch in stop[what]:
            line = (
                f"{words[what]} {batch['location']['name']}: {batch['items']} {words['items']}, "
                f"{batch['crates']} {words['crates']}"
            )
            found += [_said(line, _STRONG), *_listed(batch["carries"], batch["items"], words)]
    if not stop["unload"] and not stop["load"]:
        found.append(_said(words["nothing"], _TEXT))
    board = f"{stop['items_on_board']} {words['items']}, {stop['crates_on_board']} {words['crates']}"
    return [*found, _said(f"{words['on_board']}: {board}", _TEXT), Spacer(1, 3 * mm)]


def _lateness(stop: dict[str, Any], words: dict[str, str]) -> str:
    now, planned = stop["departs_at"] or stop["arrives_at"], stop["planned_departs_at"] or stop["planned_arrives_at"]
    minutes = round((now - planned).total_seconds() / 60)
    return "" if minutes == 0 else f" +{minutes} {words['late']}" if minutes > 0 else f" {-minutes} {words['early']}"


def _listed(carries: list[dict[str, Any]], count: int, words: dict[str, str]) -> list[Flowable]:
    found: list[Flowable] = [_lines(carries, words)] if carries else []
    if count > len(carries):
        found.append(_said(f"… {words['more'].format(count=count - len(carries))}", _TEXT))
    return found


def _lines(carries: list[dict[str, Any]], words: dict[str, str]) -> LongTable:
    rows = []
    for item in carries:
        title = " / ".join(part for part in (item["title"], item["author"]) if part) or item["isbn"] or item["ppn"]
        way = f"{item['from_location']} {words['to']} {item['to_location']}"
        back = f" ({words['back']})" if item["direction"] == "back" else ""
        number = f"{item['requesting_agency_request_id']} · {str(item['loan_request'])[-12:]}"
        rows.append(["", _said(title or "–", _LINE), _said(way + back, _LINE), _said(number, _LINE)])
    table = LongTable(rows, colWidths=[6 * mm, 72 * mm, 58 * mm, 46 * mm])
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("BOX", (0, 0), (0, -1), 0.5, colors.black),
                ("INNERGRID", (0, 0), (0, -1), 0.5, colors.black),
                ("LINEBELOW", (1, 0), (-1, -1), 0.25, colors.grey),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ]
        )
    )
    return table


def _day(day: date, language: str) -> str:
    return str(format_date(day, "EEEE d MMMM y", locale=_LOCALES[language]))
