"""What an operator's own templates can say, and what they cannot reach."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from customers.mail.composing import composed
from customers.mail.envelope import CustomerMail
from customers.mail.errors import CannotCompose
from customers.mail.messages import notice_message, sign_in_message, welcome_message
from customers.mail.templates import replacement
from tests.customers.mail.operators_words import HTML, LAYOUT, TEXT, Words

LINK = "https://my.acme.example/sign-in/link/12.abc/?a=1&b=2"
VALUES = {"link": LINK, "display_name": "<b>O'Neil</b>", "operator": "Acme"}
A_DAY = timedelta(hours=24)
PASSWORDS = Path("/etc/passwd")


@pytest.fixture(autouse=True)
def operator(settings: Settings) -> None:
    settings.OPERATOR_NAME = "Acme Charging"
    settings.EMAIL_FROM = "noreply@acme.example"
    settings.CUSTOMER_BASE_URL = "https://my.acme.example"
    settings.SECRET_KEY = "never-to-be-seen"


def welcome(display_name: str = "Erika", *, locale: str = "") -> CustomerMail:
    expires = datetime(2026, 11, 23, tzinfo=UTC)
    return welcome_message(
        "erika@example.com", display_name, LINK, expires, A_DAY, "<1@acme.example>", locale=locale
    )


def sign_in(*, shipped: bool = False) -> CustomerMail:
    return sign_in_message("erika@example.com", "Erika", LINK, A_DAY, "<1@acme.example>", shipped=shipped)


def html_of(mail: CustomerMail) -> str:
    return str(mail.alternatives[0][0])


def refusal(name: str) -> str:
    with pytest.raises(CannotCompose) as raised:
        replacement(name, VALUES)
    return str(raised.value)


@contextmanager
def nobody() -> Iterator[None]:
    """Have files read as a user who owns none."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# --- What they say -----------------------------------------------------------------------------------


def test_each_part_is_replaced_by_itself(words: Words) -> None:
    words["welcome.txt"] = TEXT
    text_alone = welcome()
    words["welcome.html"] = HTML
    words["welcome-subject.txt"] = "Moin von {{ operator }}\n"

    assert (text_alone.subject, str(text_alone.body)) == (
        "Your Acme Charging account is ready",
        f"Moin Erika\n\n{LINK}\n",
    )
    assert "Open my account" in html_of(text_alone)
    assert welcome().subject == "Moin von Acme Charging"
    assert html_of(welcome()).startswith("<h1>Moin Erika</h1>")


def test_the_mail_with_a_sign_in_link_has_its_own(words: Words) -> None:
    words["magic-link.html"] = HTML
    words["magic-link-subject.txt"] = "Ihr Link"

    assert (sign_in().subject, html_of(sign_in())[:8]) == ("Ihr Link", "<h1>Moin")
    assert "Open my account" in html_of(welcome())
    assert "Open my account" not in html_of(sign_in(shipped=True))
    assert sign_in(shipped=True).subject == "Sign in to Acme Charging"


def test_a_notice_to_staff_stays_ours(words: Words) -> None:
    words["notice.txt"] = "{{ link }}"
    told = {"counts": {}, "run_id": "r", "organization": "Acme"}

    assert "Run r, into Acme" in str(notice_message("ops@acme.example", "Over", told, "<1@x>").body)


def test_a_language_has_its_own_file_or_that_for_all(words: Words) -> None:
    words["welcome.txt"] = TEXT
    words["welcome.de.txt"] = f"Deutsch\n{TEXT}"

    assert str(welcome(locale="de-at").body).startswith("Deutsch")
    assert str(welcome(locale="fr").body).startswith("Moin")


def test_the_shipped_look_is_kept_with_other_words(words: Words) -> None:
    words["welcome.html"] = LAYOUT

    html = html_of(welcome())

    assert "Moin Erika</h1>" in html
    assert "border-radius:14px" in html
    assert f'href="{LINK.replace("&", "&amp;")}"' in html


def test_a_layout_of_ones_own_is_found_in_the_folder_by_language(words: Words) -> None:
    words["base.html"] = '{% block middle %}{% endblock %}<a href="{{ link }}">all</a>'
    words["base.de.html"] = '{% block middle %}{% endblock %}<a href="{{ link }}">de</a>'
    words["welcome.html"] = '{% extends "base.html" %}{% block middle %}{{ display_name }}{% endblock %}'

    assert ">de</a>" in html_of(welcome(locale="de"))
    assert ">all</a>" in html_of(welcome())


def test_names_are_escaped_in_html_and_plain_in_text(words: Words) -> None:
    words["welcome.html"], words["welcome.txt"] = HTML, TEXT

    mail = welcome("<b>O'Neil</b>")

    assert "&lt;b&gt;O&#x27;Neil&lt;/b&gt;" in html_of(mail)
    assert "Moin <b>O'Neil</b>" in str(mail.body)


def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm(words: Words) -> None:
    words["welcome.txt"] = b"\xef\xbb\xbfMoin\r\n{{ link }}\r\n"

    assert replacement("welcome.txt", VALUES) == f"Moin\n{LINK}\n"


def test_a_changed_file_counts_from_the_next_mail_on(words: Words) -> None:
    words["welcome.txt"] = TEXT
    before = str(welcome().body)
    words["welcome.txt"] = TEXT.replace("Moin", "Servus")

    assert (before[:4], str(welcome().body)[:6]) == ("Moin", "Servus")


# --- What they cannot do -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("{{ settings.SECRET_KEY }}", "variable settings.SECRET_KEY"),
        ("{{ request }}", "variable request"),
        ("{{ link.__class__ }}", "underscores"),
        ("{{ link.upper }}", "variable link.upper"),
        ("{{ block.super }}", "variable block.super"),
        ("{{ link|default:settings.SECRET_KEY }}", "variable settings.SECRET_KEY"),
        ("{% if settings.DEBUG %}{% endif %}", "variable settings.DEBUG"),
        ("{{ surname }}", "variable surname. Take one of: display_name, link, operator"),
        ("{{ display_name|safe }}", "filter safe"),
        ('{{ link|center:"99999999999" }}', "filter center"),
        ("{% autoescape off %}{% endautoescape %}", "tag autoescape"),
        ("{% filter safe %}{% endfilter %}", "tag filter"),
        ('{% include "/etc/passwd" %}', "tag include"),
        ('{% include "welcome.html" %}', "tag include"),
        ('{% ssi "/etc/passwd" %}', "tag ssi"),
        ("{% load i18n %}", "tag load"),
        ("{% debug %}", "tag debug"),
        ("{% lorem 99999999 %}", "tag lorem"),
        ("{% for a in link %}{% for b in link %}{% endfor %}{% endfor %}", "tag for"),
        ("{% with a=link %}{% endwith %}", "tag with"),
        ("{% url 'admin:index' %}", "tag url"),
        ('{% extends "/etc/passwd" %}', "no layout '/etc/passwd'"),
        ('{% extends "../secret.html" %}', "no layout '../secret.html'"),
        ('{% extends "admin/base.html" %}', "no layout 'admin/base.html'"),
        ("{% extends link %}", "one name in quotes"),
        ('{% extends "welcome.html" %}', "cannot extend another"),
        ('{% extends "mail/base.html" %}{% block hedding %}{% endblock %}', "no block hedding"),
        ('{% extends "mail/base.html" %}lost', "not shown"),
        ("{% if link %}", "Unclosed tag"),
        ("{% endif %}", "not open here"),
        ("{{ }}", "Empty variable tag"),
        ("{% if " + "link or " * 60 + "link %}{% endif %}", "longer than 300"),
        ("<ScRiPt src=x>", "must not have <script>"),
        ("Dear {{ display_name\n}}", "begins with {{ is not closed on its line"),
        ("{% if link\n%}{% endif", "begins with {% is not closed on its line"),
        ("{# mine,\nnot theirs #}", "begins with {# is not closed on its line"),
    ],
)  # fmt: skip
def test_what_is_not_for_a_mail_is_named_with_its_line(words: Words, written: str, word: str) -> None:
    filler = "" if "extends" in written else '\n<a href="{{ link }}">x</a>\n'
    words["welcome.html"] = filler + written

    said = refusal("welcome.html")

    assert said.startswith(f"MAIL_TEMPLATES_DIR, welcome.html, line {1 + filler.count(chr(10))}: "), said
    assert word in said
    assert "never-to-be-seen" not in said


def test_a_style_sheet_is_taken_for_no_tag(words: Words) -> None:
    style = "<style>@media print{#a{color:#000}}</style>"
    words["welcome.html"] = f'{style}<a href="{{{{ link }}}}">x</a>'

    assert style in html_of(welcome())


def test_conditions_without_end_are_refused(words: Words) -> None:
    words["welcome.html"] = "{% if link %}" * 5000 + "{% endif %}" * 2000

    assert "nest too deep" in refusal("welcome.html")


def test_a_fault_in_a_layout_names_the_layout(words: Words) -> None:
    words["base.html"] = "\n{% debug %}"
    words["welcome.html"] = '{% extends "base.html" %}'

    assert refusal("welcome.html").startswith("MAIL_TEMPLATES_DIR, base.html, line 2: the tag debug")


def test_comments_are_left_out(words: Words) -> None:
    words["welcome.txt"] = "{# {{ nothing }} #}{% comment %}{{ nothing }}{% endcomment %}\n{{ link }}"

    assert replacement("welcome.txt", VALUES) == f"\n{LINK}"


# --- Which files are read ----------------------------------------------------------------------------


def test_a_link_out_of_the_folder_is_refused(words: Words) -> None:
    (words.folder / "welcome.txt").symlink_to(PASSWORDS)

    assert "a link out of the folder" in refusal("welcome.txt")


def test_a_folder_that_links_to_itself_within_is_read_as_kubernetes_mounts_it(words: Words) -> None:
    (words.folder / "..2026").mkdir()
    (words.folder / "..2026" / "welcome.txt").write_text(TEXT)
    (words.folder / "..data").symlink_to("..2026")
    (words.folder / "welcome.txt").symlink_to("..data/welcome.txt")

    assert replacement("welcome.txt", VALUES) is not None


@pytest.mark.parametrize("target", ["nowhere.txt", "welcome.txt"])
def test_a_link_to_nothing_is_no_absent_file(words: Words, target: str) -> None:
    (words.folder / "welcome.txt").symlink_to(target)

    assert refusal("welcome.txt").startswith("MAIL_TEMPLATES_DIR, welcome.txt: it ")


def test_a_pipe_and_a_folder_of_the_name_are_refused_at_once(words: Words) -> None:
    os.mkfifo(words.folder / "welcome.txt")
    (words.folder / "welcome.html").mkdir()

    assert "it is no file" in refusal("welcome.txt")
    assert "it is no file" in refusal("welcome.html")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not read")
def test_a_file_and_a_folder_that_may_not_be_read(settings: Settings) -> None:
    folder = Path("/tmp") / f"mail-{os.getpid()}"
    folder.mkdir(mode=0o755)
    settings.MAIL_TEMPLATES_DIR = str(folder)
    try:
        (folder / "welcome.txt").touch(mode=0o600)
        with nobody():
            file = refusal("welcome.txt")
        folder.chmod(0o700)
        with nobody():
            place = refusal("welcome.txt")
    finally:
        (folder / "welcome.txt").unlink()
        folder.rmdir()

    assert file == (
        "MAIL_TEMPLATES_DIR, welcome.txt: it cannot be read. Let the user of this service read it."
    )
    assert "cannot be read: let the user of this service read the folder" in place


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Moin\n\xe4 {{ link }}", "line 2: it is no UTF-8. Save it as UTF-8."),
        (TEXT.encode("utf-16"), "line 1: it is no UTF-8"),
        (b"Moin\n\n\0{{ link }}", "line 3: it holds the character U+0000"),
        (b"x" * 102_401, "it is larger than 100 KB"),
    ],
)  # fmt: skip
def test_what_is_no_text_or_too_much_is_refused(words: Words, content: bytes, said: str) -> None:
    words["welcome.txt"] = content

    assert said in refusal("welcome.txt")


def test_a_place_that_is_no_folder_is_said_plainly(words: Words, settings: Settings) -> None:
    words["welcome.txt"] = TEXT
    settings.MAIL_TEMPLATES_DIR = str(words.folder / "welcome.txt")
    file = refusal("welcome.html")
    settings.MAIL_TEMPLATES_DIR = str(words.folder / "mails")
    nothing = refusal("welcome.html")

    assert file.endswith("welcome.txt is no folder: name the folder that the templates are in.")
    assert nothing.endswith("mails is not there: make the folder, or correct the variable.")
    with pytest.raises(CannotCompose):
        composed(welcome)
