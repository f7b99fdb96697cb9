"""Serve the page to this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from mechopt.errors import InstanceError

HOST = "127.0.0.1"  # nobody else can reach it
APP = Path(__file__).parent / "app.py"


def serve(model: str, port: int, *, browser: bool) -> int:
    """Run the page's server until Ctrl-C, and give its exit status.

    Args:
        model: a path or the name of a shipped model.
        port: 1 to 65535.
        browser: open the page in the browser.

    Raises:
        InstanceError: there is no such port, or it cannot be had.
    """
    if not 0 < port < 65536:
        raise InstanceError(f"{port} is not a port; it must be from 1 to 65535", key="--port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: just left is free
        try:
            probe.bind((HOST, port))
        except OSError as error:
            problem = f"{port} cannot be had ({error.strerror}); choose another"
            raise InstanceError(problem, key="--port") from None
    command = [sys.executable, "-m", "marimo", "--yes", "run", str(APP), "--host", HOST, "--port", str(port)]
    command += ["--no-token", *([] if browser else ["--headless"]), "--", "--model", model]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0  # how a visit ends
