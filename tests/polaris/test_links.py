"""Links that the platform's own sign-in accepts, and the proof of it before anybody is mailed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from polaris import PlatformDatabase, PolarisError, links
from polaris.probing import LINKS_UNKNOWN, prove_links
from polaris.sign_ins import EVENTS, Standing, standings
from tests.polaris.sign_in_site import FORMS, Site, platform_database, refusal, sign_in_site, signed_in
from tests.rehearsal.platform.databases import emptied
from tests.rehearsal.platform.rows import add_user, insert
from tests.rehearsal.platform.test_rights import RIGHTS

EMAIL = "alice@example.com"
EXPIRES = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def address(database_address: str) -> Iterator[str]:
    with platform_database(database_address) as made:
        yield made


@pytest.fixture
def site(address: str) -> Iterator[Site]:
    emptied(address)
    with sign_in_site(address) as running:
        yield running
        running.read_our_rows()


@pytest.fixture(params=FORMS)
def version(site: Site, request: pytest.FixtureRequest) -> str:
    site.sandbox.use_library(request.param)
    return str(request.param)


def wish(token: str, external_id: str = "LEGACY-001", email: str = EMAIL) -> links.Wish:
    return links.Wish(external_id, email, links.hashed(token), EXPIRES)


def minted(site: Site, **customer: str) -> str:
    """Mint a link and return it; it has to be made."""
    token = links.new_token()
    assert links.mint(site.database, [wish(token, **customer)]) == {links.hashed(token)}
    return links.address(site.url, token)


# --- A link -------------------------------------------------------------------------------------------


def test_a_link_signs_its_customer_in_once_whatever_the_version(site: Site, version: str) -> None:
    user = add_user(site.connection, email=EMAIL)
    link = minted(site)

    first, second = signed_in(link), signed_in(link)

    assert "(customer)" in first
    assert second == ""
    assert site.rows("select user_id from sessions") == [(user,)]


def test_the_token_is_in_no_row(site: Site) -> None:
    add_user(site.connection, email=EMAIL)
    token = links.new_token()

    links.mint(site.database, [wish(token)])

    assert site.identifiers() == [links.hashed(token), f"magic-link:{links.hashed(token)}"]
    assert token not in str(site.rows("select * from verifications"))


def test_a_link_expires_when_it_was_told_to(site: Site, version: str) -> None:
    add_user(site.connection, email=EMAIL)
    token = links.new_token()
    over = links.Wish("LEGACY-001", EMAIL, links.hashed(token), datetime.now(UTC) - timedelta(seconds=1))

    links.mint(site.database, [over])

    assert refusal(links.address(site.url, token)) == "EXPIRED_TOKEN"


def test_an_address_of_the_file_may_have_capitals(site: Site, version: str) -> None:
    add_user(site.connection, email="alice@example.com")

    assert "(customer)" in signed_in(minted(site, email="Alice@Example.COM"))


@pytest.mark.parametrize(
    "stored",
    [
        {"role": "admin"},
        {"email": "somebody.else@example.com"},
        {"email": "Alice@Example.com"},  # the platform could never sign them in
        {"email": None},
        {"lago_customer_external_id": "LEGACY-002"},
        {"lago_customer_external_id": None, "role": "admin"},
    ],
)
def test_only_a_customer_with_that_id_and_address_gets_a_link(site: Site, stored: dict[str, str]) -> None:
    add_user(site.connection, **{"email": EMAIL, **stored})

    made = links.mint(site.database, [wish(links.new_token())])

    assert made == set()
    assert site.identifiers() == []


def test_of_many_only_those_that_can_are_given_links_in_one_go(site: Site, version: str) -> None:
    for number in range(20):
        role = "admin" if number % 5 == 0 else "customer"
        add_user(site.connection, f"E-{number}", email=f"e{number}@example.com", role=role)
    tokens = {number: links.new_token() for number in range(25)}  # five are nobody's

    made = links.mint(site.database, [wish(tokens[n], f"E-{n}", f"e{n}@example.com") for n in tokens])

    good = [n for n in range(20) if n % 5]
    assert made == {links.hashed(tokens[n]) for n in good}
    assert len(site.identifiers()) == 2 * len(good)
    assert signed_in(links.address(site.url, tokens[1])) != ""
    assert refusal(links.address(site.url, tokens[0])) == "INVALID_TOKEN"


def test_a_revoked_link_is_dead_in_both_forms_and_others_live(site: Site, version: str) -> None:
    add_user(site.connection, email=EMAIL)
    first, second = links.new_token(), links.new_token()
    links.mint(site.database, [wish(first), wish(second)])

    for _ in range(2):  # safe to repeat
        links.revoke(site.database, [links.hashed(first)])

    assert refusal(links.address(site.url, first)) == "INVALID_TOKEN"
    assert "(customer)" in signed_in(links.address(site.url, second))
    assert links.hashed(first) not in str(site.identifiers())


def test_a_new_link_and_the_end_of_the_old_ones_are_one_thing(site: Site) -> None:
    add_user(site.connection, email=EMAIL)
    old, new = links.new_token(), links.new_token()
    links.mint(site.database, [wish(old)])
    twice = links.Wish("LEGACY-001", EMAIL, links.hashed(new), None)  # type: ignore[arg-type]  # refused there

    with pytest.raises(PolarisError):
        links.mint(site.database, [twice], revoking=[links.hashed(old)])
    before = site.identifiers()
    links.mint(site.database, [wish(new)], revoking=[links.hashed(old)])

    assert before == [links.hashed(old), f"magic-link:{links.hashed(old)}"]
    assert site.identifiers() == [links.hashed(new), f"magic-link:{links.hashed(new)}"]


def test_a_link_dies_with_the_address_that_it_was_made_for(site: Site, version: str) -> None:
    add_user(site.connection, email=EMAIL)
    link = minted(site)
    site.connection.execute("update users set email = 'new@example.com'")

    assert refusal(link) == "new_user_signup_disabled"


# --- The probe ----------------------------------------------------------------------------------------


def test_a_probe_finds_links_understood_and_leaves_nothing(site: Site, version: str) -> None:
    add_user(site.connection, email=EMAIL)

    prove_links(site.database, site.url)

    assert site.identifiers() == []
    assert site.rows("select * from sessions") == []


def test_a_probe_tells_of_rows_that_are_not_understood(site: Site) -> None:
    site.read_other_rows()

    with pytest.raises(PolarisError, match="does not understand them") as error:
        prove_links(site.database, site.url)

    assert error.value.code == LINKS_UNKNOWN


def test_a_probe_tells_of_a_page_that_is_another_platforms(site: Site, database_address: str) -> None:
    with (
        platform_database(database_address) as other_address,
        sign_in_site(other_address) as other,
        pytest.raises(PolarisError, match="does not understand them"),
    ):
        prove_links(site.database, other.url)

    assert site.identifiers() == []


def test_a_probe_tells_of_a_page_that_is_no_platforms(site: Site) -> None:
    with pytest.raises(PolarisError, match=r"has no sign-in by link there \(404\)") as error:
        prove_links(site.database, f"{site.url}/elsewhere")

    assert error.value.code == LINKS_UNKNOWN


def test_a_probe_of_a_page_that_is_away_says_so_and_leaves_nothing(site: Site) -> None:
    with pytest.raises(PolarisError, match=r"POLARIS_CUSTOMER_URL.*cannot be reached") as error:
        prove_links(site.database, "http://127.0.0.1:1")

    assert (error.value.code, error.value.down) == ("polaris_unreachable", True)
    assert "token" not in str(error.value)
    assert site.identifiers() == []


# --- Who has signed in ----------------------------------------------------------------------------------


def standing(site: Site) -> Standing | None:
    return standings(site.database, ["LEGACY-001"]).get("LEGACY-001")


def test_a_customer_who_never_signed_in(site: Site) -> None:
    user = add_user(site.connection, email=EMAIL)
    insert(site.connection, "auth_audit", event="magic_link.consumed", user_id=user)
    insert(site.connection, "auth_audit", event="backfill.user.created", user_id=user)

    assert standing(site) == Standing(EMAIL, has_signed_in=False)


def test_whoever_used_a_link_has_signed_in_also_after_signing_out(site: Site, version: str) -> None:
    add_user(site.connection, email=EMAIL)
    signed_in(minted(site))
    site.connection.execute("delete from sessions")

    assert standing(site) == Standing(EMAIL, has_signed_in=True)


@pytest.mark.parametrize("column", ["email_verified = true", "onboarded_at = now()"])
def test_what_the_user_says_of_itself_counts(site: Site, column: str) -> None:
    add_user(site.connection, email=EMAIL)
    site.connection.execute(f"update users set {column}".encode())

    assert standing(site) == Standing(EMAIL, has_signed_in=True)


def test_a_session_counts_also_when_it_is_over(site: Site) -> None:
    user = add_user(site.connection, email=EMAIL)
    insert(site.connection, "sessions", id="s", user_id=user, token="t", expires_at="2020-01-01")

    assert standing(site) == Standing(EMAIL, has_signed_in=True)


def test_a_device_counts(site: Site) -> None:
    user = add_user(site.connection, email=EMAIL)
    columns = site.rows(
        "select column_name, data_type from information_schema.columns where table_name = 'devices'"
        " and is_nullable = 'NO' and column_default is null and column_name not in ('id', 'owner_user_id')"
    )
    needed = {name: "now()" if kind.startswith("timestamp") else "x" for name, kind in columns}
    insert(site.connection, "devices", id=uuid4(), owner_user_id=user, **needed)

    assert standing(site) == Standing(EMAIL, has_signed_in=True)


@pytest.mark.parametrize("event", EVENTS)
def test_an_entry_of_the_audit_counts(site: Site, event: str) -> None:
    user = add_user(site.connection, email=EMAIL)
    insert(site.connection, "auth_audit", event=event, user_id=user)

    assert standing(site) == Standing(EMAIL, has_signed_in=True)


def test_staff_and_strangers_are_no_customers(site: Site) -> None:
    add_user(site.connection, email=EMAIL, role="admin")

    assert standings(site.database, ["LEGACY-001", "nobody"]) == {}


def test_each_customer_of_many_stands_for_themselves(site: Site) -> None:
    users = [add_user(site.connection, f"E-{number}") for number in range(30)]
    for number in (3, 7):
        insert(site.connection, "auth_audit", event="customer.action", user_id=users[number])

    seen = standings(site.database, [f"E-{number}" for number in range(30)])

    assert [external_id for external_id, one in seen.items() if one.has_signed_in] == ["E-3", "E-7"]
    assert len(seen) == 30


@pytest.mark.parametrize(("email", "can"), [(EMAIL, True), ("Alice@Example.com", False), (None, False)])
def test_only_an_address_in_lower_case_can_sign_in(site: Site, email: str | None, can: bool) -> None:
    add_user(site.connection, email=email)

    found = standing(site)

    assert found is not None
    assert found.can_sign_in_as("ALICE@example.com") is can


# --- Rights -------------------------------------------------------------------------------------------


@pytest.fixture
def limited(site: Site) -> Iterator[PlatformDatabase]:
    """The platform's database as a role has it that may do no more than an import needs."""
    name, password = f"backfill_{uuid4().hex[:8]}", uuid4().hex
    role = sql.Identifier(name)
    run = site.connection.execute
    run(sql.SQL("create role {} login password {}").format(role, sql.Literal(password)))
    for table, rights in RIGHTS.items():
        run(sql.SQL("grant {} on {} to {}").format(sql.SQL(rights), sql.Identifier(table), role))
    address = psycopg.conninfo.make_conninfo(site.sandbox.database_url, user=name, password=password)
    database = PlatformDatabase(address)
    yield database
    database.close()
    run(sql.SQL("drop owned by {}; drop role {}").format(role, role))


def _revoke_right(site: Site, database: PlatformDatabase, right: str, table: str) -> None:
    ((name,),) = database.read("select current_user")
    site.connection.execute(
        sql.SQL("revoke {} on {} from {}").format(sql.SQL(right), sql.Identifier(table), sql.Identifier(name))
    )


def test_the_rights_of_an_import_suffice(site: Site, limited: PlatformDatabase) -> None:
    add_user(site.connection, email=EMAIL)
    token = links.new_token()

    prove_links(limited, site.url)
    made = links.mint(limited, [wish(token)])
    seen = standings(limited, ["LEGACY-001"])
    links.revoke(limited, [links.hashed(token)])

    assert made == {links.hashed(token)}
    assert seen == {"LEGACY-001": Standing(EMAIL, has_signed_in=False)}
    assert site.identifiers() == []


@pytest.mark.parametrize("table", ["auth_audit", "devices"])
def test_what_the_role_may_not_read_is_left_out(site: Site, limited: PlatformDatabase, table: str) -> None:
    user = add_user(site.connection, email=EMAIL)
    insert(site.connection, "auth_audit", event="customer.action", user_id=user)
    _revoke_right(site, limited, "select", table)

    seen = standings(limited, ["LEGACY-001"])

    assert seen["LEGACY-001"].has_signed_in is (table == "devices")


def test_a_role_that_may_make_no_links_is_told_so(site: Site, limited: PlatformDatabase) -> None:
    _revoke_right(site, limited, "insert", "verifications")

    with pytest.raises(PolarisError, match="lacks a right") as error:
        prove_links(limited, site.url)

    assert error.value.code == "polaris_refused"
