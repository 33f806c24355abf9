"""Preview a file in the admin, correct a cell near its end, and print as JSON how long that takes.

A process of its own, run by the benchmarks in their stage: the console's pages through the test client, so
that what is measured is the web process.
"""

import json
import os
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polaris_backfill.settings")
django.setup()

from django.conf import settings  # noqa: E402 # once Django is set up
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.test import Client  # noqa: E402

from customers.backfill.edition import edition_of  # noqa: E402
from customers.models import BackfillUpload, User  # noqa: E402

IMPORT = "/admin/customers/backfillrun/import/"
TRIES = 3


def main(path: Path) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = Client()
    boss = User.objects.create_superuser("bench@operator.example", "bench")
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    file = SimpleUploadedFile(path.name, path.read_bytes())
    client.post(IMPORT, {"import_file": file, "resource": "0", "format": ""})
    upload = BackfillUpload.objects.get()
    tries = [_corrected(client, upload, upload.rows - number) for number in range(TRIES)]
    print(json.dumps({"correct_s": min(tries)[0], "page_s": min(page for _, page in tries)}))


def _corrected(client: Client, upload: BackfillUpload, line: int) -> tuple[float, float]:
    upload.refresh_from_db()
    sent = {"edition": edition_of(upload), f"cell:{line}:0": f"corrected{line}@example.com"}
    began = time.perf_counter()
    answer = client.post(f"{IMPORT}{upload.pk}/correct/", sent)
    planned = time.perf_counter()
    page = client.get(answer["Location"])
    if (answer.status_code, page.status_code) != (302, 200):
        raise RuntimeError("the cell was not corrected")
    return planned - began, time.perf_counter() - planned


main(Path(sys.argv[1]))
