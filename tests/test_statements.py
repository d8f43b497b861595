"""The SQL files and their parameters, as text."""

from pathlib import Path

import pytest
from sqlalchemy import text

from snapshotter import statements
from snapshotter.errors import UsageError

SOURCE = """\
-- Which jobs? It's at 100 % :now
--
select id, ':no' as a, -- :none
    "b:no" /* :none
'either */ from jobs
where :package_id is null or package_id=:package_id or day > :since or x::int > 0;
-- the end
"""


def test_the_shipped_files_have_the_names_of_trends() -> None:
    files = statements.files()
    assert list(files) == sorted(files)
    assert {"recovery", "runtime_by_week"} < set(files)
    assert all(statements.source(path).startswith("-- ") for path in files.values())


def test_other_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("select 1")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.sql").mkdir()
    assert statements.files_in(tmp_path) == {"mine": tmp_path / "mine.sql"}


def test_the_question_is_the_first_line_if_that_is_a_comment() -> None:
    assert statements.question(SOURCE) == "Which jobs? It's at 100 % :now"
    assert statements.question("select 1\n-- one\n") == ""
    assert statements.question("") == ""


def test_a_bare_statement_keeps_its_lines() -> None:
    lines = statements.bare(SOURCE).split("\n")
    assert lines == [
        "",
        "",
        "select id, ':no' as a,",
        '    "b:no" ',
        " from jobs",
        "where :package_id is null or package_id=:package_id or day > :since or x::int > 0",
    ]
    assert statements.bare("select/* one */1 ;\n--;\n") == "select 1 "
    assert statements.bare("select '--;', \"/*\" from x;") == "select '--;', \"/*\" from x"


def test_a_bare_statement_keeps_what_mariadb_runs_of_a_comment() -> None:
    statement = "select 1 from x /*! force index (y) */"
    assert statements.bare(f"{statement};") == statement


def test_parameters_are_outside_texts_and_comments() -> None:
    assert statements.parameters(SOURCE) == {"package_id", "since"}
    spelled = statements.with_parameters(SOURCE, "${}".format)
    assert spelled.endswith(
        "where $package_id is null or package_id=$package_id or day > $since or x::int > 0;\n"
        "-- the end\n"
    )
    assert spelled.startswith(SOURCE.partition("where")[0])


def test_an_escaped_statement_has_the_same_parameters_for_sqlalchemy() -> None:
    compiled = text(statements.escaped("select ':a', \"b:c\", '\\:d' where x = :e")).compile()
    assert set(compiled.params) == {"e"}
    assert str(compiled) == "select ':a', \"b:c\", ':d' where x = :e"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_editors_save_it(tmp_path: Path, newline: str, encoding: str) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(SOURCE.replace("\n", newline).encode(encoding))
    assert statements.source(path) == SOURCE


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none\.sql: No such file"):
        statements.source(tmp_path / "none.sql")


def test_the_columns_of_a_head() -> None:
    head = (
        "-- Why?\n--\n-- grain: a row\n-- columns: day, runs (completed, failed (or\n"
        "--   stopped)), share\n--\n-- more\nselect 1;\n"
    )
    assert statements.columns(head) == {
        "day": "",
        "runs": "completed, failed (or stopped)",
        "share": "",
    }
    assert statements.columns("select 1") == {}


def test_the_views_are_the_trends_and_more() -> None:
    assert {*statements.view_files()} == {*statements.files(), "packages"}
