"""The serial devices of this computer, for a shell that completes a name: pyserial's list and nothing else.

In: nothing. Out: names with descriptions. `link.ports` says more of each, and takes longer to import.
"""


def serial_devices() -> list[tuple[str, str]]:
    """Each device, and what the system calls it; empty where it says nothing."""
    from serial.tools.list_ports import comports

    return [(one.device, "" if one.description in (None, "n/a") else one.description) for one in sorted(comports())]
