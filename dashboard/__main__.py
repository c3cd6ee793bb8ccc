"""The server of the dashboard: what `ccta dashboard` becomes. The arguments are Streamlit's.

python -m dashboard --server.port=8501
"""

import os
import sys
import threading
import time
from pathlib import Path

APP = Path(__file__).parent / "server.py"
_PATIENCE = 4.0
"""Seconds after the server's end in which a page that still computes may come to its end."""


def main() -> None:
    """Serves until the process is told to end."""
    from streamlit.web import cli

    # Else uvicorn takes a visitor's address from a header that the visitor may have written.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    try:
        cli.main()
    except SystemExit as ended:
        end(ended.code if isinstance(ended.code, int) else 1)
    end(0)


def end(code: int) -> None:
    """Ends the process with this exit code, after a few seconds whatever is going on in it.

    The interpreter waits for its threads, and a page's thread may be busy for minutes: Streamlit
    can interrupt it only where it next shows something.
    """
    threading.Thread(target=_end_late, args=(code,), daemon=True).start()
    sys.exit(code)


def _end_late(code: int) -> None:
    time.sleep(_PATIENCE)
    os._exit(code)


if __name__ == "__main__":
    main()
