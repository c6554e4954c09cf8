"""`edgekit`, and `python -m edgekit`: what must stand before anything else is imported."""

import os
import signal
import sys


def main() -> None:
    """Runs the command line. A Ctrl-C while it is still being imported ends it as a later one does."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as under nohup
        signal.signal(signal.SIGINT, _stop)
    _fill_closed_streams()
    from edgekit.cli.main import main as run

    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _stop(_number: int, _frame: object) -> None:
    os.write(2, b"\nStopped.\n")
    os._exit(130)  # nothing is begun, and an exception would come out of whatever module is being imported


def _fill_closed_streams() -> None:
    """The first file that is opened would take the number of a stream that is closed, and what is printed."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if sys.stdout is None:
        print("error: Standard output is closed: what you ask for would be lost.", file=sys.stderr)
        print("  Send it somewhere: > result.txt, or > /dev/null.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
