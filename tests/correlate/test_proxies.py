"""docker-proxy's pairs among many: by what is handed on and when, never by order alone."""

from __future__ import annotations

import flows_made
import numpy as np

from netprobe.correlate.join import join
from netprobe.correlate.joined import Role


def proxied(count: int = 30_000) -> flows_made.Made:
    """A made host, at fifty times its pace, on which every proxied connection carries the same request and the same answer."""
    case = flows_made.faster(flows_made.made(count, 3), 50)
    case = flows_made.chosen(case, np.isin(case.path, ("proxy", "inner")))
    rows = case.rows
    for name in ("data_digest", "data_length", "data_kept"):
        rows[name] = rows[name][0]
    rows["next"] = (rows["isn"] + 2 + rows["data_length"][0]) & 0xFFFFFFFF
    rows["acked"] = rows["next"][:, ::-1]
    return case


def test_equal_requests_are_told_apart_by_when_they_were_relayed() -> None:
    case = proxied()
    joined = join(case.rows, case.points)
    count, found, wrong = flows_made.pairs(case, joined)
    assert wrong == 0
    assert found > 0.9 * count
    unpaired = (joined.role == int(Role.PLAIN)) & (joined.begin[1:] - joined.begin[:-1] == 1)
    assert joined.unclear[unpaired].mean() > 0.9, "what could be a proxy's is said to be unclear"


def unanswered() -> flows_made.Made:
    """Inner connections that nobody answered: they carry nothing by which they are anybody's."""
    case = proxied()
    rows, inner = case.rows, case.outer >= 0
    for name, value in (("data_length", -1), ("data_kept", 0), ("data_digest", 0), ("data_ns", -1), ("fin_ns", -1)):
        rows[name][inner] = value
    rows["packets"][inner, 1] = rows["syn_acks"][inner, 1] = 0
    rows["isn"][inner, 1] = rows["acked"][inner] = rows["next"][inner] = -1
    return case


def test_among_many_order_alone_pairs_nobody() -> None:
    case = unanswered()
    outer = case.path == "proxy"
    for name, value in (("data_length", -1), ("data_kept", 0), ("data_digest", 0), ("data_ns", -1)):
        case.rows[name][:, 1] = value
    joined = join(case.rows, case.points)
    assert (joined.inner_of[joined.connection[outer]] < 0).mean() > 0.98, "but for the last of them, when few began"
    assert joined.unclear[joined.connection[outer]].mean() > 0.5
    assert joined.may_go_on[joined.connection].mean() > 0.5, (
        "neither these nor what may be theirs have a path that is known"
    )


def test_who_was_answered_has_no_inner_connection_that_was_not() -> None:
    case = unanswered()
    joined = join(case.rows, case.points)
    assert not joined.unclear.any()
    assert not joined.may_go_on.any()
