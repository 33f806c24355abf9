"""Programs of the machine that some tests need."""

import os
import shutil

import pytest


def needed(program: str, package: str) -> str:
    """Find a program; without it the test is skipped, and fails where CI is set."""
    path = shutil.which(program)
    if path is None:
        words = f"there is no {program} on the PATH: apt install {package}"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return path
