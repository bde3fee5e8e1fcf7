"""A server of shelves in a process of its own: `python -m tests.support.shelves` prints its port.

GET /in/MILLISECONDS/… is answered after so long, with the number of copies that stand there: one.
"""

from __future__ import annotations

import asyncio
import re
import sys

PATH = re.compile(rb"GET /in/(\d+)/")
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"n":1}'


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while found := PATH.match(await reader.readuntil(b"\r\n\r\n")):
            await asyncio.sleep(int(found[1]) / 1000)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
