"""What the worker says of a job."""

import logging
from collections.abc import Iterator

import pytest

from customers import tasks
from customers.jobs import journal
from tests.customers.imported_runs import make_run


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    heard: list[logging.LogRecord] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)

    ear = Ear()
    journal.logger.addHandler(ear)
    yield heard
    journal.logger.removeHandler(ear)


def test_a_job_that_breaks_has_a_last_line_too_without_the_words_of_the_bug(lines) -> None:
    with pytest.raises(ValueError), journal.told("import", run="20261122-170501-0001"):
        raise ValueError("erika@example.com")

    first, last = lines
    assert first.getMessage() == "import begun run=20261122-170501-0001"
    assert last.getMessage().startswith(
        "import ended run=20261122-170501-0001 outcome=broke error=ValueError"
    )
    assert "erika" not in last.getMessage()
    assert last.levelno == logging.ERROR


@pytest.mark.django_db
def test_a_sweep_that_finds_nothing_says_nothing(lines) -> None:
    tasks.sweep()

    assert lines == []


@pytest.mark.django_db
def test_a_job_of_the_console_is_told_with_its_run_and_kind(lines) -> None:
    run = make_run(1)
    job = run.jobs.create(kind="revert_preview", actor="staff:1")

    tasks.run_job(job.pk)

    begun, ended = (line.getMessage() for line in lines)
    assert begun == f"job begun run={run.run_id} kind=revert_preview attempt=1"
    assert ended.startswith(f"job ended run={run.run_id} kind=revert_preview attempt=1 outcome=refused")
