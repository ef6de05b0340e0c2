"""HTTP around a scorer: POST /score, GET /health; every answer is JSON, every refusal names its field."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from ltvml.errors import DataContractError
from ltvml.serving.request import RequestError
from ltvml.words.text import short

if TYPE_CHECKING:
    from starlette.requests import Request

    from ltvml.serving.scorer import Served

LOG = logging.getLogger(__name__)
MOST_BYTES = 4_000_000
MOST_SECONDS = 20
ROUTES = "POST /score with orders or a summary of one customer, or GET /health"


def application(served: Served) -> Starlette:
    """The server's application.

    Parameters
    ----------
    served : Served
        What answers; asked in a thread of its own, so that health is answered meanwhile.
    """

    async def score(request: Request) -> Response:
        try:
            body = await _body(request)
            return _json(await run_in_threadpool(lambda: served.scorer.answer(body)))
        except RequestError as error:
            return _refused(400, error.message, error.field)
        except DataContractError as error:
            return _refused(400, error.message, "orders")
        except HTTPException:
            raise
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            # the body is never logged: it tells of a person
            LOG.exception("A request could not be answered.")
            return _refused(500, "the request could not be answered; the server's log has the reason.", None)

    async def health(request: Request) -> Response:
        bundle = (await run_in_threadpool(lambda: served.scorer)).bundle
        cutoff = bundle.fitted_window.cutoff.isoformat()
        return _json({"status": "ok", "model_version": bundle.version, "fitted_until": cutoff})

    async def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        message = f"found {request.method} {short(request.url.path, _LONGEST_PATH)}; expected {ROUTES}."
        if isinstance(error, HTTPException) and status in (_TOO_LARGE, _TOO_SLOW, _NOT_READ):
            message = error.detail
        return _refused(status, message, "request")

    routes = [Route("/score", score, methods=["POST"]), Route("/health", health, methods=["GET"])]
    made = Starlette(routes=routes, exception_handlers={HTTPException: unknown})
    # a redirect has no words, and a client that follows one may lose its body
    made.router.redirect_slashes = False
    return made


_TOO_SLOW, _TOO_LARGE, _NOT_READ = 408, 413, 415
_LONGEST_PATH = 60


async def _body(request: Request) -> bytes:
    """The body, given up as soon as it is too long, or too long in coming."""
    if (packed := request.headers.get("content-encoding", "identity")) != "identity":
        raise HTTPException(
            _NOT_READ, f"the body is packed (Content-Encoding: {short(packed, _LONGEST_PATH)}); expected plain JSON."
        )
    parts, size = [], 0
    try:
        async with asyncio.timeout(MOST_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise HTTPException(
                        _TOO_LARGE, f"the body is longer than {MOST_BYTES:,} bytes; expected one customer."
                    )
                parts.append(part)
    except TimeoutError:
        raise HTTPException(
            _TOO_SLOW, f"the body did not come within {MOST_SECONDS} seconds; expected it at once."
        ) from None
    return b"".join(parts)


def _json(values: dict[str, Any], status: int = 200) -> Response:
    text = json.dumps(values, allow_nan=False, ensure_ascii=False)
    # a refusal quotes what was found, half characters too: as JSON names them
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type="application/json")


def _refused(status: int, message: str, field: str | None = None) -> Response:
    return _json({"error": {"field": field, "message": message}}, status)
