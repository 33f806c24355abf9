# --- The requirements, with nothing left of what installed them --------------------------------------
FROM python:3.13-slim AS requirements

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements-build.txt requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-deps --require-hashes --only-binary :all: --requirement requirements-build.txt \
    && /venv/bin/pip install --no-deps --require-hashes --no-build-isolation --use-pep517 --requirement requirements.txt \
    && /venv/bin/pip check

# --- The image ----------------------------------------------------------------------------------------
FROM python:3.13-slim

ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LOGNAME=polaris

RUN groupadd --system --gid 10001 polaris \
    && useradd --system --uid 10001 --gid 10001 --create-home polaris \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data/backfill

COPY --from=requirements /venv /venv
WORKDIR /app
COPY . .

# Whatever the umask of whoever builds it: the sources can be read by the user that compose.yaml may name.
# Compiled here, as nobody can write there later: every command would compile all of it anew.
# The settings want to be whole even here; none of these values stays in the image.
RUN chmod -R a+rX . \
    && python -m compileall -q . \
    && SECRET_KEY=only-to-collect-the-static-files-and-never-to-run-with-0123456789 \
    DATABASE_URL=postgres://nobody@localhost/none LAGO_API_KEY=none \
    python manage.py collectstatic --noinput

# A number, by which an orchestrator sees that it is not root.
USER 10001:10001
VOLUME /data/backfill
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-m", "polaris_backfill.healthcheck"]
CMD ["gunicorn", "polaris_backfill.wsgi"]
