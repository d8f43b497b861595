"""Secrets in text are hidden, and what is not secret stays readable."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import job

from snapshotter.api import records
from snapshotter.flatten import JobRows, flatten
from snapshotter.redact import Redaction

MASKING = Redaction()
SECRET = "hunter2-7f3a"
PEM = "-----BEGIN RSA PRIVATE KEY-----\n@\n-----END RSA PRIVATE KEY-----"

# `@` is the secret. What is beside it stays.
FORMS = [
    "jdbc:postgresql://h:5432/x?user=joe&password=@",
    "jdbc:mysql://h/x?password=@&user=joe",
    "jdbc:sqlserver://h:1433;databaseName=x;user=joe;password=@;encrypt=true",
    "DSN=;UID=joe;PWD=@;",
    "jdbc:oracle:thin:scott/@@h:1521:x",
    "https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature=@",
    "https://b.s3.amazonaws.com/k?X-Amz-Credential=@&X-Amz-Expires=60",
    "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=@",
    "https://acc.blob.core.windows.net/c/f?sv=2020&sig=@&se=2021",
    "https://storage.googleapis.com/x?Expires=1&Signature=@",
    "https://x/y?access_token=@&a=b",
    "https://x/y?token=@#top",
    "https://x/y?key=@",
    "?url=jdbc%3Apostgresql%3A%2F%2Fh%3Fuser%3Djoe%26password%3D@%26a%3Db",
    r"jdbc:x?user\u003djoe\u0026password\u003d@\u0026ssl\u003dtrue",
    "could not log in: password=@, user joe",
    "could not log in with pwd=@",
    "pass: @",
    "Password : @",
    "db.pass=@",
    "dbPassword=@",
    "api_key=@ for joe",
    "api-key: @",
    "apikey = '@'",
    "Authorization: Bearer @",
    "Authorization: Basic @",
    "authorization: @",
    "curl -H 'Authorization: token @' https://x",
    "sent Bearer @",
    "Cookie: session=@; more=@",
    "aws_secret_access_key = @",
    "mysql --password=@ --user=joe",
    "mysql --password @ joe",
    "create user joe identified by '@'",
    "alter user joe password '@'",
    "<user>joe</user><password>@</password>",
    "{'password': '@', 'user': 'joe'}",
    '{:password=>"@", :user=>"joe"}',
    "config['db_password'] = '@'",
    "{user=joe, password=@, host=h}",
    "password: {first: @, second: [@]}",
    "line one\npw=@\nline three",
    r"line one\npw=@\nline three",
    "see https://joe:@@h/x",
    "postgresql://joe:Pr0xy/@@127.0.0.1:9/x",
    "https://token:@@github.com/x.git",
    PEM,
    f"private_key={PEM} and so on",
    PEM.replace("\n", r"\n"),
    PEM.partition("\n-----END")[0],
]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_is_hidden_and_nothing_else(form: str) -> None:
    masked = MASKING(_plant(form))
    assert SECRET not in masked
    assert "***" in masked
    for word in ("joe", "user", "https://", "jdbc:", "databaseName=x", "encrypt=true", "a=b"):
        assert (word in masked) == (word in form)


def _plant(form: str) -> str:
    """Put the secret where `@` stands alone, not where it ends a password in a URL."""
    for before in ("@h:", "@h/", "@127", "@github"):
        form = form.replace(before, f"\0{before[1:]}")
    return form.replace("@", SECRET).replace("\0", "@")


EXACT = [
    (
        "jdbc:postgresql://h/x?user=joe&password=s3cr3t",
        "jdbc:postgresql://h/x?user=joe&password=***",
    ),
    ("x;password=Ab&c;1,d;user=joe", "x;password=***;user=joe"),
    ("see /x?password=a and b", "see /x?password=*** and b"),
    ("password=a, user=joe", "password=***, user=joe"),
    ("password=null password: None", "password=null password: None"),
    ("password = 'it''s' or so", "password = '***' or so"),
    ('password="a \\" b" c', 'password="***" c'),
    ("password='a b", "password='***"),
    ("key AKIAIOSFODNN7EXAMPLE denied", "key *** denied"),
    ("ASIAIOSFODNN7EXAMPLE", "***"),
    (f"private_key={PEM} x", "private_key=*** x"),
    ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM x", "jwt *** x"),
    ("postgresql://joe:a@b@h/x?a=b@c", "postgresql://joe:***@h/x?a=b@c"),
]


@pytest.mark.parametrize(("text", "masked"), EXACT)
def test_what_replaces_a_secret(text: str, masked: str) -> None:
    assert MASKING(text) == masked
    hashed = Redaction("hash", hash_key="a key").text(text)
    assert (hashed or "").count("hmac:") == masked.count("***")


READABLE = [
    'ERROR: duplicate key value violates "x" DETAIL: Key (id)=(5) already exists.',
    'password authentication failed for user "joe"',
    'FATAL: no pg_hba.conf entry for host "10.0.0.1", user "etl", database "dw"',
    "compass=1 design=2 passed_rows=5 signal: 3 author=joe keyboard=qwerty monkey=1",
    "primary_key=7 partition_key: day tokens: 5 max_tokens=9",
    "com.foo.PasswordExpiredException: the account of joe",
    "com.foo.AuthException: it expired at 2020-01-01T00:00:00Z",
    "passwords must have 8 characters; pass rate: 5; bypass=1; Unexpected token: }",
    "http://h:80/a@b mail joe@h and https://joe@h:80/a:b",
    "https://api.xplenty.com/acme/api/jobs/7/outputs/70/preview?limit=5&offset=3",
    "Basic authentication failed, bearer of news",
    "2026-01-02 03:04:05 INFO x.y: a=1, b = 2; c->d <e>f</e>",
    "C:\\data\\pass\\file.txt is 50% full",
    "s3://bucket/day=2026-01-02/part-0",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
]


@pytest.mark.parametrize("text", READABLE)
def test_what_is_not_secret_stays(text: str) -> None:
    assert MASKING(text) == text


def test_every_text_of_a_job_is_searched() -> None:
    said = f"https://h/x?token={SECRET}&a=b"
    document = job(
        errors=said,
        status=said,
        url=said,
        html_url=said,
        log_url=said,
        variables={"source": said},
        package={"id": 434, "name": said, "url": said, "new": said},
        cluster={"id": 52, "name": said, "url": said},
        creator={"type": said, "display_name": said, "url": said},
        log_summary={"body": said},
        outputs=[
            {
                "id": 70,
                **dict.fromkeys(("name", "url", "preview_url", "preview_type"), said),
                "component": {"name": said, "type": said, "fields": [said]},
            },
            {"id": 71, "component_name": said, "component_type": said, "new": said},
        ],
    )
    found = _rows(document, Redaction())
    assert SECRET not in repr(found)
    assert found.job["url"] == "https://h/x?token=***&a=b"
    assert SECRET in repr(_rows(document, Redaction("keep")))
    long = _rows(job(status="token=x " + "y" * 247), Redaction("hash", hash_key="a key"))
    assert len(long.job["status"]) == 255


def _rows(document: dict[str, Any], redact: Redaction) -> JobRows:
    return flatten(records.read(json.dumps(document).encode()), redact)


PIECES = [
    *("\"'`:=,;&?{}[]()@/\\ \na5.-<>#|!$%"),
    *("key", "null", "://u:p@h", "password", "pw", "pass", "token", "sig", "api_key", "***"),
    *("Bearer ", "basic ", "Authorization: ", "cookie", "identified by ", "oracle:thin:", "--"),
    *("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "AKIAABCDEFGHIJKLMNOP"),
    *("%3D", "%26", "u0026", "u003d", "=>", ":=", "==", "x=1", "http://", "jdbc:"),
    *("eyJabcdefgh.eyJabcdefgh.abcdefgh", f"hmac:{'a' * 32}", "variables"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.sampled_from(["mask", "hash", "drop"]))
def test_what_is_hidden_in_text_is_hidden_once(text: str, way: Any) -> None:
    redact = Redaction(way, hash_key="a key")
    once = redact.text(text)
    assert redact.text(once) == once


WORDS = st.lists(st.sampled_from(["reading", "orders", "7", "rows", "of", "x"]), max_size=4)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(FORMS), WORDS, WORDS, st.integers(0, 3), st.sampled_from(["mask", "hash"]))
def test_a_secret_in_text_is_hidden_at_any_depth(
    form: str, before: list[str], after: list[str], depth: int, way: Any
) -> None:
    document: Any = "\n".join((" ".join(before), _plant(form), " ".join(after)))
    for level in range(depth):
        document = [document, level] if level % 2 else {"said": document}
    assert SECRET not in json.dumps(Redaction(way, hash_key="a key")(document))


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="=:@%>-'\"\\", exclude_categories=["Cs"])))
def test_plain_text_stays(text: str) -> None:
    assert MASKING(text) == text


@pytest.mark.parametrize(
    "part",
    [
        *(
            '"key":',
            '"a":',
            "pw= ",
            "pw=",
            "a=",
            '\\"',
            "\\",
            "://a:",
            "@",
            "://a:b@",
            "://a:b",
            "003d",
            "pass",
            "pass:",
        ),
        *(
            'password="',
            '"password":"',
            "oracle:a:",
            "key\\",
            "Bearer ",
            "%26",
            ";",
            "-a ",
            "x.",
            "{",
        ),
        *("AKIA", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "identified by ", "'", "a ", " "),
    ],
)
def test_the_work_on_hostile_text_grows_only_with_its_length(part: str) -> None:
    """The time of twice as much is compared, generously: what goes back and forth takes 4 times."""

    def seconds(length: int) -> float:
        text = (part * length)[:length]
        began = time.process_time()
        MASKING(text)
        MASKING(f"x=y {text} @")
        MASKING(f"password='{text}")
        Redaction()({text: "x"})
        return time.process_time() - began

    once = min(seconds(2**16) for _ in range(2))
    assert seconds(2**17) < 3 * once + 0.5
