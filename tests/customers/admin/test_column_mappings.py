"""The list of column mappings that are kept."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import BackfillMapping
from tests.customers.admin.world import audited, client_of, member_of_staff, text_of, words_of

pytestmark = pytest.mark.django_db

CONTENT = '[fields]\nemail = "Mail"\n'


@pytest.fixture
def client() -> Client:
    return client_of(member_of_staff("edit_mappings"))


@pytest.fixture
def kept() -> BackfillMapping:
    return BackfillMapping.objects.create(name="CRM", content=CONTENT)


def url(page: str, *args: int) -> str:
    return reverse(f"admin:customers_backfillmapping_{page}", args=args)


def test_its_text_is_changed_and_audited_without_what_it_says(client: Client, kept: BackfillMapping) -> None:
    client.post(url("change", kept.pk), {"name": "CRM", "content": CONTENT + 'id_tag = "RFID"\n'})

    kept.refresh_from_db()
    assert kept.content.endswith('id_tag = "RFID"')
    (entry,) = audited("mapping.changed")
    assert (entry.subject, [*entry.data]) == ("mapping:CRM", ["sha256"])


def test_a_mistake_is_refused_with_its_line_and_key(client: Client, kept: BackfillMapping) -> None:
    answer = client.post(url("change", kept.pk), {"name": "CRM", "content": CONTENT + "id_tga = 1"})

    assert "CRM: line 3: fields.id_tga: there is no such key. Did you mean id_tag?" in words_of(answer)
    kept.refresh_from_db()
    assert kept.content == CONTENT


def test_what_a_colleague_has_changed_meanwhile_is_not_written_over(
    client: Client, kept: BackfillMapping
) -> None:
    opened = re.findall(r'name="opened" value="(\w+)"', text_of(client.get(url("change", kept.pk))))
    both = [{"name": "CRM", "content": f'{CONTENT}id_tag = "{tag}"', "opened": opened} for tag in "AB"]

    answers = [client.post(url("change", kept.pk), form) for form in both]

    assert [answer.status_code for answer in answers] == [302, 200]
    assert "Somebody else has changed this mapping" in words_of(answers[1])
    kept.refresh_from_db()
    assert kept.content.endswith('id_tag = "A"')


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("C\u202eRM", CONTENT, "a name of at most 100"),
        ("CRM", f"#{'x' * 1_000_000}", "the mapping is larger"),
    ],
    ids=["unseen", "large"],
)
def test_what_the_page_of_columns_could_not_take_is_not_kept(
    client: Client, name: str, content: str, told: str
) -> None:
    answer = client.post(url("add"), {"name": name, "content": content})

    assert told in words_of(answer)
    assert not BackfillMapping.objects.exists()


def test_one_is_made_downloaded_and_deleted(client: Client) -> None:
    client.post(url("add"), {"name": "Old billing", "content": CONTENT})
    (kept,) = BackfillMapping.objects.all()

    file = client.get(url("file", kept.pk))
    client.post(url("delete", kept.pk), {"post": "yes"})

    assert file.content.decode().strip() == CONTENT.strip()
    assert file["Content-Disposition"] == 'attachment; filename="Old_billing.toml"'
    assert not BackfillMapping.objects.exists()
    assert [len(audited(f"mapping.{verb}")) for verb in ("created", "deleted")] == [1, 1]
