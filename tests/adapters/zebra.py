"""Starts Zebra (Index Data), an SRU server that we did not write, over MARC records that we did.

It comes with Debian: packages `idzebra-2.0-utils`, `idzebra-2.0-common` and `libidzebra-2.0-modules` (the metapackage
`idzebra-2.0` brings all three). `yaz-ztest`, another server of the same makers, is in the package `yaz`.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

PACKAGES = "apt-get install idzebra-2.0-utils idzebra-2.0-common libidzebra-2.0-modules yaz"
START_SECONDS = 20.0

ZEBRA_CFG = """
profilePath: {folder}:/usr/share/idzebra-2.0/tab
modulePath: {modules}
recordtype: dom.{folder}/dom.xml
attset: bib1.att
encoding: utf-8
storeData: 1
storeKeys: 1
register: {folder}/register:1G
lockDir: {folder}/lock
keyTmpDir: {folder}/tmp
"""

DOM = """<dom>
  <extract name="index"><xslt stylesheet="index.xsl"/></extract>
  <retrieve name="marcxml"><xslt stylesheet="same.xsl"/></retrieve>
  <input syntax="xml"><xmlreader level="1"/></input>
</dom>"""

SAME = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="/"><xsl:copy-of select="."/></xsl:template>
</xsl:stylesheet>"""

INDEX = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:m="http://www.loc.gov/MARC21/slim" xmlns:z="http://indexdata.com/zebra-2.0">
  <xsl:template match="text()"/>
  <xsl:template match="m:record">
    <z:record z:id="{m:controlfield[@tag='001']}"><xsl:apply-templates/></z:record>
  </xsl:template>
  <xsl:template match="m:controlfield[@tag='001']">
    <z:index name="number:0 number:w"><xsl:value-of select="."/></z:index>
  </xsl:template>
  <xsl:template match="m:datafield[@tag='020']/m:subfield[@code='a']">
    <z:index name="isbn:w"><xsl:value-of select="."/></z:index>
  </xsl:template>
  <xsl:template match="m:datafield[@tag='100']/m:subfield[@code='a']">
    <z:index name="author:w"><xsl:value-of select="."/></z:index>
  </xsl:template>
  <xsl:template match="m:datafield[@tag='245']/m:subfield[@code='a']">
    <z:index name="title:w title:p"><xsl:value-of select="."/></z:index>
  </xsl:template>
</xsl:stylesheet>"""

CQL = """
set.cql = info:srw/cql-context-set/1/cql-v1.2
set.rec = info:srw/cql-context-set/2/rec-1.1
set.dc = info:srw/cql-context-set/1/dc-v1.1
set.bath = http://zing.z3950.org/cql/bath/2.0/
index.cql.serverChoice = 1=title
index.cql.allRecords = 1=_ALLRECORDS 2=103
index.rec.identifier = 1=number
index.bath.isbn = 1=isbn
index.dc.title = 1=title
index.dc.creator = 1=author
relation.scr = 2=3
relation.eq = 2=3
relation.exact = 2=3
structure.exact = 4=1
structure.* = 4=1
truncation.right = 5=1
truncation.none = 5=100
position.any = 3=3
"""

FRONT = """<yazgfs>
  <listen id="here">tcp:127.0.0.1:{port}</listen>
  <server id="main" listenref="here">
    <config>{folder}/zebra.cfg</config>
    <cql2rpn>{folder}/cql.txt</cql2rpn>
    <explain xmlns="http://explain.z3950.org/dtd/2.0/">
      <serverInfo><host>127.0.0.1</host><port>{port}</port><database>Default</database></serverInfo>
      <indexInfo>
        <set name="bath" identifier="http://zing.z3950.org/cql/bath/2.0/"/>
        <index><map><name set="bath">isbn</name></map></index>
      </indexInfo>
      <schemaInfo><schema identifier="info:srw/schema/1/marcxml-v1.1" name="marcxml"/></schemaInfo>
      <configInfo><setting type="maximumRecords">100</setting></configInfo>
    </explain>
  </server>
</yazgfs>"""

# A server of the toolkit, whose records are its own: it is here for its OPAC records.
ZTEST = """<yazgfs>
  <listen id="here">tcp:127.0.0.1:{port}</listen>
  <server id="main" listenref="here">
    <retrievalinfo>
      <retrieval syntax="xml" name="opac">
        <backend syntax="opac" name="F">
          <marc inputformat="marc" outputformat="marcxml" inputcharset="marc-8" outputcharset="utf-8"/>
        </backend>
      </retrieval>
    </retrievalinfo>
  </server>
</yazgfs>"""


def marcxml(number: str, fields: dict[str, list[tuple[str, str]]]) -> str:
    """Return a record as XML; fields by tag, each of (code, value)."""
    inner = "".join(
        f'<datafield tag="{tag[:3]}" ind1=" " ind2=" ">'
        + "".join(f'<subfield code="{code}">{escape(value)}</subfield>' for code, value in subfields)
        + "</datafield>"
        for tag, subfields in fields.items()
    )
    leader = "<leader>00000nam a2200000 a 4500</leader>"
    return f'<record>{leader}<controlfield tag="001">{number}</controlfield>{inner}</record>'


def program(name: str) -> str:
    """Return where a program is; skips the test, saying how to get it, where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"NOT TESTED against a third party's SRU server: {name} is missing. {PACKAGES}")
    return found


@contextmanager
def zebra(folder: Path, records: list[str]) -> Iterator[str]:
    """Index the records, serve them until the block ends, and yield the address of the database."""
    indexer, server = program("zebraidx"), program("zebrasrv")
    modules = sorted(Path("/usr/lib").glob("**/idzebra-2.0/modules"))
    if not modules:
        pytest.skip(f"NOT TESTED against Zebra: its modules are missing. {PACKAGES}")
    port = _free_port()
    for name in ("register", "lock", "tmp", "records"):
        (folder / name).mkdir()
    written = {
        "zebra.cfg": ZEBRA_CFG.format(folder=folder, modules=modules[0]),
        "dom.xml": DOM,
        "same.xsl": SAME,
        "index.xsl": INDEX,
        "cql.txt": CQL,
        "front.xml": FRONT.format(folder=folder, port=port),
    }
    for name, text in written.items():
        (folder / name).write_text(text)
    collection = f'<collection xmlns="http://www.loc.gov/MARC21/slim">{"".join(records)}</collection>'
    (folder / "records" / "all.xml").write_text(collection)
    for command in (["init"], ["update", str(folder / "records")]):
        subprocess.run(
            [indexer, "-c", str(folder / "zebra.cfg"), *command], check=True, capture_output=True, timeout=60
        )
    with _running([server, "-f", str(folder / "front.xml"), "-v", "none"], port, folder):
        yield f"http://127.0.0.1:{port}/Default"


@contextmanager
def ztest(folder: Path) -> Iterator[str]:
    """Serve yaz-ztest's own records, OPAC records among them, and yield the address of the database."""
    server, port = program("yaz-ztest"), _free_port()
    (folder / "front.xml").write_text(ZTEST.format(port=port))
    with _running([server, "-f", str(folder / "front.xml"), "-v", "none"], port, folder):
        yield f"http://127.0.0.1:{port}/Default"


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        ends = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < ends, "the server did not begin to listen"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
