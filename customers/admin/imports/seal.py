"""What binds a confirmation to a preview: who uploaded, which file, through which mapping, when."""

import hashlib
from typing import Any

from django.core import signing

from customers.models import BackfillUpload, User

SALT = "customers.import.confirm"


def seal(upload: BackfillUpload, user: User) -> str:
    said = {"user": user.pk, "token": str(upload.pk), "sha256": upload.sha256, "mapping": _digest(upload)}
    return signing.dumps(said, salt=SALT, compress=False)


def is_whole(sealed: str, token: str, user: User) -> bool:
    """Return whether the seal is ours, not older than a preview lives, and of this user's very file.

    A mapping that was changed since, in another tab perhaps, has another preview.
    """
    try:
        said: dict[str, Any] = signing.loads(sealed, salt=SALT, max_age=BackfillUpload.LIFETIME)
    except signing.BadSignature:
        return False
    if said["token"] != token or said["user"] != user.pk:
        return False
    upload = BackfillUpload.objects.without_content().filter(pk=token, uploaded_by=user).first()
    return (
        upload is not None
        and upload.sha256 == said["sha256"]
        and _digest(upload) == said.get("mapping", "")  # a seal of 1.1 knows of none
    )


def _digest(upload: BackfillUpload) -> str:
    return hashlib.sha256(upload.mapping.encode()).hexdigest() if upload.mapping else ""
