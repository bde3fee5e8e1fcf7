"""The file of holdings beside an emulated Wise: what a library would have to export, as no interface lists them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import UTC
from email.utils import format_datetime

from starlette.responses import Response

from adapters.contract import ItemStatus
from adapters.emulators.stock import Stock

COLUMNS = ("location", "isbn", "ppn", "title", "author", "material", "copies", "available", "loanable")


def holdings_file(stock: Stock) -> bytes:
    """Return the file: a row for each title at each branch, by branch, so that the rows of a title are apart."""
    rows = []
    for work in stock.works.values():
        for branch in dict.fromkeys(copy.branch for copy in work.copies):
            copies = [copy for copy in work.copies if copy.branch == branch]
            free = sum(copy.status is ItemStatus.AVAILABLE for copy in copies)
            loanable = "true" if any(copy.loanable for copy in copies) else "false"
            isbn = work.isbns[0] if work.isbns else ""
            known = (branch, isbn, work.ppn or "", work.title, work.author, work.material)
            rows.append((*known, str(len(copies)), str(free), loanable))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    return text.getvalue().encode()


def holdings_answer(stock: Stock, wanted: str) -> Response:
    """Return the file, or the part of it from the byte that a Range asks for."""
    content = holdings_file(stock)
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Content-Type": "text/csv; charset=utf-8"}
    if stock.works:
        newest = max(work.changed_at for work in stock.works.values())
        headers["Last-Modified"] = format_datetime(newest.astimezone(UTC), usegmt=True)
    begin = re.fullmatch(r"bytes=(\d{1,12})-", wanted)
    if begin is None:
        return Response(content, headers=headers)
    start = int(begin[1])
    if start >= len(content):
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return Response(content[start:], status_code=206, headers=headers)
