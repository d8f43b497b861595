"""The rows of an account as a file, page by page, for `floor` to write.

They are copied out of a database that a sync has filled, so that they are the very ones.
"""

import marshal
import sqlite3
from itertools import groupby
from pathlib import Path

from .floor import PAGE

# What a sync writes for each job, and before the first; those that others refer to come first.
_FIRST_PAGE = "where (select min(id) from jobs) between ? and ?"
_OF_JOBS = {
    "accounts": f"select account_id, api_url from accounts {_FIRST_PAGE}",
    "snapshots": f"select * from snapshots {_FIRST_PAGE}",
    "jobs": "select * from jobs where id between ? and ?",
    "job_outputs": "select * from job_outputs where job_id between ? and ?",
    "output_fields": (
        "select f.* from output_fields as f join job_outputs as o on o.id = f.output_id "
        "where o.job_id between ? and ?"
    ),
    "job_changes": "select * from job_changes where job_id between ? and ?",
}


def copy(database: Path, file: Path) -> None:
    """Write the rows of a SQLite database: the columns, then a page after the other, then none."""
    connection = sqlite3.connect(database)
    with file.open("wb") as opened:
        cursors = {table: connection.execute(query, (0, 0)) for table, query in _OF_JOBS.items()}
        columns = {
            table: [column[0] for column in cursor.description] for table, cursor in cursors.items()
        }
        marshal.dump(columns, opened)
        ids = [job_id for (job_id,) in connection.execute("select id from jobs order by id")]
        for _, page in groupby(enumerate(ids), key=lambda place: place[0] // PAGE):
            ends = [job_id for _, job_id in page]
            rows = {
                table: connection.execute(query, (ends[0], ends[-1])).fetchall()
                for table, query in _OF_JOBS.items()
            }
            marshal.dump(rows, opened)
        marshal.dump({}, opened)
    connection.close()
