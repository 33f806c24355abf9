"""Many rows written in one statement."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.utils import timezone

from customers import bulk
from customers.models import BackfillRow, BackfillRun, BackfillStep, FormerSpelling, IdTagMapping, User
from tests.customers.factories import customer

pytestmark = pytest.mark.django_db


def stored_rows(count: int) -> list[BackfillRow]:
    run = BackfillRun.objects.create(run_id="20261122-170501-7f3a", actor="cli:tester")
    return BackfillRow.objects.bulk_create(BackfillRow(run=run, line=line) for line in range(count))


def test_each_object_gets_its_own_values_of_every_type() -> None:
    first, second = stored_rows(2)
    at = datetime(2026, 11, 22, 17, 5, 1, 5, tzinfo=UTC)
    first.external_id, first.start_date, first.settled_at = 'a"b,{c}\\', date(2024, 2, 29), at
    first.problems, first.user = [{"code": "x", "hint": "é'\""}], customer()
    second.external_id, second.start_date, second.problems = "", None, []

    fields = ["external_id", "start_date", "settled_at", "problems", "user"]
    written = bulk.update(BackfillRow, [first, second], fields)

    again = {row.pk: row for row in BackfillRow.objects.all()}
    assert written == 2
    for row in (first, second):
        assert values(again[row.pk], fields) == values(row, fields)


def values(row: BackfillRow, fields: list[str]) -> list[Any]:
    return [getattr(row, name) for name in fields]


def test_other_fields_and_other_rows_stay() -> None:
    first, second = stored_rows(2)
    first.external_id, first.plan_code = "changed", "not to be written"

    bulk.update(BackfillRow, [first], ["external_id"])

    assert BackfillRow.objects.get(pk=first.pk).plan_code == ""
    assert BackfillRow.objects.get(pk=second.pk).external_id == ""


def test_a_row_that_is_gone_is_not_counted() -> None:
    first, second = stored_rows(2)
    BackfillRow.objects.filter(pk=first.pk).delete()

    assert bulk.update(BackfillRow, [first, second], ["external_id"]) == 1


def test_nothing_to_write_takes_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert bulk.update(BackfillRow, [], ["external_id"]) == 0


def test_many_rows_take_one_query(django_assert_num_queries: Any) -> None:
    some = stored_rows(300)

    with django_assert_num_queries(1):
        assert bulk.update(BackfillRow, some, ["external_id", "problems"]) == 300


def test_what_is_inserted_has_what_django_gives_a_new_object() -> None:
    owner = customer()
    rows = [{"user_id": owner.pk, "id_tag": f"CARD{number}"} for number in range(3)]
    began = timezone.now()

    pks = bulk.insert(IdTagMapping, rows)

    for pk, row in zip(pks, rows, strict=True):
        made = IdTagMapping.objects.get(pk=pk)
        assert (made.user_id, made.id_tag) == (owner.pk, row["id_tag"])
        assert (made.is_active, made.steve_ocpp_tag_pk) == (False, None)
        assert began <= made.created_at <= timezone.now()


def test_deleting_does_to_what_hangs_on_an_object_what_django_does() -> None:
    row, free, entangled = stored_rows(1)[0], customer(1), customer(2)
    row.user = free
    row.save()
    FormerSpelling.objects.create(user=entangled, email="Entangled@example.com")

    gone = bulk.delete(User, [free.pk, entangled.pk, 0])

    assert gone == {free.pk, entangled.pk}
    row.refresh_from_db()
    assert row.user is None
    assert not User.objects.exists()
    assert not FormerSpelling.objects.exists()


def test_what_protects_an_object_protects_it_here_too() -> None:
    owner = customer()
    IdTagMapping.objects.create(user=owner, id_tag="CARD1")

    with pytest.raises(ProtectedError):
        bulk.delete(User, [owner.pk])

    assert User.objects.filter(pk=owner.pk).exists()


def test_what_is_copied_is_stored_as_it_is() -> None:
    run = BackfillRun.objects.create(run_id="20261122-170501-7f3a", actor="cli:tester")
    at = datetime(2026, 11, 22, 17, 5, 1, 5, tzinfo=UTC)
    texts = ["a\tb\\n\nc", "\\N", "", "\\.", "é'\"{,}"]
    problems: list[list[dict[str, str]]] = [[{"code": "x", "hint": text}] for text in texts[:-1]] + [[]]
    common = {"plan_code": "", "email_digest": "", "outcome": "", "warnings": [], "more": {}}
    names = ["id", "run_id", "line", "external_id", "problems", "settled_at", "start_date", *common]

    pks = bulk.reserve(BackfillRow, len(texts))
    bulk.copy(
        BackfillRow,
        names,
        (
            (pk, run.pk, line, text, told, at, None, *common.values())
            for line, (pk, text, told) in enumerate(zip(pks, texts, problems, strict=True))
        ),
    )

    stored = BackfillRow.objects.order_by("line")
    assert [row.pk for row in stored] == pks
    assert [row.external_id for row in stored] == texts
    assert [row.problems for row in stored] == problems
    assert {(row.settled_at, row.start_date, str(row.more)) for row in stored} == {(at, None, "{}")}


def test_keys_that_are_reserved_are_nobody_elses() -> None:
    first, second = bulk.reserve(BackfillRow, 3), bulk.reserve(BackfillRow, 2)
    (made,) = stored_rows(1)

    assert len({*first, *second, made.pk}) == 6


def test_what_cannot_be_copied_is_an_error_of_the_database() -> None:
    (row,) = stored_rows(1)
    steps = [(row.pk, "user", "unheard of", "", {}, "")]

    with pytest.raises(IntegrityError, match="customers_step_state_known"):
        bulk.copy(BackfillStep, ["row_id", "name", "state", "ref", "undo", "code"], steps)
