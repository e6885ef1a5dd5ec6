from __future__ import annotations

from netprobe.survey.needs import CAPABILITIES, NEEDS, lacking_privileges, lacking_programs

ALL = (1 << 41) - 1


def test_each_absence_has_a_cost_and_a_remedy() -> None:
    lacks = lacking_programs({need.program for need in NEEDS})
    assert len(lacks) == len(NEEDS)
    assert all(lack.cost and lack.hint for lack in lacks)
    assert lacking_programs({"emacs"}) == []


def test_root_with_all_capabilities_lacks_nothing() -> None:
    assert lacking_privileges(0, ALL, "") == []
    assert lacking_privileges(0, None, "") == []
    assert lacking_privileges(None, None, "") == []


def test_each_capability_is_one_bit() -> None:
    for bit, name, _, fatal in CAPABILITIES:
        (lack,) = lacking_privileges(0, ALL & ~(1 << bit), "")
        assert (lack.what, lack.fatal) == (name, fatal)


def test_the_way_to_root_depends_on_where() -> None:
    assert "as root" in lacking_privileges(1000, 0, "")[0].hint
    assert "log in" in lacking_privileges(1000, 0, "", far=True)[0].hint
    assert "sudo -u x" in lacking_privileges(1000, 0, "sudo -u x")[0].hint
