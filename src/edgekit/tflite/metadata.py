"""What the metadata of a .tflite call its outputs.

TFLite Metadata and Model Maker append a zip to the file, with a labels.txt in it, a line for each output. In: the
file's bytes. Out: names, as they stand there.
"""

import io
import zipfile

from edgekit.files import print_warning

_MOST_BYTES = 1 << 20  # of one list of labels
_MOST_MEMBERS = 64


def labels_within(content: bytes, outputs: int) -> tuple[str, ...]:
    """The names in the zip at the end of a .tflite; empty where there is none, or none that holds labels in UTF-8.

    Of several lists the one with as many names as outputs, else the first. A name that occurs again, as two of ImageNet
    do, gets the number of its output.
    """
    if b"PK\x05\x06" not in content[-(1 << 16) - 22 :]:  # a zip's last record, with the longest comment
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [
                one
                for one in archive.infolist()[:_MOST_MEMBERS]
                if one.filename.lower().endswith(".txt") and "label" in one.filename.lower()
            ]
            lists = []
            for one in sorted(members, key=lambda one: (one.filename != "labels.txt", one.filename)):
                with archive.open(one) as stream:
                    text = stream.read(_MOST_BYTES + 1)
                if len(text) <= _MOST_BYTES:
                    lists.append(lines_of(text.decode()))
    except Exception:  # zipfile has a dozen exceptions for what is no sound zip; the model itself is sound
        print_warning("The zip at the model's end, where its labels may be, is damaged: name them with --labels.")
        return ()
    lists = [names for names in lists if names]
    fitting = next((names for names in lists if len(names) == outputs), lists[0] if lists else [])
    return tuple(
        name if name and fitting.count(name) == 1 else f"{name} ({row})".strip() for row, name in enumerate(fitting)
    )


def lines_of(text: str) -> list[str]:
    """The names in a file of labels, one a line; empty lines at its end do not count."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines
