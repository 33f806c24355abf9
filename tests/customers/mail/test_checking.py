"""An operator's templates, tried before anybody gets a mail by them."""

import time

import pytest
from django.conf import settings as current
from pytest_django.fixtures import Settings

from customers.mail import checking, messages
from customers.mail.checking import template_problems
from customers.mail.starting import starting_templates
from tests.customers.mail.operators_words import HTML, LAYOUT, TEXT, Words
from tests.customers.mail.test_messages import sign_in, welcome

BY_WORKER = "customers.mail.worker.EmailBackend"


def only_problem() -> str:
    problems = template_problems()
    assert len(problems) == 1, problems
    return problems[0].removeprefix("MAIL_TEMPLATES_DIR, ")


def test_without_a_folder_there_is_nothing_to_say(settings: Settings) -> None:
    settings.MAIL_TEMPLATES_DIR = ""

    assert template_problems() == []


def test_templates_in_order_are_well(words: Words) -> None:
    words["welcome.html"], words["welcome.de.html"], words["magic-link.txt"] = LAYOUT, HTML, TEXT
    words["welcome-subject.txt"], words["notes.md"], words["base.html"] = "Moin", "to do", "x"

    assert template_problems() == []
    assert checking.own_templates() == [
        "magic-link.txt", "welcome-subject.txt", "welcome.de.html", "welcome.html",
    ]  # fmt: skip


def test_a_fault_in_one_language_is_found_and_one_for_all_is_named_once(words: Words) -> None:
    words["welcome.txt"] = "{{ nothing }}"
    words["welcome.nl.txt"] = "\n{{ niets }}"

    problems = template_problems()

    assert [problem.partition(" Take")[0] for problem in problems] == [
        "MAIL_TEMPLATES_DIR, welcome.txt, line 1: there is no variable nothing.",
        "MAIL_TEMPLATES_DIR, welcome.nl.txt, line 2: there is no variable niets.",
    ]


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("welcome.txt", "   \n\n", "the link is not there, or not by itself"),
        ("welcome.txt", "\nOpen {{ link }}.", "line 2: the link is not there, or not by itself"),
        ("welcome.txt", "{% if display_name %}{{ link }}{% endif %}", "the link is not there"),
        ("welcome.txt", "{% if blocked_until %}soon{% else %}{{ link }}{% endif %}", "the link is not there"),
        ("welcome.txt", "{{ link|upper }}", "the link is not there"),
        ("welcome.html", "<a href='{{ home }}'>x</a>", "nothing to click leads to the link"),
        ("welcome.html", "<!-- <a href='{{ link }}'> -->", "nothing to click leads to the link"),
        ("welcome.html", "<p>\n{{ link }}</p>", "line 2: nothing to click"),
        ("welcome.html", "<a href='{{ link|upper }}'>x</a>", "nothing to click"),
        ("welcome.html", HTML + "<img src='https://x.example/?{{ link }}'>", 'a part of <img src="…">'),
        ("welcome.html", "<a href='https://t.example/{{ link }}'>x</a>", 'a part of <a href="…">'),
        ("welcome.html", HTML + "{{ display_name }}" * 3300, "the mail is larger than 100 KB"),
        ("welcome-subject.txt", " \n", "the subject is blank"),
        ("welcome-subject.txt", "Moin\nBcc: x@example.com", "line 2: the subject has more than one line"),
        ("welcome-subject.txt", "Moin {{ display_name }}", "no variable display_name. Take one of: operator"),
        ("welcome-subject.txt", "x" * 151, "the subject has 151 characters. Shorten it to 150."),
        ("magic-link.txt", "{{ expires_at }}\n{{ link }}", "no variable expires_at"),
        ("welcome.dk.html", HTML, "no mail uses a file of that name"),
        ("Welcome.html", HTML, "no mail uses a file of that name"),
        ("welcome_de.html", HTML, "no mail uses a file of that name"),
    ],
)  # fmt: skip
def test_what_would_not_do_for_every_customer_is_found(
    words: Words, name: str, written: str, said: str
) -> None:
    words[name] = written

    found = only_problem()

    assert found.startswith(name)
    assert said in found


def test_the_email_worker_has_limits_of_its_own(words: Words, settings: Settings) -> None:
    words["welcome-subject.txt"] = "x" * 51
    words["welcome.html"] = f"<style>a{{}}</style>{HTML}"
    by_smtp = template_problems()
    settings.EMAIL_BACKEND = BY_WORKER

    assert by_smtp == []
    assert [problem.partition(": ")[2] for problem in template_problems()] == [
        "the subject has 51 characters. Shorten it to 50.",
        "a mail by the email worker must not have <style>. Take it out.",
    ]


def test_a_folder_that_is_not_there_is_the_only_problem(settings: Settings) -> None:
    settings.MAIL_TEMPLATES_DIR = "/nowhere/mail"

    assert template_problems() == [
        "MAIL_TEMPLATES_DIR: /nowhere/mail is not there: make the folder, or correct the variable."
    ]


def test_what_is_tried_is_what_mails_are_made_of(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.EMAIL_FROM = "noreply@acme.example"
    given = {}
    monkeypatch.setattr(messages, "render", lambda name, values, shipped: given.setdefault(name, set(values)))

    welcome(), sign_in()

    assert given["welcome.txt"] == set(checking.VALUES["welcome"])
    assert given["magic-link.txt"] == set(checking.VALUES["magic-link"])


def test_the_shipped_mails_to_begin_with_pass_and_say_the_same(
    words: Words, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_FROM, settings.OPERATOR_CONTACT_EMAIL = "noreply@acme.example", "help@acme.example"
    settings.EMAIL_BACKEND = BY_WORKER
    shipped = [
        (str(mail.body).split(), mail.alternatives[0][0]) for mail in (welcome(), sign_in(), welcome(""))
    ]

    files = dict(starting_templates())
    for name, text in files.items():
        words[name] = text

    assert len(files) == 4 * len(current.MAIL_LANGUAGES)
    assert "{% if blocked_until %}" in files["welcome.de.txt"]
    assert template_problems() == []
    own = [(str(mail.body).split(), mail.alternatives[0][0]) for mail in (welcome(), sign_in(), welcome(""))]
    assert [text for text, _ in own] == [text for text, _ in shipped]
    assert [str(html).split() for _, html in own] == [str(html).split() for _, html in shipped]


def test_trying_them_takes_no_time(words: Words) -> None:
    for name, text in starting_templates():
        words[name] = text

    began = time.perf_counter()
    template_problems()

    assert time.perf_counter() - began < 3  # some 0.3 s
