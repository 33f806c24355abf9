"""Each kind of variable: right, or refused in a line that names it and shows no secret."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from polaris_backfill import environment


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch):
    def put(value: str) -> str:
        monkeypatch.setenv("SOME_NAME", value)
        return "SOME_NAME"

    return put


# --- Plain values ----------------------------------------------------------------------------------


def test_a_blank_variable_counts_as_unset(variable):
    name = variable("  ")

    assert environment.text(name, "default") == "default"
    assert environment.whole(name, 25, least=1, most=100) == 25
    assert environment.names(name, ["a"]) == ["a"]
    assert environment.url(name, "http://lago-api:3000") == "http://lago-api:3000"
    assert environment.flag(name) is False
    assert environment.mail(name) == {}


def test_a_value_that_begins_with_a_dollar_is_taken_as_it_is(variable):
    assert environment.text(variable("$ecret")) == "$ecret"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("On", True), ("TRUE", True), ("no", False)])
def test_a_flag_is_read_in_any_spelling(variable, value, expected):
    assert environment.flag(variable(value)) is expected


@pytest.mark.parametrize("value", ["maybe", "2", "-1"])
def test_a_flag_that_is_neither_is_refused(variable, value):
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME must be 1 or 0"):
        environment.flag(variable(value))


@pytest.mark.parametrize("value", ["0", "101", "ten", "1.5", "1e2", "-3", "٣", "99999999999999999999"])
def test_a_number_out_of_range_is_refused(variable, value):
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME must be a whole number from 1 to 100, not "):
        environment.whole(variable(value), 25, least=1, most=100)


def test_names_are_split_at_commas_and_trimmed(variable):
    assert environment.names(variable("a.example.com, b.example.com,")) == ["a.example.com", "b.example.com"]


@pytest.mark.parametrize(
    ("value", "host", "origin"),
    [
        ("backfill.example.com", "backfill.example.com", "https://backfill.example.com"),
        ("Backfill.Example.com:8443", "backfill.example.com", "https://backfill.example.com:8443"),
        ("backfill.example.com:443", "backfill.example.com", "https://backfill.example.com"),
        (".example.com:8443", ".example.com", "https://*.example.com:8443"),
        (".example.com", ".example.com", "https://*.example.com"),
        ("192.0.2.7:8443", "192.0.2.7", "https://192.0.2.7:8443"),
        ("[::1]:8443", "[::1]", "https://[::1]:8443"),
        ("[2001:db8::1]", "[2001:db8::1]", "https://[2001:db8::1]"),
        ("web", "web", "https://web"),
        ("*", "*", "https://*"),
    ],
)
def test_a_host_is_a_name_and_the_origin_of_its_forms(variable, value, host, origin):
    (found,) = environment.hosts(variable(value))

    assert (found.name, found.origin) == (host, origin)


@pytest.mark.parametrize(
    "value",
    [
        "https://a.example.com", "a.example.com/", "a.example.com:", "a.example.com:0", "a.example.com:65536",
        "a.example.com:https", "a b", "::1", "[::1", "[::12345]", "[1]", "*:8443", "*.example.com",
        "-a.example.com", "a..example.com", "me@a.example.com", "küste.example",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused_in_one_line(variable, value):
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME must list names such as [^\n]*\.$"):
        environment.hosts(variable(f"good.example.com,{value}"))


# --- Addresses -------------------------------------------------------------------------------------


def test_an_address_loses_its_trailing_slashes(variable):
    assert environment.url(variable("https://lago.example.com/api//")) == "https://lago.example.com/api"


@pytest.mark.parametrize(
    "value",
    [
        "lago:3000",
        "ftp://lago",
        "http://",
        "http://lago:port",
        "http://lago:0",
        "http://la go",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused(variable, value):
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME must be an address such as http://host:port"):
        environment.url(variable(value))


@pytest.mark.parametrize(
    "value", ["https://me:hunter2@lago", "https://lago?key=hunter2", "https://lago/#hunter2"]
)
def test_an_address_that_is_shown_carries_no_login(variable, value):
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME must be a plain address") as refusal:
        environment.url(variable(value))

    assert "hunter2" not in str(refusal.value)


def test_the_address_of_a_broker_may_carry_a_login(variable):
    broker = "rediss://:secret@redis:6379/1"

    assert environment.url(variable(broker), schemes=("redis", "rediss")) == broker


# --- Database and mail server ----------------------------------------------------------------------


def test_a_database_is_read_with_all_its_parts():
    config = environment.database("DATABASE_URL", "postgres://me:p%40ss@db:6432/polaris?sslmode=require")

    assert (config["HOST"], config["PORT"], config["NAME"]) == ("db", 6432, "polaris")
    assert (config["USER"], config["PASSWORD"]) == ("me", "p@ss")
    assert config["OPTIONS"] == {"connect_timeout": 5, "sslmode": "require"}


@pytest.mark.parametrize(
    "value",
    [
        "mysql://me:hunter2@db/polaris",
        "me:hunter2@db/polaris",
        "postgres://me:hunter2/x@db:5432/polaris",
        "postgres://me:hunter2@db:port/polaris",
        "postgres://me:hunter2@db/",
        "postgres://me:hunter2@db/polaris?sslmod=require",
    ],
)
def test_a_malformed_database_is_refused_without_its_password(value):
    with pytest.raises(
        ImproperlyConfigured, match=r"^DATABASE_URL .*postgres://user:password@host"
    ) as refusal:
        environment.database("DATABASE_URL", value)

    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    ("value", "port", "secured"),
    [
        ("smtp://mail.example.com", 25, None),
        ("smtp+tls://me:p%40ss@mail.example.com", 587, "EMAIL_USE_TLS"),
        ("smtp+ssl://me:p%40ss@mail.example.com", 465, "EMAIL_USE_SSL"),
        ("smtp+tls://mail.example.com:2525", 2525, "EMAIL_USE_TLS"),
    ],
)
def test_a_mail_server_gets_the_usual_port(variable, value, port, secured):
    settings = environment.mail(variable(value))

    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("mail.example.com", port)
    assert [key for key in settings if key.startswith("EMAIL_USE")] == ([secured] if secured else [])


@pytest.mark.parametrize(
    "value", ["smtp://", "imap://me:hunter2@mail", "mail:25", "smtp+tls://me:hunter2@mail:x"]
)
def test_a_malformed_mail_server_is_refused_without_its_password(variable, value):
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME must be smtp://") as refusal:
        environment.mail(variable(value))

    assert "hunter2" not in str(refusal.value)


# --- The file --------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ENV_FILE")
    for name in ("FROM_FILE", "FROM_BOTH"):  # so that what the file sets goes away again
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path / ".env"


def test_the_file_adds_to_the_environment_which_itself_wins(file, monkeypatch):
    monkeypatch.setenv("FROM_BOTH", "environment")
    file.write_bytes("\ufeff# a comment\n\nFROM_FILE='a value # all of it'\nexport FROM_BOTH=file\n".encode())

    environment.read_file(file)

    assert environment.text("FROM_FILE") == "a value # all of it"
    assert environment.text("FROM_BOTH") == "environment"


def test_no_file_is_needed(file):
    environment.read_file(file)


def test_another_file_can_be_named_and_must_exist(file, monkeypatch):
    monkeypatch.setenv("ENV_FILE", str(file))

    with pytest.raises(ImproperlyConfigured, match=r"^ENV_FILE: .* cannot be read"):
        environment.read_file(Path("never-looked-at"))


def test_no_file_is_read_when_the_name_is_blank(file, monkeypatch):
    file.write_text("FROM_FILE=1\n")
    monkeypatch.setenv("ENV_FILE", "")

    environment.read_file(file)

    assert environment.text("FROM_FILE") == ""


def test_a_line_that_is_no_assignment_is_named_by_its_number_only(file):
    file.write_text("FROM_FILE=1\nLAGO_API_KEY = hunter2\n")

    with pytest.raises(ImproperlyConfigured, match=r"^ENV_FILE: line 2 of .* must be NAME=value") as refusal:
        environment.read_file(file)

    assert "hunter2" not in str(refusal.value)


def test_a_file_in_another_encoding_is_refused(file):
    file.write_bytes("OPERATOR_NAME=Küste\n".encode("latin-1"))

    with pytest.raises(ImproperlyConfigured, match="cannot be read as UTF-8"):
        environment.read_file(file)


# --- A webhook's address -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "https://hooks.example.com/x/", "http://n8n:5678/webhook?token=a%20b"])
def test_a_webhook_s_address_is_kept_to_the_letter(variable, value):
    assert environment.webhook(variable(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        "hooks.example.com", "ftp://h/x", "https://", "https://u:hush@h/x", "https://h/#x", "http://[::1",
        "https://h/a b",
    ],
)  # fmt: skip
def test_what_is_no_webhook_s_address_is_refused_and_not_repeated(variable, value):
    with pytest.raises(ImproperlyConfigured, match="SOME_NAME must be an address") as caught:
        environment.webhook(variable(value))

    assert "hush" not in str(caught.value)


def test_a_dollar_between_single_quotes_is_the_same_with_compose_and_without(tmp_path, monkeypatch):
    """compose takes what stands between single quotes as it is; all else with a `$` it reads otherwise."""
    monkeypatch.setattr(environment, "read_otherwise", [])
    file = tmp_path / ".env"
    file.write_text('A_QUOTED=\'a$b#c "d"\'\nA_PLAIN=a$b\nA_DOUBLE="a$b"\n')
    monkeypatch.setenv("ENV_FILE", str(file))
    for name in ("A_QUOTED", "A_PLAIN", "A_DOUBLE"):
        monkeypatch.setenv(name, "")  # to be put back afterwards
        monkeypatch.delenv(name)

    environment.read_file(tmp_path / "none")

    assert environment.text("A_QUOTED") == 'a$b#c "d"'
    assert environment.read_otherwise == ["A_PLAIN", "A_DOUBLE"]
    remarks = [remark.msg for remark in run_checks() if remark.id == "polaris.W012"]
    assert len(remarks) == 2
    assert "a$b" not in "".join(remarks)
