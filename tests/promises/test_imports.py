"""The table of modules in the design, held to the code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "snapshotter"

# Each module may import those before it that its row names.
MAY_IMPORT = {
    "errors": set(),
    "resources": set(),
    "statuses": set(),
    "times": set(),
    "printable": set(),
    "masking": set(),
    "secret_names": set(),
    "api.deadlines": set(),
    "api.bodies": set(),
    "fingerprint": set(),
    "models": set(),
    "store.patience": set(),
    "store.sizes": set(),
    "store.ids": set(),
    "store.backoff": set(),
    "store.reasons": set(),
    "store.schema_differences": set(),
    "parts": set(),
    "report.steps": set(),
    "simulator.history": set(),
    "texts": {"errors"},
    "logs": {"masking", "printable"},
    "interrupt": {"errors"},
    "api.cutting": {"errors"},
    "secret_text": {"secret_names"},
    "api.transport": {"api.bodies", "api.deadlines"},
    "api.limits": {"errors"},
    "api.proxies": {"errors"},
    "api.certificates": {"errors"},
    "store.urls": {"errors"},
    "store.refusals": {"errors", "printable"},
    "store.surroundings": {"errors", "store.patience"},
    "store.sqlite_file": {"errors", "store.patience"},
    "store.tables": {"models", "statuses"},
    "store.causes": {"printable"},
    "trends.terminal": {"printable", "times"},
    "targets": {"errors"},
    "export.formats": {"errors", "parts", "times"},
    "report.findings": {"times"},
    "simulator.account": {"simulator.history"},
    "cli.streams": {"logs", "printable"},
    "settings": {"errors", "texts"},
    "api.schema": {"api.cutting"},
    "redact": {"secret_names", "secret_text"},
    "store.engine": {
        "errors",
        "store.patience",
        "store.refusals",
        "store.sqlite_file",
        "store.surroundings",
        "store.urls",
    },
    "trends.trends": {"errors", "resources", "texts"},
    "files": {"errors", "interrupt", "parts", "targets"},
    "report.charts": {"report.findings"},
    "report.sections": {"report.findings", "times"},
    "api.mending": {"api.cutting", "api.schema", "errors"},
    "api.verdict": {"api.bodies", "api.proxies", "errors", "masking", "printable", "settings"},
    "store.revisions": {"errors", "models", "resources", "store.engine"},
    "store.lock": {"errors", "store.engine"},
    "store.bulk": {"store.engine"},
    "export.export": {
        "errors",
        "export.formats",
        "files",
        "models",
        "store.engine",
        "targets",
        "texts",
        "times",
        "trends.trends",
    },
    "report.report": {
        "errors",
        "files",
        "models",
        "report.charts",
        "report.findings",
        "report.sections",
        "report.steps",
        "store.engine",
        "targets",
        "trends.trends",
    },
    "api.records": {"api.cutting", "api.mending", "api.schema", "errors", "times"},
    "export.bundle": {
        "errors",
        "export.export",
        "export.formats",
        "files",
        "store.engine",
        "targets",
        "times",
        "trends.trends",
    },
    "api.retry": {"api.bodies", "api.limits", "api.transport", "api.verdict", "errors", "masking"},
    "api.paging": {"api.records", "errors"},
    "api.decoding": {"api.records", "errors"},
    "flatten": {"api.records", "api.schema", "fingerprint", "statuses", "times"},
    "api.prefetch": {"api.bodies", "api.paging"},
    "api.narrowing": {"api.paging", "api.records", "api.retry", "errors"},
    "store.ledger": {
        "api.paging",
        "errors",
        "printable",
        "store.causes",
        "store.engine",
        "store.ids",
        "store.tables",
        "times",
    },
    "store.prepared": {"api.records", "flatten", "store.bulk", "store.tables"},
    "store.write": {
        "flatten",
        "store.bulk",
        "store.causes",
        "store.prepared",
        "store.sizes",
        "store.tables",
    },
    "store.diff": {"flatten", "store.prepared", "store.tables"},
    "api.lists": {
        "api.bodies",
        "api.decoding",
        "api.narrowing",
        "api.paging",
        "api.records",
        "api.retry",
        "api.transport",
        "masking",
    },
    "api.client": {
        "api.certificates",
        "api.decoding",
        "api.limits",
        "api.lists",
        "api.narrowing",
        "api.paging",
        "api.prefetch",
        "api.proxies",
        "api.records",
        "api.retry",
        "api.transport",
        "errors",
        "masking",
        "settings",
        "times",
    },
    "store.load": {
        "errors",
        "flatten",
        "store.diff",
        "store.prepared",
        "store.tables",
        "store.write",
    },
    "store.rejects": {
        "api.records",
        "printable",
        "store.backoff",
        "store.causes",
        "store.reasons",
        "store.sizes",
        "store.tables",
        "store.write",
    },
    "cli.options": {
        "api.client",
        "interrupt",
        "logs",
        "redact",
        "settings",
        "store.engine",
        "store.revisions",
        "texts",
    },
    "sync.reconcile": {"api.records", "store.rejects", "store.tables", "times"},
    "sync.run": {
        "api.client",
        "api.records",
        "errors",
        "printable",
        "redact",
        "statuses",
        "store.ledger",
        "store.load",
        "store.lock",
        "store.prepared",
        "store.reasons",
        "store.rejects",
        "store.sizes",
    },
    "sync.status": {"store.ledger", "store.load", "store.rejects", "texts", "times"},
    "store.accounts": {
        "errors",
        "models",
        "store.engine",
        "store.ledger",
        "store.load",
        "store.lock",
        "texts",
    },
    "sync.by_id": {"api.records", "errors", "sync.run"},
    "sync.listing": {
        "api.client",
        "api.paging",
        "api.records",
        "errors",
        "store.ledger",
        "store.prepared",
        "store.rejects",
        "store.tables",
        "sync.run",
    },
    "sync.verify": {
        "api.client",
        "api.records",
        "errors",
        "flatten",
        "redact",
        "statuses",
        "store.ledger",
        "store.load",
        "store.rejects",
        "sync.reconcile",
    },
    "cli.accounts": {
        "cli.options",
        "cli.streams",
        "errors",
        "settings",
        "store.accounts",
        "store.engine",
        "store.revisions",
        "times",
    },
    "sync.gone": {
        "api.client",
        "api.records",
        "errors",
        "store.rejects",
        "sync.by_id",
        "sync.listing",
        "sync.reconcile",
        "sync.run",
    },
    "sync.refresh": {
        "api.client",
        "api.paging",
        "errors",
        "statuses",
        "store.rejects",
        "store.tables",
        "sync.by_id",
        "sync.gone",
        "sync.run",
    },
    "sync.retry_rejects": {
        "api.records",
        "errors",
        "store.rejects",
        "sync.by_id",
        "sync.gone",
        "sync.run",
    },
    "sync.sync": {
        "api.client",
        "api.paging",
        "errors",
        "logs",
        "redact",
        "settings",
        "store.engine",
        "store.ledger",
        "store.lock",
        "store.rejects",
        "store.tables",
        "sync.by_id",
        "sync.gone",
        "sync.listing",
        "sync.refresh",
        "sync.retry_rejects",
        "sync.run",
    },
    "cli.demo": {
        "api.client",
        "errors",
        "redact",
        "settings",
        "simulator.account",
        "store.engine",
        "store.revisions",
        "sync.sync",
    },
}
ONLY_IN = {
    "click": {"cli.accounts", "cli.commands", "cli.entry", "cli.options"},
    "requests": {
        "api.client",
        "api.lists",
        "api.retry",
        "api.transport",
        "api.verdict",
        "api.bodies",
        "api.decoding",
        "api.proxies",
    },
    "pandas": {"export.formats"},
    "pyarrow": {"export.formats"},
    "xlsxwriter": {"export.formats"},
    "plotly": {"report.report"},
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
    assert modules() == {*MAY_IMPORT, "cli.commands", "cli.entry"}


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
        "import sys; from snapshotter.cli.commands import cli\n"
        "try: cli.main(['sync', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'pyarrow', 'alembic', 'sqlalchemy', 'requests', 'msgspec', 'rich'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
