"""Several simulated accounts, named by a configuration file, for the real command."""

from contextlib import ExitStack
from pathlib import Path

import command
from command import Done

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve

NAMES = ("acme", "globex", "initech")


class Accounts:
    """Three accounts with a job each, and the folder of their configuration file."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.accounts = {name: SimulatedAccount(name, f"key-of-{name}") for name in NAMES}
        self.urls = {
            name: stack.enter_context(serve(account)) for name, account in self.accounts.items()
        }
        for number, account in enumerate(self.accounts.values(), 1):
            account.add_job(id=number)
        self.configure()

    def __getitem__(self, name: str) -> SimulatedAccount:
        return self.accounts[name]

    def configure(self, **keys: str) -> None:
        """Write the file; `keys` are lines in the place of an account's key."""
        tables = [
            f"[accounts.{name}]\napi_url = '{self.urls[name]}'\n"
            + keys.get(name, f"api_key = '{account.api_key}'")
            for name, account in self.accounts.items()
        ]
        path = self.folder / "snapshotter.toml"
        path.write_text("\n".join(tables))
        path.chmod(0o600)

    def run(self, *words: str, **environment: str) -> Done:
        done = command.run(words, cwd=self.folder, env=environment)
        assert "Traceback" not in done.stderr
        assert not any(account.api_key in done.stdout + done.stderr for account in self.each)
        return done

    @property
    def each(self) -> list[SimulatedAccount]:
        return [*self.accounts.values()]
