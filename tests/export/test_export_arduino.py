"""The Arduino library: its properties by Arduino's specification, its sketch for the lx106 and on this computer."""

import re
from pathlib import Path

import pytest
from exporting import RIGHT, Export, run
from PIL import Image, ImageDraw

from edgekit.boards.toolchains import LX106

# What arduino-lint asks at its level "specification" (its JSON schemas and its rules for the structure); the program
# itself comes neither from PyPI nor from npm.
FIELDS = {
    "name": r"(?!arduino)(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}",
    "version": r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)",
    "author": r".+",
    "maintainer": r"(?![Aa]rduino).+",
    "sentence": r".+",
    "paragraph": r".*",
    "category": r"Display|Communication|Signal Input/Output|Sensors|Device Control|Timing|Data Processing|Other",
    "url": r"https?://[^\s/]+\.[^\s/]+\S*",
    "architectures": r"\*|[a-z0-9]+(,[a-z0-9]+)*",
    "includes": r"\S+\.h(,\S+\.h)*",
}
ARDUINO_H = """
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
struct Port {
  void begin(unsigned long rate);
  void print(const char *text);
};
extern Port Serial;
void delay(unsigned long ms);
void setup();
void loop();
"""
HOST = """
#include "Arduino.h"
Port Serial;
void Port::begin(unsigned long rate) { if (rate != 115200) printf("at %lu baud\\n", rate); }
void Port::print(const char *text) { fputs(text, stdout); }
void delay(unsigned long) {}
int main() { setup(); loop(); }
"""
WARNINGS = ("-Wall", "-Wextra", "-Werror")


@pytest.mark.parametrize("words", [(), ("--author", "Ada L. <ada@example.org>", "--url", "https://example.net/pet")])
def test_library_properties_are_what_arduinos_specification_asks(export: Export, words: tuple[str, ...]) -> None:
    library = export("arduino", *words)
    lines = (library / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert len(lines) == len(properties)
    assert properties.keys() == FIELDS.keys()
    for name, value in properties.items():
        assert re.fullmatch(FIELDS[name], value), f"{name}={value}"
    assert properties["sentence"] != properties["paragraph"]
    assert all((library / "src" / header).is_file() for header in properties["includes"].split(","))
    assert (library / "src/pet.h").is_file()  # headers are found by the library's name
    assert {path.name for path in library.iterdir() if path.is_dir()} <= {"src", "examples", "extras"}
    for sketch in library.rglob("*.ino"):
        assert sketch.stem == sketch.parent.name
    assert (library / "README.md").is_file()
    assert (library / "LICENSE").read_text() == (Path(__file__).parents[2] / "LICENSE").read_text()


def sketch(library: Path, folder: Path) -> Path:
    """The sketch as Arduino's builder makes C++ of it."""
    (folder / "Arduino.h").write_text(ARDUINO_H)
    made = folder / "Classify.ino.cc"
    made.write_text("#include <Arduino.h>\n" + (library / "examples/Classify/Classify.ino").read_text())
    return made


@pytest.mark.parametrize("target", ["generic", "esp32"])
def test_the_sketch_and_the_library_compile_for_the_lx106(tmp_path: Path, export: Export, target: str) -> None:
    if not LX106.installed():
        pytest.skip(f"the cross compiler is not installed (apt-get install {LX106.packages})")
    library = export("arduino", "--target", target)
    places = ("-I", tmp_path, "-I", library / "src", "-I", library / "examples/Classify", "-DARDUINO=10819", *WARNINGS)
    system = ("-isystem", f"{LX106.library}/include")
    for source in (sketch(library, tmp_path), library / "src/pet.c"):
        made = tmp_path / f"{source.stem}.o"
        command = LX106.compile_command(source, *map(str, places), *system, optimize="-Os")
        run(*command, "-o", made)
        assert made.stat().st_size > 1000


def test_the_sketch_prints_the_label_of_its_built_in_picture(tmp_path: Path, export: Export) -> None:
    picture = tmp_path / "disc.png"
    image = Image.new("L", (64, 64), 60)
    ImageDraw.Draw(image).ellipse((12, 12, 52, 52), fill=180)
    image.save(picture)
    library = export("arduino", "--picture", picture)
    (tmp_path / "host.cc").write_text(HOST)
    run("gcc", "-c", *WARNINGS, library / "src/pet.c", "-o", tmp_path / "pet.o")
    places = ("-I", tmp_path, "-I", library / "src", "-I", library / "examples/Classify", "-DARDUINO=10819", *WARNINGS)
    sources = (sketch(library, tmp_path), tmp_path / "host.cc", tmp_path / "pet.o")
    run("g++", *places, *sources, "-fsanitize=address,undefined", "-o", tmp_path / "sketch")
    answer, _, right = run(tmp_path / "sketch").splitlines()
    assert answer == "Answer: large"
    assert right == RIGHT
    assert "the picture disc.png" in (library / "examples/Classify/pet_example.h").read_text()
