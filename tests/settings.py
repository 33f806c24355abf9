"""The settings of the tests: nothing has to be set, and nothing of an operator's `.env` reaches them."""

import os

os.environ.setdefault("ENV_FILE", "")
os.environ.setdefault("DEBUG", "1")

from polaris_backfill.settings import *  # noqa: F403

WHITENOISE_AUTOREFRESH = True  # as with DEBUG, which pytest-django turns off: no collected files are needed
# A password is hashed for half a second, to be hard to guess. Nobody guesses those of the tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
