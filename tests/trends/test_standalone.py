"""A trend as one statement for other tools."""

from datetime import date
from pathlib import Path

import pytest

from snapshotter.errors import UsageError
from snapshotter.trends.filters import Filters
from snapshotter.trends.standalone import filled, for_duckdb

MINE = """\
-- Mine?
--
-- more about :it
select id, ':a' as b -- the end;
from jobs
where account_id = :account_id and package_id = :package_id and run_date >= :since; -- :end
"""


def test_the_filters_are_literals(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text(MINE)
    filters = Filters(date(2026, 1, 5), package_id=434, account_id="o'brien")
    assert filled("mine", filters, tmp_path) == (
        "-- Mine?\n"
        "select id, ':a' as b\n"
        "from jobs\n"
        "where account_id = 'o''brien' and package_id = 434 and run_date >= '2026-01-05';\n"
    )
    assert "account_id = null and package_id = null" in filled("mine", Filters(), tmp_path)


def test_parameters_as_duckdb_spells_them(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text(MINE)
    assert for_duckdb("mine", tmp_path).endswith(
        "where account_id = $account_id and package_id = $package_id and run_date >= $since;\n"
    )


@pytest.mark.parametrize("text", ["a\\' or 1 = 1 -- ", "a\nb", "a\0b", "\x1b[2J"])
def test_no_literal_is_read_differently_by_some_engine(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be written into a statement"):
        filled("recovery", Filters(account_id=text))


def test_a_parameter_that_no_option_sets_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("select :job_id")
    with pytest.raises(UsageError, match="mine has a parameter that no option sets: 'job_id'"):
        filled("mine", Filters(), tmp_path)


def test_an_unknown_trend_is_refused() -> None:
    with pytest.raises(UsageError, match="no trend 'recoverie'; did you mean 'recovery'"):
        for_duckdb("recoverie")
