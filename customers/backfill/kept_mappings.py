"""Mappings that are kept by name: made, changed and deleted, each with its entry in the audit log.

An entry has the name and the hash of what the mapping says, and nothing of what that is.
"""

import hashlib
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping, SourceError, parse_mapping
from customers.models import BackfillMapping, header_digest

TAG = "mapping"
MAX_NAME = 100
NAMED_SO = f"Save it under a name of at most {MAX_NAME} characters that can be seen, in one line."


def is_name(name: str) -> bool:
    """Return whether a mapping may be kept under a name; a blank one keeps nothing."""
    return len(name) <= MAX_NAME and name.isprintable()


def digest_of(kept: BackfillMapping) -> str:
    """Return what tells that somebody else has changed what is kept."""
    return hashlib.sha256(f"{kept.name}\n{kept.content}".encode()).hexdigest()


def parsed(kept: BackfillMapping) -> FileMapping:
    """Read what is kept; raise SourceError."""
    return parse_mapping(kept.name, kept.content)


def says(kept: BackfillMapping, mapping: FileMapping) -> bool:
    """Return whether what is kept says the same, in whichever words and order."""
    try:
        return parsed(kept).sha256() == mapping.sha256()
    except SourceError:  # of a version that knew more
        return False


def keep_mapping(
    name: str, text: str, mapping: FileMapping, header: Sequence[str], *, actor: str, overwrite: bool = False
) -> BackfillMapping:
    """Keep a mapping by name, to be offered for files with this header; raise Refused if it is taken."""
    content = {"content": text, "header_digest": header_digest(header), "changed_at": timezone.now()}
    try:
        with transaction.atomic():
            kept = BackfillMapping.objects.select_for_update().filter(name=name).first()
            if kept is None:
                kept = BackfillMapping.objects.create(name=name, **content)
                note("created", name, mapping, actor)
            elif says(kept, mapping):  # its comments stay; it is used with other columns too, perhaps
                BackfillMapping.objects.filter(pk=kept.pk).update(header_digest=content["header_digest"])
            else:
                _overwrite(kept, content, mapping, actor, overwrite=overwrite)
    except IntegrityError:  # somebody else was quicker
        raise _taken(name) from None
    return kept


def _overwrite(
    kept: BackfillMapping, content: dict[str, object], mapping: FileMapping, actor: str, *, overwrite: bool
) -> None:
    if not overwrite:
        raise _taken(kept.name)
    for field, value in content.items():
        setattr(kept, field, value)
    kept.save(update_fields=[*content])
    note("changed", kept.name, mapping, actor)


def _taken(name: str) -> Refused:
    return Refused(f"There is another column mapping named “{name}”.", "Tick “Overwrite”, or choose a name.")


def note(verb: str, name: str, mapping: FileMapping | None, actor: str) -> None:
    """Write down that a mapping was created, changed or deleted; call it in the transaction that does it."""
    said = {"sha256": mapping.sha256()} if mapping else {}
    record(TAG, actor, [Event(f"mapping.{verb}", f"mapping:{name}", said)])
