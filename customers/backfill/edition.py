"""Which preview it is that somebody looks at."""

import hashlib
import json

from customers.models import BackfillUpload


def edition_of(upload: BackfillUpload) -> str:
    """Name what a page shows of a preview: planned anew, with other options or corrections, it is another."""
    planned = (upload.sha256, upload.mapping, upload.options)
    digest = hashlib.sha256(json.dumps(planned, sort_keys=True).encode())
    digest.update(bytes(upload.preview))
    return digest.hexdigest()
