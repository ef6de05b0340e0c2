"""Serve: score one customer at a time over HTTP, with the bundle that a batch would take."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from ltvml.bundle.bundle import BUNDLE_FILE
from ltvml.contracts import ONE
from ltvml.errors import ConfigError, LtvmlError
from ltvml.inputs.orders import rules_of
from ltvml.inputs.tables.products import contents_of
from ltvml.outputs.champion import CHALLENGER, CHAMPION, named_folder, served_folder
from ltvml.serving.application import application
from ltvml.serving.one_customer import needed_fields
from ltvml.serving.request import FIELDS, Reading
from ltvml.serving.scorer import Scorer, Served
from ltvml.threads import at_most
from ltvml.words.display import Shown
from ltvml.words.text import fields
from ltvml.workflows.score import as_fitted, bundle_of

if TYPE_CHECKING:
    from ltvml.config import Config

LOOPBACK = "127.0.0.1"
PORT = 8321
_WAITING = 128


@dataclass(frozen=True, repr=False)
class Server(Shown):
    """A server that listens and waits for `run`.

    Parameters
    ----------
    served : Served
    listening : socket
    """

    served: Served
    listening: socket.socket

    @property
    def address(self) -> str:
        """Where it is asked, as a URL."""
        host, port = self.listening.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer until the process is interrupted or asked to end; a request that has begun is answered first."""
        # uvicorn's own log lines would name addresses of clients
        config = uvicorn.Config(application(self.served), log_level="warning", access_log=False, lifespan="off")
        with at_most(1):
            uvicorn.Server(config).run(sockets=[self.listening])

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        bundle = self.served.scorer.bundle
        return {
            "address": self.address,
            "model_version": bundle.version,
            "fitted_until": bundle.fitted_window.cutoff.isoformat(),
            "cutoff": self.served.scorer.cutoff.isoformat(),
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        scorer = self.served.scorer
        needed = ", ".join(("order_date", "amount", *scorer.reading.needed))
        return fields(
            [
                ("serving", f"bundle {scorer.bundle.version}, fitted up to {scorer.bundle.fitted_window.cutoff}"),
                ("address", f"{self.address}/score and /health; Ctrl-C ends it"),
                ("orders need", needed),
                ("cutoff", f"{scorer.cutoff}, where a request names none"),
            ]
        )


def serve(config: Config, *, model: str | Path | None = None, host: str = LOOPBACK, port: int = PORT) -> Server:
    """A server of the bundle, listening; `run` answers.

    Parameters
    ----------
    config : Config
        How orders are read, and the cutoff of requests that name none.
    model : str or Path, optional
        As in `score`.
    host : str
        Address to listen at; nobody but this machine reaches the default.
    port : int
        0 takes a free one.

    Raises
    ------
    LtvmlError
        If the bundle cannot be used, or the address is taken.
    """
    served = Served(lambda: scorer_of(config, model), lambda: _stamp(config, model))
    return Server(served, _listening(host, port))


def scorer_of(config: Config, model: str | Path | None = None) -> Scorer:
    """The scorer of the bundle that a batch would take.

    Parameters
    ----------
    config : Config
    model : str or Path, optional
        As in `score`.
    """
    fitted, bundle = as_fitted(config, bundle_of(config, model))
    orders = config.transactions
    names = {column: name for name, column in orders.columns.items() if name in FIELDS or name == "customer_id"}
    reading = Reading(
        names=names,
        timezone=orders.timezone,
        decimals=fitted.value.decimals,
        counts_purchases=orders.columns.get("amount") == ONE,
        allows_returns=orders.returns != "error",
        needed=needed_fields(bundle),
    )
    return Scorer(bundle, rules_of(fitted.orders), reading, cutoff=fitted.cutoff, contents=contents_of(config.products))


def _stamp(config: Config, model: str | Path | None) -> object:
    """What changes when the bundle on disk is replaced; a model of a registry stays the one that was fetched."""
    if model is not None and str(model).startswith(("models:/", "runs:/")):
        return None
    try:
        found = (bundle_folder(config, model) / BUNDLE_FILE).stat()
    except (OSError, LtvmlError):
        # while it is being replaced there is none for a moment
        return None
    return found.st_ino, found.st_mtime_ns


def bundle_folder(config: Config, model: str | Path | None) -> Path:
    """Folder of the bundle that `bundle_of` loads."""
    results = Path(config.output.dir)
    if model is None:
        return served_folder(results)
    return named_folder(results, str(model)) if str(model) in (CHAMPION, CHALLENGER) else Path(model)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # from here on who asks is heard, and answered once `run` begins
        return socket.create_server((host, port), family=family, backlog=_WAITING)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"could not listen at {host}, port {port}: {error}.",
            hint="is another server running there? choose another --port; 0 takes a free one.",
        ) from None
