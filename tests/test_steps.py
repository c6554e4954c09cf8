"""What the steps of a build depend on."""

import grimp
import pytest

from edgekit import steps

# Values, names and ways to the disk: a change in them that changes a result shows in a stage's inputs.
PLAIN = {"artifacts", "errors", "fields", "files", "recipes"}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("edgekit", cache_dir=None)


@pytest.mark.parametrize(
    ("code", "modules", "imported_for_others"),
    [
        (steps._TEACHING, {"build.teach", "build.prune"}, {"build.distill", "build.same_view"}),
        (steps._DISTILLING, {"build.distill"}, {"build.backbones"}),
        (steps._PRUNING, {"build.prune"}, {"build.backbones"}),
        (steps._CONVERSION, {"build.convert"}, set()),
        (steps._RUNNING, {"device.desktop"}, set()),
    ],
)
def test_a_change_in_any_module_that_shapes_a_stage_makes_it_stale(
    imports: grimp.ImportGraph, code: tuple[str, ...], modules: set[str], imported_for_others: set[str]
) -> None:
    named = {file.removesuffix(".py").replace("/", ".") for file in code}
    used = {f"edgekit.{name}" for name in modules}
    used |= {found for module in used for found in imports.find_upstream_modules(module)}
    leaves = {module.removeprefix("edgekit.") for module in used if not imports.find_children(module)}
    assert leaves - PLAIN - imported_for_others <= named
    assert {f"edgekit.{name}" for name in named} <= imports.modules
