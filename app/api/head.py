"""HEAD, answered wherever GET is: for whoever watches whether something is there."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AnswerHead:
    """ASGI middleware that answers HEAD as GET, without the body; the routes and the counts only know GET."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; of the answer to HEAD, only its head goes out."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})  # at once: a stream would never come to its end

        await self.app({**scope, "method": "GET"}, receive, send_head)
