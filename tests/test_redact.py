import json
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import job

from snapshotter.api import records
from snapshotter.flatten import JobRows, flatten
from snapshotter.redact import MASK, Redaction
from snapshotter.settings import Variables

WAYS: list[Variables] = ["mask", "hash", "drop"]  # all that hide
KEY = "sixteen-or-more-characters"
SECRET = "hunter2-7f3a"
NAMES = [
    *("password", "passwd", "pwd", "passphrase", "secret", "token", "key", "credential", "auth"),
    "dsn",
]
# HMAC-SHA256 under KEY of "hunter2", as JSON, in quotes: what `openssl dgst -hmac` gives.
HUNTER2 = "hmac:e2438d5eb0433f4b48d8035108e3712e"


def redaction(way: Variables) -> Redaction:
    return Redaction(way, hash_key=KEY if way == "hash" else None)


def rows(redact: Redaction, **fields: Any) -> JobRows:
    return flatten(records.read(json.dumps(job(**fields)).encode()), redact)


HIDDEN = [
    ("by its name", {"password": "hunter2"}, {"password": MASK}),
    ("by a part of its name, in any case", {"DB_PassWord_2": "hunter2"}, {"DB_PassWord_2": MASK}),
    ("each name", dict.fromkeys(NAMES, "hunter2"), dict.fromkeys(NAMES, MASK)),
    ("whole, whatever it is", {"auth": {"user": "u", "pin": [1]}}, {"auth": MASK}),
    ("a number", {"token": 5, "key": 0, "dsn": False}, {"token": MASK, "key": MASK, "dsn": MASK}),
    ("null is not a secret", {"password": None}, {"password": None}),
    ("at any depth", [[{"a": [{"secret": "hunter2"}]}]], [[{"a": [{"secret": MASK}]}]]),
    ("other names are left", {"day": "'1'", "n": [1, None]}, {"day": "'1'", "n": [1, None]}),
    ("variables that are not an object", {"variables": ["a=b"]}, {"variables": MASK}),
    ("in any object", {"a": {"dynamic_variables": "a=b"}}, {"a": {"dynamic_variables": MASK}}),
    ("variables that are null", {"variables": None}, {"variables": None}),
    ("in a URL", {"u": "pg://me:hunter2@db/x"}, {"u": f"pg://me:{MASK}@db/x"}),
    ("in a URL with no user", "redis://:hunter2@db", f"redis://:{MASK}@db"),
    ("with a raw @ in it", "pg://me:hunter2@x@db/a@b", f"pg://me:{MASK}@db/a@b"),
    ("in each URL", "a://b:c@d,e://f:g@h", f"a://b:{MASK}@d,e://f:{MASK}@h"),
    ("a URL with no password", "https://me@db:80/a:b", "https://me@db:80/a:b"),
    (
        "beside a name",
        [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "day", "value": "1"}],
        [{"name": "DB_PASSWORD", "value": MASK}, {"name": "day", "value": "1"}],
    ),
    ("beside a key", {"key": "my_dsn", "value": ["x"]}, {"key": MASK, "value": MASK}),
    ("beside a key of another kind", {"key": "day", "value": 1}, {"key": MASK, "value": 1}),
    (
        "beside a name, null",
        {"name": "password", "value": None},
        {"name": "password", "value": None},
    ),
    (
        "beside what is not a name",
        {"name": ["password"], "value": 1},
        {"name": ["password"], "value": 1},
    ),
]


@pytest.mark.parametrize(
    ("value", "masked"), [case[1:] for case in HIDDEN], ids=[case[0] for case in HIDDEN]
)
def test_what_is_hidden(value: Any, masked: Any) -> None:
    assert Redaction()(value) == masked


TEXT = [
    ("a string", '{"id": 1, "password": "hunter2", ', '{"id": 1, "password": "***", '),
    ("a part, any case", '"DB_PassWord_2" : "hunter2"', '"DB_PassWord_2" : "***"'),
    ("escapes in it", r'"key": "a\"hunter2\\", "b": "\"', r'"key": "***", "b": "\"'),
    ("an escape that is none", r'"key": "\q\"hunter2", "b": 1', '"key": "***", "b": 1'),
    ("a line break in it", '"key": "a\nhunter2", "b": 1', '"key": "***", "b": 1'),
    ("a number", '{"token": -1.5e3, "b": 1', '{"token": "***", "b": 1'),
    ("a number too long to read", f'"key": {"1" * 5000}, "b": 1', '"key": "***"'),
    ("null", '{"token": null, "b": 1', '{"token": null, "b": 1'),
    ("an object", '"auth": {"a": ["}", "hunter2"]}, "b": 1', '"auth": "***", "b": 1'),
    ("too deep to read", '"auth": ' + "[" * 100_000, '"auth": "***"'),
    ("cut short", '{"b": 1, "auth": {"a": "hunt', '{"b": 1, "auth": "***"'),
    ("cut short in a string", '{"b": 1, "key": "hunt', '{"b": 1, "key": "***"'),
    ("cut short before it", '{"b": 1, "key": ', '{"b": 1, "key": '),
    ("no JSON", '"key": hunter2 or 3, "b": 1', '"key": "***"'),
    ("a number that goes on", '"key": 12 hunter2, "b": 1', '"key": "***"'),
    ("a name with escapes", r'"a\"key\"": "hunter2", "b": 1', r'"a\"key\"": "***", "b": 1'),
    (
        "a name spelled out",
        r'"pass\u0077ord": "hunter2", "b": 1',
        r'"pass\u0077ord": "***", "b": 1',
    ),
    ("other names", '"day": "the key", "b": ["key"]', '"day": "the key", "b": ["key"]'),
    (
        "JSON in a string",
        r'"a": "{\"key\": \"h\\\"h\", \"b\": 1}"',
        r'"a": "{\"key\": \"***\", \"b\": 1}"',
    ),
    ("a number there", r'"a": "{\"key\": 5, \"b\": 1}"', r'"a": "{\"key\": \"***\", \"b\": 1}"'),
    ("a URL", '"a": "pg://me:hunter2@db","b":"c@d"', '"a": "pg://me:***@db","b":"c@d"'),
    ("a URL with escapes", r'"a": "pg:\/\/me:hunter2@db"', r'"a": "pg:\/\/me:***@db"'),
]


@pytest.mark.parametrize(
    ("text", "masked"), [case[1:] for case in TEXT], ids=[case[0] for case in TEXT]
)
def test_what_is_hidden_in_text(text: str, masked: str) -> None:
    assert Redaction()(text) == masked
    assert Redaction()([{"body": text}]) == [{"body": masked}]


def test_more_names_by_a_setting() -> None:
    redact = Redaction(more_names=("Kennwort", "a.b", ""))
    value = {"MY_KENNWORT": "hunter2", "a.b": 1, "a-b": 1, "text": '"kennwort": 5'}
    assert redact(value) == {
        "MY_KENNWORT": MASK,
        "a.b": MASK,
        "a-b": 1,
        "text": '"kennwort": "***"',
    }


def test_what_is_hidden_by_its_hash() -> None:
    redact = redaction("hash")
    assert redact(
        {
            "password": "hunter2",
            "n": 1,
            "nothing_secret": None,
            "url": "pg://me:hunter2@db",
            "text": r'"key": "hunter\u0032", "b": 1',
            "pair": {"name": "token", "value": "hunter2"},
            "variables": "hunter2",
        }
    ) == {
        "password": HUNTER2,
        "n": 1,
        "nothing_secret": None,
        "url": f"pg://me:{HUNTER2}@db",
        "text": f'"key": "{HUNTER2}", "b": 1',
        "pair": {"name": "token", "value": HUNTER2},
        "variables": HUNTER2,
    }
    assert redact.variables({"password": "hunter2", "day": "1"}) == {
        "password": HUNTER2,
        "day": "1",
    }


def test_a_hash_is_of_the_value_in_any_spelling() -> None:
    redact = redaction("hash")
    hashed = "hmac:a8604de9b7c52f3cde8fe4f917dec4d9"  # of {"a":"é","b":1}
    assert redact({"key": {"b": 1, "a": "é"}}) == {"key": hashed}
    assert redact(r'"key": {"b": 1, "a": "\u00e9"}') == f'"key": "{hashed}"'
    two_lines = redact({"key": 'a\n"b'})["key"]
    assert redact('"key": "a\n\\"b"') == f'"key": "{two_lines}"'


def test_a_hash_of_text_that_cannot_be_encoded() -> None:
    redact = redaction("hash")
    assert redact({"key": "\ud800"}) != redact({"key": "\ud801"})
    assert str(redact('"auth": ' + "[" * 980 + "]" * 980)).startswith('"auth": "hmac:')


def test_no_hash_without_a_key() -> None:
    for key in (None, ""):
        with pytest.raises(ValueError, match="no key for the hashes"):
            Redaction("hash", hash_key=key)


def test_what_is_dropped() -> None:
    redact = redaction("drop")
    assert redact(
        {
            "id": 1,
            "variables": {"day": "1"},
            "package": {"dynamic_variables": "a=b", "token": "hunter2", "url": "a://b:c@d"},
            "text": '{"variables": {"day": 1}, "b": 1',
        }
    ) == {
        "id": 1,
        "package": {"token": MASK, "url": f"a://b:{MASK}@d"},
        "text": '{"variables": "***", "b": 1',
    }
    assert redact.variables({"day": "1"}) is None


def test_the_columns_of_a_job() -> None:
    fields: dict[str, Any] = {
        "variables": {"password": "hunter2", "day": "1"},
        "dynamic_variables": {"a": {"key": "hunter2"}},
        "settings": {"secret": "hunter2", "variables": {"day": "1"}},
    }
    found = {
        "mask": rows(Redaction(), **fields),
        "hash": rows(redaction("hash"), **fields),
        "keep": rows(Redaction("keep"), **fields),
        "drop": rows(redaction("drop"), **fields),
    }
    assert {
        way: (row.job["variables"], row.job["dynamic_variables"], row.job["extra"])
        for way, row in found.items()
    } == {
        "mask": (
            {"password": MASK, "day": "1"},
            {"a": {"key": MASK}},
            {"settings": {"secret": MASK, "variables": {"day": "1"}}},
        ),
        "hash": (
            {"password": HUNTER2, "day": "1"},
            {"a": {"key": HUNTER2}},
            {"settings": {"secret": HUNTER2, "variables": {"day": "1"}}},
        ),
        "keep": (
            {"password": "hunter2", "day": "1"},
            {"a": {"key": "hunter2"}},
            {"settings": {"secret": "hunter2", "variables": {"day": "1"}}},
        ),
        "drop": (None, None, {"settings": {"secret": MASK}}),
    }


@pytest.mark.parametrize("way", ["mask", "hash"])
def test_variables_that_are_not_an_object(way: Variables) -> None:
    redact = redaction(way)
    assert redact.variables("hunter2") == {"mask": MASK, "hash": HUNTER2}[way]
    assert redact.variables(None) is None


def test_the_modes_are_those_of_the_settings() -> None:
    ways = Redaction.__init__.__annotations__["variables"]
    assert get_args(ways) == get_args(Variables)


def test_a_redaction_never_prints_its_key() -> None:
    assert KEY not in f"{redaction('hash')!r} {redaction('hash')}"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
PARTS = st.sampled_from([spelt for part in NAMES for spelt in (part, part.title())])


@st.composite
def planted(draw: st.DrawFn, affixes: st.SearchStrategy[str]) -> Any:
    """A document that has SECRET under a name that looks secret, at some depth."""
    secret = draw(st.sampled_from([SECRET, f'"{SECRET}\\', [1, {"a": SECRET}]]))
    document: Any = {
        **draw(st.dictionaries(affixes, DOCUMENTS, max_size=2)),
        draw(affixes) + draw(PARTS) + draw(affixes): secret,
    }
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            document = [*draw(st.lists(DOCUMENTS, max_size=2)), document]
        else:
            name = draw(st.sampled_from(["variables", "dynamic_variables"]) | affixes)
            document = {**draw(st.dictionaries(affixes, DOCUMENTS, max_size=2)), name: document}
    return document


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None)
@given(document=planted(st.text(max_size=5)))
def test_a_secret_is_hidden_anywhere(way: Variables, document: Any) -> None:
    assert SECRET in json.dumps(document)
    assert SECRET not in json.dumps(redaction(way)(document))


PLAIN = st.text("abcxyzABC_-. 019", max_size=5)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None)
@given(document=planted(PLAIN), levels=st.integers(1, 3), data=st.data())
def test_a_secret_is_hidden_in_the_text_of_a_document(
    way: Variables, document: Any, levels: int, data: st.DataObject
) -> None:
    text = document
    for _ in range(levels):
        text = json.dumps(text, ensure_ascii=data.draw(st.booleans()))
    cut = data.draw(st.integers(text.index(SECRET) + len(SECRET), len(text)))
    assert SECRET not in redaction(way)(text[:cut])


@settings(deadline=None)
@given(DOCUMENTS | planted(st.text(max_size=5)))
def test_keeping_changes_nothing(document: Any) -> None:
    keep = Redaction("keep")
    assert (keep(document), keep.variables(document)) == (document, document)


PIECES = [*'":,{}[]@/\\ \na5', "key", "null", "://u:p@h"]


@settings(deadline=None)
@given(DOCUMENTS | planted(st.text(max_size=5)) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_what_is_masked_is_masked_once(document: Any) -> None:
    masked = Redaction()(document)
    assert Redaction()(masked) == masked


@settings(deadline=None)
@given(SCALARS | DOCUMENTS, SCALARS | DOCUMENTS)
def test_equal_values_have_equal_hashes_under_one_key(one: Any, other: Any) -> None:
    def hashed(value: Any, key: str = KEY) -> Any:
        return Redaction("hash", hash_key=key).variables({"token": value})["token"]

    for value in (one, other):
        if value is not None:
            again = json.loads(json.dumps(value))
            if isinstance(again, dict):
                again = dict(reversed(again.items()))
            assert hashed(value) == hashed(again)
            assert hashed(value) != hashed(value, KEY + "!")
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (hashed(one) == hashed(other)) == same


@pytest.mark.parametrize("way", ["mask", "hash", "drop"])
def test_what_is_hidden_is_not_changed_again(way: Literal["mask", "hash", "drop"]) -> None:
    """A rejected record is stored redacted, and read again later."""
    redact = Redaction(way, hash_key="a key")
    once = redact({"password": "hunter2", "url": "https://me:hunter2@host/", "variables": {}})
    assert "hunter2" not in str(once)
    assert redact(once) == once
