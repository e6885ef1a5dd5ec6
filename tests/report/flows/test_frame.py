from __future__ import annotations

from netprobe.flowtable.fields import FIELDS
from netprobe.flowtable.series import Codes, Numbers, Seconds, Times, Truths
from netprobe.report.flows.frame import frame
from tests.flowtable.rows import BEGUN_NS, every, several

DTYPES = {
    Numbers: ("int64", "Int64"),
    Seconds: ("float64",),
    Times: ("datetime64[ns, UTC]",),
    Truths: ("bool",),
    Codes: ("category",),
}


def test_dtypes() -> None:
    for count in (0, 30):
        table = several(count)
        made = frame(table, every(table))
        for field in FIELDS:
            dtype = str(made[field.name].dtype)
            assert dtype in DTYPES.get(field.kind, ("str", "object")), field.name
            assert (dtype == "int64") == (field.kind is Numbers and field.always), field.name


def test_values_and_units() -> None:
    table = several(30)
    made = frame(table, every(table)[::-1])
    assert made.index.tolist() == list(range(30))
    assert made["flow"].tolist() == list(range(30, 0, -1))
    assert made["first"].min().value >= BEGUN_NS
    assert set(made.loc[made["proto"] == "tcp", "rtt"]) == {0.000412345}
    assert made.loc[made["proto"] != "tcp", "rtt"].isna().all()
