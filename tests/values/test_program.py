"""What a program takes, as values."""

from edgekit.values.program import TwoCores


def test_each_core_waits_for_the_longer_share_of_a_layer_and_the_second_for_what_the_first_does_alone() -> None:
    two = TwoCores.of_layers([10, 0, 30], [100, 50, 0], [80, 90, 0], clock_hz=1000, meetings=2)
    assert two.cycles == (10 + 100) + 90 + 30
    assert two.waiting_cycles == (90 - 50, 10 + (100 - 80) + 30)
    assert two.total_ms == 230.0
    assert two.waiting == (round(40 / 230, 4), round(60 / 230, 4))
