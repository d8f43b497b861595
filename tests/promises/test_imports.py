"""The layout, held to the code: what each folder and each module in it may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "snapshotter"

# Each folder may import the ground, which is the modules beside the folders, and those before it
# that its row names.
FOLDERS: dict[str, set[str]] = {
    "api": set(),
    "flatten": {"api"},
    "store": {"api", "flatten"},
    "sync": {"api", "flatten", "store"},
    "trends": set(),
    "export": {"store", "trends"},
    "report": {"store", "trends"},
    "history": {"api", "store", "sync", "trends", "export", "report"},
    "recipes": {"store"},
    "doctor": {"api", "store", "sync"},
    "simulator": set(),
    "cli": {"api", "store", "sync", "trends", "export", "report", "recipes", "doctor", "simulator"},
}

# Inside a folder each module may import those before it that its row names.
INSIDE: dict[str, dict[str, set[str]]] = {
    "ground": {
        "errors": set(),
        "fingerprint": set(),
        "message_mask": set(),
        "platforms": set(),
        "printable": set(),
        "resources": set(),
        "secret_names": set(),
        "statuses": set(),
        "temporary_files": set(),
        "times": set(),
        "utc_times": set(),
        "interrupt": {"errors"},
        "logs": {"message_mask", "printable"},
        "models": {"utc_times"},
        "secret_text": {"secret_names"},
        "targets": {"errors"},
        "texts": {"errors"},
        "files": {"errors", "interrupt", "targets", "temporary_files"},
        "settings": {"errors", "texts"},
        "statements": {"errors", "resources", "texts"},
        "datasette": {"models", "statements"},
        "key_sources": {"errors", "settings", "texts"},
        "redact": {"secret_names", "secret_text", "settings"},
        "configuration": {
            "errors",
            "key_sources",
            "logs",
            "secret_names",
            "secret_text",
            "settings",
            "texts",
        },
        "configuration_text": {"key_sources", "settings"},
        "configured_accounts": {
            "configuration",
            "errors",
            "key_sources",
            "logs",
            "settings",
            "texts",
        },
    },
    "api": {
        "bodies": set(),
        "certificates": set(),
        "cutting": set(),
        "deadlines": set(),
        "limits": set(),
        "proxies": set(),
        "decoding": {"cutting"},
        "prefetch": {"bodies", "deadlines"},
        "schema": {"cutting"},
        "transport": {"bodies", "deadlines"},
        "verdict": {"bodies", "proxies"},
        "coercion": {"cutting", "schema"},
        "ping": {"certificates", "deadlines", "proxies", "transport"},
        "retry": {"bodies", "limits", "transport", "verdict"},
        "records": {"coercion", "cutting", "schema"},
        "summaries": {"coercion", "schema"},
        "paging": {"records"},
        "narrowing": {"paging", "records", "retry"},
        "prefetch_plan": {"paging"},
        "lists": {"bodies", "decoding", "narrowing", "paging", "records", "retry", "transport"},
        "one_job": {"bodies", "decoding", "lists", "records", "retry", "summaries", "transport"},
        "updates": {"lists", "narrowing", "records"},
        "read_ahead": {
            "bodies",
            "lists",
            "narrowing",
            "one_job",
            "paging",
            "prefetch",
            "prefetch_plan",
            "records",
            "retry",
            "transport",
        },
        "client": {
            "bodies",
            "certificates",
            "decoding",
            "limits",
            "lists",
            "narrowing",
            "one_job",
            "paging",
            "proxies",
            "read_ahead",
            "records",
            "retry",
            "summaries",
            "transport",
            "updates",
        },
        "probe": {"certificates", "client", "decoding", "proxies", "transport", "verdict"},
    },
    "store": {
        "backoff": set(),
        "driver_errors": set(),
        "error_scope": set(),
        "ids": set(),
        "ownership": set(),
        "postgresql_views": set(),
        "reject_payload": set(),
        "reject_reasons": set(),
        "schema_differences": set(),
        "sizes": set(),
        "tables": set(),
        "urls": set(),
        "wait_limit": set(),
        "deferred": {"tables"},
        "fallback": {"error_scope"},
        "owned": {"tables"},
        "rejects": {"backoff", "reject_payload", "reject_reasons", "tables"},
        "server_setup": {"wait_limit"},
        "sqlite_connection": {"wait_limit"},
        "session_setup": {"driver_errors", "server_setup", "urls"},
        "sqlite_file": {"sqlite_connection", "wait_limit"},
        "engine": {
            "driver_errors",
            "server_setup",
            "session_setup",
            "sqlite_file",
            "urls",
            "wait_limit",
        },
        "backup": {"driver_errors", "engine", "ownership"},
        "bulk": {"engine", "session_setup"},
        "ledger": {"engine", "error_scope", "ids", "tables"},
        "lock": {"engine", "session_setup"},
        "log_summaries": {"backoff", "engine", "fallback", "sizes", "tables"},
        "views": {"engine", "postgresql_views"},
        "accounts": {"engine", "lock", "owned", "tables"},
        "creation": {"bulk", "sizes", "tables", "views"},
        "output_days": {"lock", "tables"},
        "prepared": {"bulk", "tables"},
        "database_copy": {
            "accounts",
            "bulk",
            "engine",
            "error_scope",
            "ownership",
            "sizes",
            "tables",
        },
        "diff": {"prepared", "tables"},
        "revisions": {"creation", "deferred", "engine", "output_days", "ownership", "views"},
        "vacuum": {"accounts", "driver_errors", "engine", "tables"},
        "write": {"bulk", "error_scope", "output_days", "prepared", "sizes", "tables"},
        "load": {"diff", "prepared", "tables", "write"},
        "opening": {"engine", "revisions", "urls", "wait_limit"},
        "pruned": {"prepared", "tables", "write"},
        "set_aside": {
            "backoff",
            "error_scope",
            "fallback",
            "reject_payload",
            "rejects",
            "sizes",
            "tables",
            "write",
        },
        "prune": {
            "bulk",
            "lock",
            "output_days",
            "owned",
            "pruned",
            "reject_payload",
            "rejects",
            "sizes",
            "tables",
        },
    },
    "sync": {
        "context": set(),
        "reconcile": set(),
        "status": set(),
        "summary": set(),
        "metrics": {"status"},
        "run": {"context"},
        "account_size": {"run"},
        "by_id": {"run"},
        "first_load": {"run"},
        "gone": {"reconcile", "run"},
        "listing": {"run"},
        "log_summaries": {"run"},
        "several": {"run"},
        "count": {"by_id", "gone", "listing", "reconcile", "run"},
        "retry_rejects": {"by_id", "gone", "run"},
        "verify": {"context", "gone", "reconcile", "run"},
        "refresh": {"by_id", "count", "gone", "run"},
        "sync": {
            "by_id",
            "context",
            "count",
            "first_load",
            "gone",
            "listing",
            "log_summaries",
            "refresh",
            "retry_rejects",
            "run",
        },
        "account_run": {"context", "run", "sync"},
    },
    "trends": {
        "cells": set(),
        "filters": set(),
        "values": set(),
        "job_links": {"cells", "values"},
        "layout": {"values"},
        "markdown": {"values"},
        "sparklines": {"cells", "values"},
        "trends": {"filters", "values"},
        "fitting": {"layout"},
        "standalone": {"filters", "trends"},
        "view": {"sparklines", "values"},
        "lines": {"fitting"},
        "terminal": {"cells", "fitting", "layout", "lines", "sparklines", "values", "view"},
    },
    "export": {
        "formulas": set(),
        "selection": set(),
        "sink": set(),
        "spreadsheet": set(),
        "style": {"spreadsheet"},
        "parquet": {"style"},
        "sheets": {"style"},
        "spool": {"style"},
        "excel": {"sheets", "style"},
        "formats": {"excel", "formulas", "parquet", "sink", "spreadsheet", "style"},
        "export": {"formats", "selection", "spool", "style"},
        "bundle": {"export", "selection", "style"},
        "frames": {"export", "style"},
        "request": {"bundle", "export", "selection", "style"},
    },
    "report": {
        "evidence": set(),
        "rendering": set(),
        "rows": set(),
        "sections": set(),
        "svg": set(),
        "words": set(),
        "jobs": {"rows"},
        "packages": {"rows"},
        "policy": {"evidence", "rows", "sections", "words"},
        "stills": {"svg"},
        "totals": {"rows"},
        "charts": {"packages", "rows"},
        "failing": {"evidence", "policy", "rows", "words"},
        "odd_volumes": {"evidence", "policy", "rows", "words"},
        "pages": {"jobs", "rows"},
        "slower": {"evidence", "policy", "rows", "words"},
        "sums": {"jobs"},
        "answers": {"jobs", "pages", "rows", "sums", "totals"},
        "findings": {"evidence", "failing", "odd_volumes", "policy", "rows", "slower", "words"},
        "digest": {"answers", "findings", "jobs", "policy", "rows", "words"},
        "links": {"answers", "rows"},
        "tiles": {"answers", "totals", "words"},
        "digest_formats": {"digest", "words"},
        "tables": {"answers", "links", "packages", "rows", "sections", "words"},
        "page": {
            "answers",
            "charts",
            "findings",
            "links",
            "packages",
            "rendering",
            "sections",
            "stills",
            "tables",
            "tiles",
            "words",
        },
        "report": {"answers", "page"},
    },
    "history": {
        "options": set(),
        "history": {"options"},
    },
    "recipes": {
        "quoting": set(),
        "installation": {"quoting"},
        "recipes": {"installation", "quoting"},
    },
    "doctor": {
        "report": set(),
        "configuration": {"report"},
        "disk": {"report"},
        "files": {"report"},
        "mariadb": {"report"},
        "network": {"report"},
        "postgresql": {"report"},
        "runs": {"report"},
        "schema": {"report"},
        "service": {"report"},
        "sqlite": {"report"},
        "database": {"mariadb", "postgresql", "report", "sqlite"},
        "doctor": {
            "configuration",
            "database",
            "disk",
            "files",
            "network",
            "report",
            "runs",
            "schema",
            "service",
        },
    },
    "simulator": {
        "faults": set(),
        "history": set(),
        "lag": set(),
        "account": {"faults", "history", "lag"},
        "api": {"account", "faults", "history"},
        "server": {"account", "api", "faults"},
    },
    "cli": {
        "confirm": set(),
        "file_values": set(),
        "option_names": set(),
        "parameters": set(),
        "streams": set(),
        "configuration": {"file_values", "option_names", "parameters"},
        "candidates": {"configuration"},
        "connections": {"configuration"},
        "endings": {"connections", "streams"},
        "new_configuration": {"connections"},
        "next_step": {"configuration", "connections"},
        "options": {"candidates", "configuration", "connections", "parameters"},
        "shown_settings": {"configuration", "connections", "option_names"},
        "accounts": {"confirm", "connections", "options", "streams"},
        "completion": {"options", "streams"},
        "config": {"configuration", "options", "shown_settings", "streams"},
        "db_backup": {"connections", "options", "streams"},
        "db_copy": {"connections", "options", "parameters", "streams"},
        "db_prune": {"confirm", "connections", "options", "parameters", "streams"},
        "db_vacuum": {"connections", "options", "streams"},
        "digest": {"connections", "options", "parameters", "streams"},
        "doctor": {"configuration", "options", "parameters", "shown_settings", "streams"},
        "each_account": {"endings", "streams"},
        "export": {"candidates", "connections", "options", "streams"},
        "init_questions": {"configuration", "connections", "new_configuration"},
        "recipe": {"candidates", "configuration", "options", "streams"},
        "report": {"connections", "options", "streams"},
        "reporting": {"endings", "streams"},
        "sections": {"options"},
        "status": {"configuration", "connections", "next_step", "options", "parameters", "streams"},
        "db": {
            "connections",
            "db_backup",
            "db_copy",
            "db_prune",
            "db_vacuum",
            "options",
            "streams",
        },
        "init": {"init_questions", "new_configuration", "options", "streams"},
        "progress": {"each_account"},
        "trends": {"candidates", "connections", "export", "options", "parameters", "streams"},
        "verify": {"connections", "each_account", "next_step", "options", "parameters", "streams"},
        "demo": {"connections", "options", "parameters", "streams", "trends"},
        "sync": {
            "candidates",
            "connections",
            "each_account",
            "options",
            "parameters",
            "progress",
            "reporting",
        },
        "rejects": {"configuration", "connections", "next_step", "options", "streams", "sync"},
        "entry": {
            "accounts",
            "completion",
            "config",
            "db",
            "demo",
            "digest",
            "doctor",
            "endings",
            "export",
            "init",
            "option_names",
            "recipe",
            "rejects",
            "report",
            "sections",
            "status",
            "streams",
            "sync",
            "trends",
            "verify",
        },
    },
}
ONLY_IN = {
    "click": {"cli"},
    "requests": {"api"},
    "pandas": {"export"},
    "pyarrow": {"export"},
    "xlsxwriter": {"export"},
    "jinja2": {"recipes", "report"},
    "prometheus_client": {"sync"},
    "markupsafe": {"report"},
}


def modules() -> dict[str, set[str]]:
    """Return the modules of each folder by their names in it."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if not path.stem.startswith("__"):
            *folders, name = path.relative_to(PACKAGE).with_suffix("").parts
            found.setdefault(folder_of([*folders, name]), set()).add(name)
    return found


def folder_of(parts: list[str]) -> str:
    if len(parts) > 1:
        return parts[0]
    return parts[0] if parts[0] in FOLDERS else "ground"


def imports(folder: str, name: str) -> set[str]:
    """Return what a module imports, by its whole name."""
    path = PACKAGE / f"{name}.py" if folder in ("ground", name) else None
    if path is None or not path.is_file():
        path = PACKAGE / folder / f"{name}.py"
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = node.module or ""
            is_folder = (PACKAGE.parent / whole.replace(".", "/")).is_dir()
            found |= {f"{whole}.{alias.name}" for alias in node.names} if is_folder else {whole}
    return found


def own_imports(folder: str, name: str) -> list[tuple[str, str]]:
    """Return the project's modules that a module imports: folder and name."""
    whole = {each for each in imports(folder, name) if each.startswith("snapshotter.")}
    parts = [each.split(".")[1:] for each in whole - {"snapshotter.__version__"}]
    return [(folder_of(each), each[-1]) for each in parts]


def test_the_tables_have_every_module() -> None:
    listed = {folder: set(rows) for folder, rows in INSIDE.items()}
    listed |= {name: {name} for name in FOLDERS if name not in INSIDE}
    assert modules() == listed


@pytest.mark.parametrize("folder", [*INSIDE, *(set(FOLDERS) - set(INSIDE))])
def test_a_folder_imports_those_below_it(folder: str) -> None:
    allowed = {"ground", folder} | FOLDERS.get(folder, set())
    for name in modules()[folder]:
        assert {other for other, _ in own_imports(folder, name)} <= allowed, name


def test_folders_import_one_way() -> None:
    for place, (folder, below) in enumerate(FOLDERS.items()):
        assert below <= set(list(FOLDERS)[:place]), folder


@pytest.mark.parametrize(
    ("folder", "name"), [(folder, name) for folder, rows in INSIDE.items() for name in rows]
)
def test_modules_of_a_folder_import_one_way(folder: str, name: str) -> None:
    rows = INSIDE[folder]
    inside = {other for where, other in own_imports(folder, name) if where == folder}
    assert inside <= rows[name]
    assert rows[name] <= set(list(rows)[: list(rows).index(name)])


@pytest.mark.slow
@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_has_one_home(library: str) -> None:
    homes = {
        folder
        for folder, names in modules().items()
        for name in names
        if library in {each.split(".")[0] for each in imports(folder, name)}
    }
    assert homes == ONLY_IN[library]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from snapshotter.cli.entry import group\n"
        "try: group().main(['sync', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'pyarrow', 'alembic', 'sqlalchemy', 'requests', 'msgspec', 'rich'}\n"
        "heavy |= {'tomllib', 'platformdirs', 'keyring'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
