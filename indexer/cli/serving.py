"""The command `serve`: the same library over HTTP, with a web page."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.opening import settings_for
from indexer.cli.options import DeviceOption, LibraryOption, QdrantOption
from indexer.errors import QuireError

if TYPE_CHECKING:
    from indexer.library import Library

_APP = "service.app:create_app"
_LOGS = "service.logs:set_up_logs"
_OPTIONS = "service.connections:SERVER_OPTIONS"
"""By name, so that the indexer imports nothing of the service."""


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on; beyond this machine it takes keys.")
    ] = None,
    port: Annotated[Optional[int], typer.Option("--port", min=0, max=65535, help="The port; 0: any free one.")] = None,  # noqa: UP045
    insecure: Annotated[bool, typer.Option("--insecure", help="Listen beyond this machine without keys.")] = False,
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="One line of JSON on stderr for each request.")
    ] = False,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
) -> None:
    """Answer over HTTP, with a web page to drop scans on."""
    import uvicorn
    from uvicorn.importer import import_from_string

    from indexer.cli.showing import err
    from indexer.library import Library

    settings = settings_for(library, qdrant, host=host, port=port, insecure=insecure or None, device=device)
    create_app = import_from_string(_APP)
    import_from_string(_LOGS)(settings.log_format, requests=log_requests)
    # The library is opened here, so that what is wrong with it is told as every command tells it.
    with _listen(settings.host, settings.port) as listener, Library.open(settings) as opened:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        app = create_app(settings, library=opened)
        threading.Thread(target=_warm_up, args=(opened,), name="warm-up", daemon=True).start()
        opened.announce(f"http://{_show(_near(settings.host))}:{settings.port}")
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=30, **import_from_string(_OPTIONS))
        err().print(
            f"Quire is at http://{_show(_near(settings.host))}:{settings.port}/ — stop it with Ctrl-C.", markup=False
        )
        uvicorn.Server(config).run(sockets=[listener])


def _warm_up(library: Library) -> None:
    """Load the model before somebody waits for it; what is wrong with it is told when it is asked for."""
    with contextlib.suppress(QuireError):
        library.embedder()


def _near(host: str) -> str:
    """Where commands on this machine reach a service that listens on `host`: an address for all is none to call."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound already, so that the address is known before the service starts."""
    from indexer.errors import UsageError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise UsageError(
            f"Can't listen on {host}:{port}: {exc.strerror or exc}. Choose another with --port, or 0 for any free one."
        ) from exc
    return listener


def _show(host: str) -> str:
    return f"[{host}]" if ":" in host else host
