"""The log of a run: its form, who may read it, and what happens when it cannot be written."""

import errno
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from customers.backfill.ledger.run_log import RunLog, check_folder, log_path, logfmt
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillStep, User
from rehearsal.lago import Sandbox
from tests.customers.factories import actions, imported, row, rows

RUN_ID = "20261122-170501-7f3a"
FULL = Path("/dev/full")  # Linux's disk that is always full


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- A line ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        (2, "2"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("line\nbreak", r'"line\nbreak"'),
        ("ΚΩΔ-1", "ΚΩΔ-1"),
        ("\u2028", r'"\u2028"'),
    ],
)
def test_a_value_is_quoted_where_it_must_be(value: object, written: str) -> None:
    assert logfmt({"key": value}) == f"key={written}"


def test_a_line_is_stamped_and_names_its_run(tmp_path: Path) -> None:
    with RunLog(tmp_path / "run.log", RUN_ID) as log:
        log.write([{"line": 2, "outcome": "created"}, {"line": 3, "outcome": "failed"}])

    lines = (tmp_path / "run.log").read_text().splitlines()
    assert len(lines) == 2
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(rf"{stamp} run={RUN_ID} line=2 outcome=created", lines[0])


def test_an_injected_line_break_makes_no_line(tmp_path: Path) -> None:
    with RunLog(tmp_path / "run.log", RUN_ID) as log:
        log.write([{"external_id": "a\nrun=forged"}])

    assert len((tmp_path / "run.log").read_text().splitlines()) == 1


def test_a_line_that_a_full_disk_cut_off_stays_one_and_the_next_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with RunLog(path, RUN_ID) as log:
        log.write([{"line": 2, "outcome": "created"}])
        with disk_of(path.stat().st_size + 30), pytest.raises(OSError, match="too large"):
            log.write([{"line": 3, "outcome": "created"}])
    with RunLog(path, RUN_ID) as log:
        log.write([{"line": 3, "outcome": "created"}])

    whole, torn, again = path.read_text().splitlines()
    assert whole.endswith(" line=2 outcome=created")
    assert torn.endswith(" #torn")
    assert "outcome" not in torn
    assert again.endswith(" line=3 outcome=created")


# --- The file ----------------------------------------------------------------------------------------


def test_only_the_owner_may_read_it_and_it_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    for number in (1, 2):
        with RunLog(path, RUN_ID) as log:
            log.write([{"attempt": number}])

    assert path.stat().st_mode & 0o777 == 0o600
    assert [line.rpartition(" ")[2] for line in path.read_text().splitlines()] == ["attempt=1", "attempt=2"]


def test_lines_are_there_before_it_is_closed(tmp_path: Path) -> None:
    with RunLog(tmp_path / "run.log", RUN_ID) as log:
        log.write([{"line": 2}])

        assert "line=2" in (tmp_path / "run.log").read_text()


def test_it_is_named_after_the_moment_its_run_began(tmp_path: Path) -> None:
    assert log_path(tmp_path, RUN_ID) == tmp_path / "run-20261122-170501.log"


def test_a_log_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.log").mkdir()

    with pytest.raises(Refused, match=r"run\.log cannot be written"):
        RunLog(tmp_path / "run.log", RUN_ID)


def test_a_full_disk_is_told_when_writing_and_not_again_when_closing() -> None:
    with RunLog(FULL, RUN_ID) as log, pytest.raises(OSError, match="No space left") as caught:
        log.write([{"line": 2}])

    assert caught.value.errno == errno.ENOSPC


# --- The folder --------------------------------------------------------------------------------------


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")

    with pytest.raises(Refused, match="cannot be written: ") as caught:
        check_folder(tmp_path / "logs")

    assert "BACKFILL_LOG_DIR" in caught.value.hint


def test_a_folder_in_which_nothing_can_be_made_is_refused() -> None:
    with pytest.raises(Refused, match="/proc/self cannot be written"):  # not even by root
        check_folder(Path("/proc/self"))


# --- In a run ----------------------------------------------------------------------------------------


def lines_of(report: Any) -> list[str]:
    text: str = report.log_path.read_text()
    return text.splitlines()


@pytest.mark.django_db
def test_a_run_logs_its_beginning_each_row_and_its_end(lago: Sandbox) -> None:
    report = imported([row(1), row(2, start_date="soon")], allow_partial=True)

    first, *of_rows, last = lines_of(report)
    assert f"file=customers.csv sha256={report.info.sha256} rows=2" in first
    assert f"lago_url={lago.url} steve=none" in first
    assert of_rows[0].endswith("line=3 external_id=C-2 outcome=failed code=start_date_invalid")
    made = dict(BackfillStep.objects.filter(name__startswith="lago_").values_list("name", "ref"))
    assert of_rows[1].endswith(
        "line=2 external_id=C-1 outcome=created user=created id_tag_mapping=created"
        " lago_customer=created lago_subscription=created"
        f" made=lago_customer:{made['lago_customer']},lago_subscription:{made['lago_subscription']}"
    )
    assert "status=partial created=1 completed=0 skipped=0 failed=1 pending=0 seconds=" in last
    assert all(f"run={report.run.run_id} " in line for line in (first, *of_rows, last))


@pytest.mark.django_db
def test_a_run_logs_no_personal_data_and_no_key(lago: Sandbox) -> None:
    lago.fault("500,method=POST,path=/customers,times=5")
    given = [row(1, display_name="Zebedee Quux", id_tag="CARD0001X"), row(2), row(3, email="no address")]

    report = imported(given, allow_partial=True, concurrency=1)

    text = "\n".join(lines_of(report))
    assert "outcome=failed" in text
    for secret in ("customer1", "Zebedee", "Quux", "CARD0001X", "TAG0002", "no address", lago.key):
        assert secret not in text


@pytest.mark.django_db
def test_a_run_on_a_full_disk_writes_nothing_more(lago: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.backfill.engine.attempt.log_path", lambda folder, run_id: FULL)

    report = imported(rows(3))

    assert (report.status, report.interrupted) == ("interrupted", False)
    assert report.reason == "the run log cannot be written: No space left on device"
    assert User.objects.count() == 0
    assert lago.state()["customers"] == []


@pytest.mark.django_db
def test_a_disk_that_fills_up_stops_the_run_which_can_be_continued(lago: Sandbox) -> None:
    with disk_of(2_000):
        report = imported(rows(40), batch_size=2, concurrency=2)
    done = actions(report).count("created")

    again = imported(rows(40))

    assert report.status == "interrupted"
    assert "File too large" in report.reason
    assert 0 < done < 40
    assert again.status == "succeeded"
    assert len(lago.state()["subscriptions"]) == User.objects.count() == 40
    assert BackfillRun.objects.count() == 1


@pytest.mark.django_db
def test_a_log_that_cannot_be_opened_leaves_no_run_behind(lago: Sandbox, settings: Any) -> None:
    settings.BACKFILL_LOG_DIR = Path(os.devnull)

    with pytest.raises(Refused):
        imported(rows(1))

    assert (BackfillRun.objects.count(), User.objects.count()) == (0, 0)
