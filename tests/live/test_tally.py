"""The running confusion."""

from edgekit.live.tally import Tally
from edgekit.values.task import CHEST_XRAY, Task
from terminal import printed


def test_the_nearest_folder_that_is_called_like_a_class_says_it_in_whatever_case() -> None:
    tally = Tally(CHEST_XRAY)
    paths = ("Normal/a.png", "normal/pneumonia/a.png", "PNEUMONIA/day 1/a.png", "day 1/a.png", "NORMAL.png", "a.png")
    assert [tally.truth_of(path) for path in paths] == ["NORMAL", "PNEUMONIA", "PNEUMONIA", "", "", ""]


def test_only_labelled_pictures_enter_the_confusion_whose_positive_label_stands_last() -> None:
    tally = Tally(Task(("sick", "well"), positive="sick"))
    for truth, answer in (("sick", "sick"), ("sick", "well"), ("well", "well"), ("", "sick")):
        tally.add(truth, answer)
    assert (tally.labels, tally.matrix) == (("well", "sick"), [[1, 0], [1, 1]])
    assert tally.in_words() == "4 pictures answered, 2 of 3 right"
    (table,) = tally.tables()
    assert "Confusion on 3 images" in printed([table])


def test_outputs_that_are_no_classes_are_counted_without_a_confusion() -> None:
    tally = Tally(None)
    tally.add(tally.truth_of("a/b.png"), "")
    assert (tally.in_words(), tally.tables()) == ("1 picture answered", [])
