"""Single jobs, with and without the summary of their logs, on real sockets."""

import json
from pathlib import Path

import pytest
from clients import client
from clock import Impatient
from wire import answer, serve

from snapshotter.api.client import Client
from snapshotter.api.one_job import ATTEMPTS_FOR_A_JOB
from snapshotter.api.records import Record
from snapshotter.errors import RecordError, RequestFailed, RequestRefused
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer
from snapshotter.simulator.server import serve as serve_account

SAMPLE = (Path(__file__).parent.parent / "data" / "job-with-log-summary.json").read_bytes()


def test_a_summary_is_asked_for_by_include() -> None:
    with serve(answer(body=SAMPLE), answer(body=SAMPLE)) as wire, client(wire.url) as asking:
        found = asking.log_summary(157)
        assert found is not None
        assert found.log_summary["error_summary"] == "Customer ID missing"
        assert isinstance(asking.job(157), Record)
    asked = [request.decode().split("\r\n")[0] for request in wire.requests]
    assert asked == [
        "GET /acme/api/jobs/157?include=log_summary HTTP/1.1",
        "GET /acme/api/jobs/157 HTTP/1.1",
    ]


def test_a_job_that_the_api_does_not_have() -> None:
    with serve(answer(404)) as wire, client(wire.url) as asking:
        assert asking.log_summary(7) is None


def test_answers_that_have_no_summary_to_read() -> None:
    with serve(answer(422), answer(body=json.dumps({"id": 0}).encode())) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 5.0)
        with Client(service, clock=Impatient()) as asking:
            with pytest.raises(RequestRefused):
                asking.log_summary(7)
            with pytest.raises(RecordError):
                asking.log_summary(7)


def test_jobs_that_fail_take_few_attempts_where_the_list_works() -> None:
    account = SimulatedAccount()
    for _ in range(9):
        account.add_job()
    account.intercept = lambda request: None if request.path.endswith("/jobs") else Answer(500)
    with serve_account(account) as url:
        service = Service("acme", Key(account.api_key), url, 5.0)
        client = Client(service, clock=Impatient())
        client.page(0)
        for job_id in sorted(account.jobs):
            with pytest.raises(RequestFailed):
                client.job(job_id)
        assert client.requests_sent <= 1 + ATTEMPTS_FOR_A_JOB + 8 * 3
