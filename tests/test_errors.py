"""Text from outside is shown and never obeyed."""

import json
import os
from pathlib import Path

import pytest

from edgekit.cli.main import main
from edgekit.errors import EdgekitError, printable
from edgekit.files import print_warning, write_json, write_text
from edgekit.report.document import Bullets, Cell, Code, Column, Facts, Part, Prose, Table
from terminal import printed

EVIL = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202egpj.\udc80"
SHOWN = "\\u001b]0;owned\\u0007\\u001b[2J\\u000d\\u009b31m\\u202egpj.\\udc80"


def test_what_a_terminal_would_obey_is_written_as_json_writes_it_and_the_rest_stays() -> None:
    assert printable(EVIL) == SHOWN
    assert printable("Größe 5 µs,\tline\nline 图") == "Größe 5 µs,\tline\nline 图"
    assert json.loads(printable(json.dumps(EVIL, ensure_ascii=False))) == EVIL


def test_an_error_holds_no_code_that_a_terminal_obeys() -> None:
    error = EdgekitError(f"{EVIL} cannot be read.", f"rm {EVIL}")
    assert str(error) == f"{SHOWN} cannot be read.\nrm {SHOWN}"
    assert error.args == (f"{SHOWN} cannot be read.",)


def test_a_warning_holds_no_code_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    print_warning(EVIL)
    assert capsys.readouterr().err == f"warning: {SHOWN}\n"


@pytest.mark.parametrize(
    "part",
    [
        Prose(EVIL), Bullets((EVIL,)), Code(EVIL), Facts(((EVIL, EVIL),)), Facts((("name", Cell("", EVIL)),)),
        Table(EVIL, (Column(EVIL, "left"), Column("n")), ((EVIL, "1"), (EVIL,)), (EVIL,)),
    ],
)  # fmt: skip
def test_no_part_of_a_document_is_obeyed_by_the_terminal(part: Part) -> None:
    text = printed([part], width=300)
    assert SHOWN in text
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(text)


@pytest.mark.parametrize("arguments", [["data", "info", EVIL], [EVIL], ["data", "info", "x", EVIL]])
def test_what_was_typed_comes_back_without_its_codes(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["edgekit", *arguments])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "owned" in said
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(said)


def test_a_file_name_that_is_not_utf8_is_written_escaped(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write_json(tmp_path / "card.json", {"command": name})
    write_text(tmp_path / "card.md", name)
    assert json.loads((tmp_path / "card.json").read_text(encoding="utf-8")) == {"command": name}
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == "caf\\udce9"
