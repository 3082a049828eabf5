"""Where a server listens: on the loopback address, so that only this machine reaches it.

In a container $PITWALL_ADDRESS is 0.0.0.0: nothing outside reaches the loopback address of a container.
"""

import os
import socket

from pitwall.command import PlainError

LOOPBACK = "127.0.0.1"
ALL = "0.0.0.0"


def address() -> str:
    """The address that a server listens on: `$PITWALL_ADDRESS`, or the loopback address.

    Raises:
        PlainError: it is another address.
    """
    named = os.environ.get("PITWALL_ADDRESS") or LOOPBACK
    if named not in (LOOPBACK, ALL):
        raise PlainError(
            f"PITWALL_ADDRESS={named}: set {LOOPBACK}, for this machine only, or {ALL}, in a container"
        )
    return named


def free_port(port: int) -> int:
    """The port; a free one instead of 0. Raises PlainError if another program uses it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address(), port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PlainError(f"port {port}: {reason}; name another with PORT=number") from None
        return int(probe.getsockname()[1])
