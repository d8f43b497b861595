"""Text as people write it: settings with stray space, files with a byte order mark, typos."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable

from snapshotter.errors import UsageError

_BOM = "\ufeff"


def cleaned(value: str) -> str:
    """Return a setting without the white space, carriage returns and BOM around it."""
    return value.strip(f" \t\r\n\f\v\0\xa0{_BOM}")


def decoded(data: bytes, source: str) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with its BOM, without the BOM.

    Raises `UsageError` for anything else: `source` names the file.
    """
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 text; save it as UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{source} has NUL characters; save it as UTF-8 text")
    return text


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, like `1 job` or `2,000 open jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def no_account(account_id: str, known: Iterable[str]) -> str:
    """Return the message for an account that is not in the database, with a similar name."""
    hint = nearest(account_id, known) or "; 'snapshotter accounts' lists them"
    return f"no account {account_id!r} in this database{hint}"


def in_megabytes(number: int) -> str:
    """Return a number of bytes in millions, like `1,234.5 MB`."""
    return f"{number / 1_000_000:,.1f} MB"


def of_another_account(job_id: int, account_id: str, owner: str) -> str:
    """Return the message for a job that the database has under another account, the `owner`."""
    return (
        f"job {job_id} of account {account_id} is stored under account {owner}: if that account "
        f"has a new name, run 'snapshotter accounts rename {owner} {account_id}', else name "
        "another database"
    )


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return what to write instead of an unknown name: the most similar one, or else all."""
    known = [*dict.fromkeys(names)]
    return nearest(name, known) or f"; known are {', '.join(known)}"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` with the most similar name; empty if none is similar."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    known = {each.casefold(): each for each in names}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.7)
    return f"; did you mean {known[found[0]]!r}?" if found else ""
