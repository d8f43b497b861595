"""The table of modules in the design, held to the code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "snapshotter"

# Each module may import those before it that its row names.
MAY_IMPORT = {
    "errors": set(),
    "resources": set(),
    "printable": set(),
    "texts": {"errors"},
    "masking": set(),
    "logs": {"masking", "printable"},
    "streams": {"logs", "printable"},
    "interrupt": {"errors"},
    "settings": {"errors", "texts"},
    "cutting": {"errors"},
    "answers": {"cutting"},
    "mending": {"errors", "cutting", "answers"},
    "payload": {"errors", "cutting", "answers", "mending"},
    "secret_names": set(),
    "secret_text": {"secret_names"},
    "redact": {"secret_names", "secret_text"},
    "paging": {"errors", "payload"},
    "deadlines": set(),
    "bodies": set(),
    "transport": {"bodies", "deadlines"},
    "early": {"paging"},
    "limits": {"errors"},
    "proxies": {"errors"},
    "certificates": {"errors"},
    "decoding": {"errors", "payload"},
    "narrowing": {"errors", "payload", "paging"},
    "verdict": {"errors", "bodies", "masking", "printable", "proxies", "settings"},
    "client": {
        *("errors", "settings", "payload", "paging", "transport", "early", "bodies", "limits"),
        *("masking", "proxies", "certificates", "decoding", "narrowing", "verdict"),
    },
    "fingerprint": set(),
    "flatten": {"answers", "payload", "fingerprint"},
    "models": set(),
    "urls": {"errors"},
    "patience": set(),
    "refusals": {"errors", "printable", "urls"},
    "surroundings": {"errors", "patience"},
    "sqlite_file": {"errors", "patience"},
    "database": {"errors", "patience", "refusals", "sqlite_file", "surroundings", "urls"},
    "revisions": {"database", "errors", "models", "resources"},
    "lock": {"database", "errors"},
    "bulk": {"database"},
    "tables": {"models", "payload"},
    "causes": {"printable"},
    "sizes": set(),
    "write": {"bulk", "flatten", "causes", "sizes", "tables"},
    "load": {"errors", "flatten", "tables", "write"},
    "ids": set(),
    "ledger": {
        *("errors", "paging", "database", "flatten", "ids", "printable", "causes", "tables"),
    },
    "backoff": set(),
    "reasons": set(),
    "rejects": {
        *("payload", "printable", "backoff", "reasons", "causes", "sizes", "tables", "write"),
    },
    "census": {"payload", "tables", "rejects"},
    "run": {
        *("client", "database", "errors", "flatten", "payload", "printable", "redact"),
        *("ledger", "load", "lock", "reasons", "rejects", "sizes", "write"),
    },
    "by_id": {"errors", "payload", "run"},
    "listing": {
        *("client", "errors", "ledger", "paging", "payload", "rejects", "run", "tables"),
    },
    "gone": {"by_id", "census", "client", "errors", "listing", "payload", "rejects", "run"},
    "refresh": {
        *("by_id", "client", "errors", "gone", "paging", "payload", "rejects", "run", "tables"),
    },
    "retry": {"by_id", "errors", "gone", "payload", "rejects", "run"},
    "sync": {
        *("errors", "settings", "client", "redact", "paging", "database", "lock", "logs", "tables"),
        *("ledger", "rejects", "run", "by_id", "listing", "gone", "refresh", "retry"),
    },
    "verify": {
        *("errors", "payload", "redact", "client", "flatten", "load", "ledger", "rejects"),
        "census",
    },
    "status": {"payload", "load", "ledger", "rejects", "texts"},
    "accounts": {"database", "lock", "errors", "ledger", "load", "models", "texts"},
    "differences": set(),
    "trends": {"database", "errors", "resources", "texts"},
    "terminal": {"payload", "printable"},
    "parts": set(),
    "targets": {"errors"},
    "files": {"errors", "interrupt", "parts", "targets"},
    "formats": {"errors", "parts"},
    "export": {
        *("trends", "database", "errors", "models", "targets", "files", "formats", "texts"),
    },
    "bundle": {
        *("trends", "database", "errors", "models", "targets", "files", "formats", "export"),
    },
    "findings": set(),
    "steps": set(),
    "charts": {"findings"},
    "sections": {"findings"},
    "report": {
        *("errors", "models", "database", "trends", "targets", "files"),
        *("findings", "steps", "charts", "sections"),
    },
    "invention": set(),
    "simulator": {"payload", "invention"},
    "demo": {
        *("simulator", "client", "database", "revisions", "errors", "redact", "settings", "sync"),
    },
    "options": {
        *("logs", "settings", "texts", "client", "interrupt", "redact", "database", "revisions"),
    },
    "account_commands": {
        *("accounts", "database", "revisions", "errors", "options", "settings", "streams"),
    },
}
ONLY_IN = {
    "click": {"account_commands", "cli", "entry", "options"},
    "requests": {"client", "transport", "verdict", "bodies", "decoding", "proxies"},
    "pandas": {"formats"},
    "pyarrow": {"formats"},
    "xlsxwriter": {"formats"},
    "plotly": {"report"},
}


def imports(module: str) -> set[str]:
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and is_folder(node.module or ""):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def is_folder(name: str) -> bool:
    return name.startswith("snapshotter") and (PACKAGE.parent / name.replace(".", "/")).is_dir()


def modules() -> set[str]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if not path.stem.startswith("__")
    }


def test_the_table_has_every_module() -> None:
    assert modules() == {*MAY_IMPORT, "cli", "entry"}


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_imports_go_one_way(module: str) -> None:
    own = {
        name.removeprefix("snapshotter.")
        for name in imports(module)
        if name.startswith("snapshotter.")
    }
    assert own - {"__version__"} <= MAY_IMPORT[module]
    assert all(
        list(MAY_IMPORT).index(name) < list(MAY_IMPORT).index(module) for name in MAY_IMPORT[module]
    )


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_has_one_home(library: str) -> None:
    users = {
        module
        for module in modules()
        if any(name.split(".")[0] == library for name in imports(module))
    }
    assert users <= ONLY_IN[library]
    assert users


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from snapshotter.cli import cli\n"
        "try: cli.main(['sync', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'pyarrow', 'alembic', 'sqlalchemy', 'requests', 'msgspec', 'rich'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
