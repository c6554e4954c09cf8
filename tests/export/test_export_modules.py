"""The ESP-IDF component and the Zephyr module: manifests and Kconfig by the tools that read them, and their CMake files
built with stand-ins for the few functions of ESP-IDF and Zephyr that they call, run on this computer."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from exporting import RIGHT, Cmake, Export, run

ESP_IDF = """
cmake_minimum_required(VERSION 3.16)
project(stand_in C)
add_compile_definitions(ESP_PLATFORM)
add_compile_options(-Wall -Wextra -Werror -Wmissing-prototypes)
macro(idf_component_register)
  cmake_parse_arguments(IDF "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
  get_filename_component(COMPONENT_LIB ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_library(${COMPONENT_LIB} STATIC ${IDF_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${IDF_INCLUDE_DIRS})
endmacro()
add_subdirectory(LIBRARY pet)
add_subdirectory(LIBRARY/examples/classify/main main)
target_link_libraries(main pet)
add_executable(program start.c)
target_link_libraries(program main)
"""
ZEPHYR = """
cmake_minimum_required(VERSION 3.20)
project(stand_in C)
add_compile_options(-Wall -Wextra -Werror)
set(CONFIG_PET y)
macro(zephyr_include_directories)
  foreach(place ${ARGN})
    include_directories(${CMAKE_CURRENT_SOURCE_DIR}/${place})
    set_property(GLOBAL APPEND PROPERTY places ${CMAKE_CURRENT_SOURCE_DIR}/${place})
  endforeach()
endmacro()
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
endmacro()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
add_subdirectory(LIBRARY/zephyr pet)
add_executable(app LIBRARY/samples/classify/src/main.c)
get_property(places GLOBAL PROPERTY places)
target_include_directories(app PRIVATE ${places})
target_link_libraries(app pet)
"""


def need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install -e '.[dev]'")


def kconfig(path: Path) -> Any:
    """The symbols of a Kconfig file, read by the program that ESP-IDF's and Zephyr's readers come from."""
    need("kconfiglib")
    import kconfiglib

    read = kconfiglib.Kconfig(str(path), warn_to_stderr=False)
    assert read.warnings == []
    return read


@pytest.mark.parametrize("words", [(), ("--url", "https://example.net/pet", "--author", "Ada 'A' \"L\" <ada@e.org>")])
def test_the_components_manifest_is_one_that_espressifs_component_manager_takes(
    export: Export, words: tuple[str, ...]
) -> None:
    need("idf_component_tools")
    from idf_component_tools.manager import ManifestManager

    library = export("esp-idf", "--library-version", "1.2.3", *words)
    for place in (library, library / "examples/classify/main"):
        manager = ManifestManager(str(place), place.name)
        assert manager.validate().validation_errors == []
    manifest = ManifestManager(str(library), "pet", upload_mode="component").load()
    assert str(manifest.version) == "1.2.3"
    assert manifest.license == "Apache-2.0"
    assert [(library / example["path"] / "CMakeLists.txt").is_file() for example in manifest.examples] == [True]
    if words:
        assert manifest.maintainers == [words[3]]


@pytest.mark.parametrize("in_iram", [False, True])
def test_the_components_example_runs_and_its_option_moves_the_loops(
    tmp_path: Path, export: Export, cmake: Cmake, in_iram: bool
) -> None:
    library = export("esp-idf", "--target", "esp32", "--optimize", "speed")
    symbols = kconfig(library / "Kconfig").syms
    assert symbols["PET_LOOPS_IN_IRAM"].str_value == "n"
    (tmp_path / "CMakeLists.txt").write_text(ESP_IDF.replace("LIBRARY", str(library)))
    (tmp_path / "start.c").write_text("void app_main(void);\nint main(void) { app_main(); return 0; }\n")
    cmake(tmp_path, tmp_path / "b", *(["-DCONFIG_PET_LOOPS_IN_IRAM=y"] if in_iram else []))
    assert RIGHT in run(tmp_path / "b/program")
    assert (".iram1" in run("objdump", "-h", tmp_path / "b/pet/libpet.a")) is in_iram


def test_the_module_is_read_built_and_run_as_zephyr_does(tmp_path: Path, export: Export, cmake: Cmake) -> None:
    library = export("zephyr")
    assert kconfig(library / "zephyr/Kconfig").syms["PET"].str_value == "n"
    assert "CONFIG_PET=y\n" in (library / "samples/classify/prj.conf").read_text()
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR.replace("LIBRARY", str(library)))
    cmake(tmp_path, tmp_path / "b")
    assert RIGHT in run(tmp_path / "b/app")


def test_zephyrs_manifests_have_the_fields_that_its_scripts_know(export: Export) -> None:
    need("ruamel.yaml")
    from ruamel.yaml import YAML

    library = export("zephyr")
    module = YAML(typ="safe").load(library / "zephyr/module.yml")
    assert module.keys() == {"name", "build", "samples"}  # of zephyr_module.py's schema
    assert module["build"].keys() == {"cmake", "kconfig"}
    assert module["name"] == "pet"
    assert (library / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (library / module["build"]["kconfig"]).is_file()
    assert all((library / place).is_dir() for place in module["samples"])
    sample = YAML(typ="safe").load(library / "samples/classify/sample.yaml")
    assert sample["tests"]["sample.pet.classify"]["harness_config"]["regex"] == [RIGHT[:-1]]
