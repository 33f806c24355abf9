"""What binds a confirmation to a preview: who uploaded, which file, when."""

from typing import Any

from django.core import signing

from customers.models import BackfillUpload, User

SALT = "customers.import.confirm"


def seal(upload: BackfillUpload, user: User) -> str:
    return signing.dumps(
        {"user": user.pk, "token": str(upload.pk), "sha256": upload.sha256}, salt=SALT, compress=False
    )


def is_whole(sealed: str, token: str, user: User) -> bool:
    """Return whether the seal is ours, not older than a preview lives, and of this user's very file."""
    try:
        said: dict[str, Any] = signing.loads(sealed, salt=SALT, max_age=BackfillUpload.LIFETIME)
    except signing.BadSignature:
        return False
    if said["token"] != token or said["user"] != user.pk:
        return False
    return BackfillUpload.objects.filter(pk=token, uploaded_by=user, sha256=said["sha256"]).exists()
