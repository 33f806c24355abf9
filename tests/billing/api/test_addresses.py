"""Addresses, ids and the key, before anything is sent."""

import pytest

from billing.client import LagoClient
from tests.billing.api.calls import Connect
from tests.billing.conftest import KEY
from tests.billing.objects import organization, refusal
from tests.billing.scripted import Scripted


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
def test_the_base_address_is_taken_in_any_spelling(scripted: Scripted, connect: Connect, suffix: str) -> None:
    scripted.answers(organization())

    connect(scripted.url + suffix).organization()

    assert scripted.targets() == ["/api/v1/organizations"]


def test_a_base_address_may_have_a_path(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(organization())

    connect(scripted.url + "/lago/").organization()

    assert scripted.targets() == ["/lago/api/v1/organizations"]


@pytest.mark.parametrize(
    ("external_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("a%2Eb", "a%252Eb"),
        ("ü", "%C3%BC"),
        ("../plans", "%2E%2E%2Fplans"),
    ],
)
def test_an_id_reaches_the_wire_as_one_segment(
    client: LagoClient, scripted: Scripted, external_id: str, segment: str
) -> None:
    scripted.answers(refusal(404, "billable_metric_not_found"))

    client.billable_metric(external_id)

    assert scripted.targets() == [f"/api/v1/billable_metrics/{segment}"]


@pytest.mark.parametrize("external_id", ["", ".", ".."])
def test_an_id_that_would_change_the_address_is_never_sent(
    client: LagoClient, scripted: Scripted, external_id: str
) -> None:
    with pytest.raises(ValueError, match="cannot be part of an address"):
        client.customer(external_id)

    assert scripted.asked == []


@pytest.mark.parametrize("key", ["", "with blank", "line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    with pytest.raises(ValueError, match="LAGO_API_KEY") as caught:
        LagoClient("http://localhost", key)

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "lago:3000", "ftp://lago", "http://", "http://lago?x=1", "http://me:secret@lago", "http://a:b"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="LAGO_API_URL") as caught:
        LagoClient(url, KEY)

    assert "secret" not in str(caught.value)
