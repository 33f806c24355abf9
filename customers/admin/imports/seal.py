"""What binds a confirmation to a preview: who confirms, which file, planned how, when."""

import hashlib
import json
from typing import Any

from django.core import signing

from customers.models import BackfillUpload, User

SALT = "customers.import.confirm"


def edition(upload: BackfillUpload) -> str:
    """Name what a page shows of a preview: planned anew, with other options or corrections, it is another."""
    planned = (upload.sha256, upload.mapping, upload.options)
    digest = hashlib.sha256(json.dumps(planned, sort_keys=True).encode())
    digest.update(bytes(upload.preview))
    return digest.hexdigest()


def seal(upload: BackfillUpload, user: User) -> str:
    said = {"user": user.pk, "token": str(upload.pk), "sha256": upload.sha256, "edition": edition(upload)}
    return signing.dumps(said, salt=SALT, compress=False)


def is_whole(sealed: str, token: str, user: User) -> bool:
    """Return whether the seal is ours, not older than a preview lives, and this user's, of what is kept now.

    What was planned anew since, in another tab or by a colleague, is another preview. So is one whose seal
    knows no edition: an older version made it.
    """
    try:
        said: dict[str, Any] = signing.loads(sealed, salt=SALT, max_age=BackfillUpload.LIFETIME)
    except signing.BadSignature:
        return False
    if said["token"] != token or said["user"] != user.pk:
        return False
    upload = BackfillUpload.objects.defer("data").filter(pk=token).first()
    return upload is not None and upload.sha256 == said["sha256"] and edition(upload) == said.get("edition")
