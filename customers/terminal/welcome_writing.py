"""What `backfill_welcome` only writes: the mail to look at, and the shipped mails to begin one's own with."""

from collections.abc import Sequence
from functools import partial
from os.path import lexists  # a link to nothing is there as well
from pathlib import Path

from customers.backfill.refused import Refused
from customers.backfill.welcome.sample import html_of, sample_message
from customers.mail.composing import composed
from customers.mail.errors import CannotCompose
from customers.mail.starting import starting_templates
from customers.terminal.welcome_options import WelcomeOptions


def written(chosen: WelcomeOptions, zone: str) -> str:
    """Write the files that were asked for, and say so; "" if none were. Raise Refused."""
    if chosen.preview:
        files = _write_previews(chosen.preview, chosen.languages, zone)
        return f"The mail, as a made-up customer would see it: {', '.join(map(str, files))}"
    if chosen.write_templates:
        number, folder = _write_templates(chosen.write_templates), chosen.write_templates
        advice = "delete those that are to stay as shipped, and set MAIL_TEMPLATES_DIR"
        return f"{number} files are in {folder}: {advice}."
    return ""


def _write_previews(path: Path, languages: Sequence[str], zone: str) -> list[Path]:
    """Write a file for each language, which is in their names if there are several; over what is there.

    As it writes over a file, that one has to be such a page by its name, and not the file of customers.
    """
    if path.suffix.lower() != ".html":
        raise Refused(f"--preview: {path} does not end in .html.", "Name a file such as mail.html.")
    several = len(languages) > 1
    files = [path.with_suffix(f".{one}{path.suffix}") if several else path for one in languages]
    for file, language in zip(files, languages, strict=True):
        _write_preview(file, language, zone)
    return files


def _write_preview(path: Path, language: str, zone: str) -> None:
    try:
        path.write_text(html_of(composed(partial(sample_message, locale=language, zone=zone))), "utf-8")
    except OSError as error:
        raise Refused(f"--preview: {path} cannot be written: {error.strerror}.") from error
    except CannotCompose as error:
        raise Refused(str(error)) from error


def _write_templates(folder: Path) -> int:
    """Return how many there are; raise Refused, with nothing written, where one is there already."""
    files = dict(starting_templates())
    try:
        folder.mkdir(exist_ok=True)
        if there := sorted(name for name in files if lexists(folder / name)):
            what = f"--write-templates: {folder / there[0]} is there already, and is left as it is."
            raise Refused(what, "Name another folder.")
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        why = f"--write-templates: {folder} cannot be written: {error.strerror}."
        raise Refused(why, "Name a folder of yours, or a new one.") from error
    return len(files)
