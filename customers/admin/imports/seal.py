"""What binds a confirmation to a preview: who confirms, which file, planned how, when."""

from typing import Any

from django.core import signing

from customers.backfill.edition import edition_of
from customers.models import BackfillUpload, User

SALT = "customers.import.confirm"


def seal(upload: BackfillUpload, user: User) -> str:
    said = {"user": user.pk, "token": str(upload.pk), "sha256": upload.sha256, "edition": edition_of(upload)}
    return signing.dumps(said, salt=SALT, compress=False)


def edition_sealed(sealed: str, token: str, user: User) -> str:
    """Return which edition of a preview this user confirms; blank if that is not what is kept now.

    So is a seal that is not ours, or is older than a preview lives. What was planned anew since, in another
    tab or by a colleague, is another preview. So is one whose seal knows no edition, of an older version.
    """
    try:
        said: dict[str, Any] = signing.loads(sealed, salt=SALT, max_age=BackfillUpload.LIFETIME)
    except signing.BadSignature:
        return ""
    if said["token"] != token or said["user"] != user.pk:
        return ""
    upload = BackfillUpload.objects.defer("data").filter(pk=token).first()
    if upload is None or upload.sha256 != said["sha256"]:
        return ""
    edition = edition_of(upload)
    return edition if edition == said.get("edition") else ""
