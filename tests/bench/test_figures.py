"""An aim says by how much it is missed."""

import pytest

from tests.bench.figures import Aim


def test_an_aim_at_a_share_of_the_floor_is_missed_by_the_share_that_lacks() -> None:
    aim = Aim(at_least_floors=0.9)
    assert aim.missed_by(4_000, 0.75) == pytest.approx(0.15)
    assert aim.missed_by(300, 1.2) < 0
    assert str(aim) == "≥ 0.9 x floor"


def test_an_aim_at_a_share_of_the_floor_needs_a_floor() -> None:
    with pytest.raises(ValueError, match="floor"):
        Aim(at_least_floors=0.9).missed_by(4_000, None)
