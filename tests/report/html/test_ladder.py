from __future__ import annotations

import pytest

from netprobe.model.endpoint import Endpoint, Ends
from netprobe.model.hop import Direction
from netprobe.model.ladder import Arrow, Gap, Ladder, LadderColumn, Sight
from netprobe.report.html.ladder import ladder_table, since
from tests.report.examples import CLIENT, DIALLED, INNER, WORKS

OUTER = Ends(Endpoint.parse(CLIENT), Endpoint.parse(DIALLED))
WITHIN = Ends(Endpoint.parse(CLIENT), Endpoint.parse(INNER))
COLUMNS = (
    LadderColumn(point="server1/eth0", ends=OUTER),
    LadderColumn(point="server2/eth0", ends=OUTER),
    LadderColumn(point="server2/docker0", ends=WITHIN),
)
PROXY = (
    LadderColumn(point="server1/eth0", ends=OUTER),
    LadderColumn(point="server2/eth0", ends=OUTER),
    LadderColumn(point="server2/docker0", ends=WITHIN, leg=2),
    LadderColumn(point="server2/demo/eth0", ends=WITHIN, leg=2),
)


def arrow(*columns: int, leg: int = 1, lost: int | None = None, frame: int = 12) -> Arrow:
    back = columns[0] > columns[-1]
    sights = tuple(Sight(column=each, time_us=10.0 * at, frame=frame + at) for at, each in enumerate(columns))
    return Arrow(
        direction=Direction.REPLY if back else Direction.REQUEST, leg=leg, info="SYN", sights=sights, lost=lost
    )


def classes(arrow: Arrow, columns: tuple[LadderColumn, ...] = COLUMNS, relay: str = "") -> list[str]:
    table = ladder_table(Ladder(columns=columns, rungs=(arrow,), relay=relay), WORKS.hops, WORKS.beside)
    return [cell.classes for cell in table.rows[0].cells]


def test_an_arrow_goes_through_the_points_that_saw_it() -> None:
    assert classes(arrow(0, 1, 2)) == ["r seen", "l r seen", "l head-r seen"]
    assert classes(arrow(2, 1, 0)) == ["r head-l seen", "l r seen", "l seen"]


def test_a_point_that_did_not_see_it_is_passed_without_a_dot() -> None:
    assert classes(arrow(0, 2)) == ["r seen", "l r", "l head-r seen"]


def test_what_one_point_alone_saw_is_an_arrow_of_its_own() -> None:
    assert classes(arrow(1)) == ["", "stub-r seen", ""]


def test_what_is_lost_ends_where_it_should_have_come() -> None:
    assert classes(arrow(0, 1, lost=2)) == ["r seen", "l xr seen", "xl lost"]


def test_two_connections_are_joined_by_who_relays() -> None:
    assert classes(arrow(0, 1), PROXY, "docker-proxy") == ["r seen", "l dr seen", "dl head-r", "", ""]
    assert classes(arrow(2, 3, leg=2), PROXY, "docker-proxy") == ["", "", "dr", "dl r seen", "l head-r seen"]
    assert classes(arrow(3, 2, leg=2), PROXY, "docker-proxy") == ["", "", "dr head-l", "dl r seen", "l seen"]
    assert classes(arrow(1, 0), PROXY, "docker-proxy") == ["r head-l seen", "l dr seen", "dl", "", ""]


def test_what_did_not_come_to_the_last_point_before_the_relay_does_not_come_to_it() -> None:
    seen_once = Arrow(direction=Direction.REQUEST, leg=1, info="SYN", sights=(Sight(column=0, time_us=0, frame=1),))
    assert classes(seen_once, PROXY, "docker-proxy") == ["stub-r seen", "", "", "", ""]


def test_a_head_says_whose_point_it_is_and_which_end_is_new() -> None:
    table = ladder_table(Ladder(columns=COLUMNS, rungs=()), WORKS.hops, WORKS.beside)
    assert [(head.host, head.name, head.server, head.changed) for head in table.heads] == [
        ("server1", "eth0", DIALLED, (False, False)),
        ("server2", "eth0", DIALLED, (False, False)),
        ("server2", "docker0", INNER, (False, True)),
    ]
    assert table.hosts == (("server1", 1), ("server2", 2))


def test_what_changed_stands_where_it_changed() -> None:
    cells = ladder_table(Ladder(columns=COLUMNS, rungs=(arrow(0, 1, 2),)), WORKS.hops, WORKS.beside).rows[0].cells
    assert [cell.notes for cell in cells] == [(), (), ("dst by DNAT (nat/DOCKER #2)", "ttl 64→63")]
    assert [cell.faint for cell in cells] == ["", "", "link addresses"]
    assert [cell.since for cell in cells] == ["", "+10 µs", "+20 µs"]


def test_what_is_left_out_is_counted() -> None:
    rows = ladder_table(
        Ladder(columns=COLUMNS, rungs=(Gap(packets=1234, from_us=5, until_us=2e6),)), WORKS.hops, WORKS.beside
    ).rows
    assert rows[0].gap == "1,234 packets left out, from +5 µs to +2.000 s"


@pytest.mark.parametrize(
    ("micro", "words"), [(0, "+0 µs"), (999, "+999 µs"), (1020, "+1.02 ms"), (3.0671e6, "+3.067 s"), (-5, "-5 µs")]
)
def test_a_time_is_said_in_the_unit_that_reads_best(micro: float, words: str) -> None:
    assert since(micro) == words
