"""gunicorn's own log, in the form of all others."""

from typing import Any

from gunicorn import glogging

from polaris_backfill import logs, startup


class Log(glogging.Logger):  # type: ignore[misc]
    """Is first to read the settings, for LOG_FORMAT: a wrong one ends it here, in one line."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        with startup.refusals_in_one_line(is_service=True):
            from polaris_backfill import settings
        for log in (self.error_log, self.access_log):
            log.addFilter(logs.DiscreetRequests())  # somebody may switch the access log on
            for handler in log.handlers:
                if settings.LOG_FORMAT == "json":
                    handler.setFormatter(logs.JsonLines())
