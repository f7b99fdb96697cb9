"""Serve the page to this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mechopt.errors import InstanceError

APP = Path(__file__).parent / "app.py"


def serve(model: str, port: int, *, browser: bool) -> int:
    """Run the page's server until Ctrl-C, and give its exit status.

    Args:
        model: a path or the name of a shipped model.
        port: 1 to 65535.
        browser: open the page in the browser.

    Raises:
        InstanceError: there is no such port.
    """
    if not 0 < port < 65536:
        raise InstanceError(f"{port} is not a port; it must be from 1 to 65535", key="--port")
    command = [sys.executable, "-m", "marimo", "--yes", "run", str(APP), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-token", *([] if browser else ["--headless"]), "--", "--model", model]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0  # how a visit ends
