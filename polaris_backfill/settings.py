"""All settings, and the only place that reads the environment. `.env.example` explains each variable."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from kernel.languages import MAILED
from kernel.zones import named_zone
from polaris_backfill import environment, logs
from polaris_backfill.look import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / ".data"  # of a laptop: the embedded database, the sandboxes' state, run logs

environment.read_file(BASE_DIR / ".env")

# --- The machine -----------------------------------------------------------------------------------

DEBUG = environment.flag("DEBUG")


def _secret_key() -> str:
    key = environment.text("SECRET_KEY")
    if DEBUG:
        return key or "only-for-a-laptop-" + "0" * 40
    if len(key) < 50 or len(set(key)) < 5:
        raise ImproperlyConfigured(
            "SECRET_KEY must be set to at least 50 random characters (or set DEBUG=1)."
        )
    return key


def _of_a_laptop() -> str:
    try:
        from polaris_backfill import embedded  # only here: a server has none of what it needs
    except ImportError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set, and there is no embedded PostgreSQL: the image and requirements.txt"
            " are a server's. On a laptop, make installs requirements-laptop.txt too."
        ) from error
    return embedded.database_url(DATA_DIR / "postgres")


def _database() -> dict[str, Any]:
    url = environment.text("DATABASE_URL")
    if not url and not DEBUG:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set; it looks like postgres://user:password@host:5432/name."
        )
    config = environment.database("DATABASE_URL", url or _of_a_laptop())
    test_name = environment.text("POLARIS_TEST_DB")
    return {**config, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "TEST": {"NAME": test_name or None}}


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = environment.names("SECRET_KEY_FALLBACKS")  # former ones: they sign nothing new
DATABASES = {"default": _database()}
HOSTS = environment.hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1"] if DEBUG else [])
ALLOWED_HOSTS = [host.name for host in HOSTS]

# --- Lago ------------------------------------------------------------------------------------------


def _lago_api_key() -> str:
    key = environment.text("LAGO_API_KEY")
    if not key and not DEBUG:  # with DEBUG, only the commands that need it ask for it
        raise ImproperlyConfigured("LAGO_API_KEY is not set: Lago shows it under Developers, API keys.")
    return key


LAGO_API_URL = environment.url("LAGO_API_URL", "http://lago-api:3000")
LAGO_API_KEY = _lago_api_key()
LAGO_TIMEOUT_S = 30  # of each try; the proxies in front of Lago wait no longer either
LAGO_METRIC_CODE = environment.text("LAGO_METRIC_CODE", "ev_charging_kwh")
LAGO_DASHBOARD_URL = environment.url("LAGO_DASHBOARD_URL")

# --- SteVe (optional) ------------------------------------------------------------------------------

STEVE_BASE_URL = environment.url("STEVE_BASE_URL")
STEVE_API_USERNAME = environment.text("STEVE_API_USERNAME")
STEVE_API_KEY = environment.text("STEVE_API_KEY")
STEVE_API_KEY_HEADER = environment.text("STEVE_API_KEY_HEADER", "STEVE-API-KEY")
STEVE_TIMEOUT_S = environment.whole("STEVE_TIMEOUT_S", 30, least=1, most=3600)  # grows with the idTags there
STEVE_OCPP_URL = environment.url("STEVE_OCPP_URL", schemes=("ws", "wss"))
STEVE_OCPP_PASSWORD = environment.text("STEVE_OCPP_PASSWORD")

# --- The platform's own database (optional) ----------------------------------------------------------

NO_PLATFORM = "none"
POLARIS_DATABASE_URL = environment.database_if_set("POLARIS_DATABASE_URL", word=NO_PLATFORM)
POLARIS_CUSTOMER_URL = environment.url("POLARIS_CUSTOMER_URL")  # where customers of the platform sign in

# --- The backfill ----------------------------------------------------------------------------------

BACKFILL_BATCH_SIZE = environment.whole("BACKFILL_BATCH_SIZE", 25, least=1, most=1000)
BACKFILL_CONCURRENCY = environment.whole("BACKFILL_CONCURRENCY", 8, least=1, most=64)
BACKFILL_LAGO_RATE = environment.whole("BACKFILL_LAGO_RATE", 25, least=0, most=10_000)
BACKFILL_LEASE_S = environment.whole("BACKFILL_LEASE_S", 20, least=2, most=3600)
BACKFILL_REQUIRE_APPROVAL = environment.flag("BACKFILL_REQUIRE_APPROVAL")  # of each plan, by somebody else
BACKFILL_LOG_DIR = Path(
    environment.text("BACKFILL_LOG_DIR") or (DATA_DIR / "backfill" if DEBUG else "/data/backfill")
)


def _timezone() -> str:
    name = environment.text("BACKFILL_TIMEZONE")
    if name and named_zone(name) is None:
        raise ImproperlyConfigured(
            f"BACKFILL_TIMEZONE must be a time zone such as Europe/Berlin, not {name!r}."
        )
    return name


BACKFILL_TIMEZONE = _timezone()  # "" means: ask Lago

# --- Mail and sign-in ------------------------------------------------------------------------------

OPERATOR_NAME = environment.text("OPERATOR_NAME", "Polaris Express")
OPERATOR_CONTACT_EMAIL = environment.text("OPERATOR_CONTACT_EMAIL")
EMAIL_FROM = environment.text("EMAIL_FROM")
DEFAULT_FROM_EMAIL = EMAIL_FROM
EMAIL_URL = environment.text("EMAIL_URL")
CF_EMAIL_WORKER_URL = environment.url("CF_EMAIL_WORKER_URL")
CF_EMAIL_WORKER_SECRET = environment.text("CF_EMAIL_WORKER_SECRET")
MAIL_TEMPLATES_DIR = environment.text("MAIL_TEMPLATES_DIR")  # "": the shipped ones
CUSTOMER_BASE_URL = (  # https, as whoever sees a magic link can sign in with it
    environment.url("CUSTOMER_BASE_URL", "http://localhost:8000")
    if DEBUG
    else environment.url("CUSTOMER_BASE_URL", schemes=("https",))
)
MAIL_LANGUAGES = MAILED
MAIL_LANGUAGE = environment.one_of("MAIL_LANGUAGE", "en", MAIL_LANGUAGES)  # of whom nobody said which
EMAIL_TIMEOUT = 10
EMAIL_DATA_TIMEOUT_S = 600  # for the answer to a whole mail; RFC 5321 asks for ten minutes


def _email() -> dict[str, Any]:
    server = environment.mail("EMAIL_URL")
    if CF_EMAIL_WORKER_URL:
        return {"EMAIL_BACKEND": "customers.mail.worker.EmailBackend"}
    if not server:
        return {"EMAIL_BACKEND": f"django.core.mail.backends.{'console' if DEBUG else 'dummy'}.EmailBackend"}
    if server["EMAIL_BACKEND"].endswith(".smtp.EmailBackend"):
        return {**server, "EMAIL_BACKEND": "customers.mail.smtp.EmailBackend"}
    return server


globals().update(_email())

MAGIC_LINK_TTL_SECONDS = environment.whole("MAGIC_LINK_TTL_SECONDS", 900, least=60, most=86_400)
MAGIC_LINK_INVITE_TTL_SECONDS = environment.whole(
    "MAGIC_LINK_INVITE_TTL_SECONDS", 86_400, least=300, most=30 * 86_400
)

# --- Told when it is over -----------------------------------------------------------------------------

NOTIFY_STARTER = environment.flag("NOTIFY_STARTER", "1")  # by mail, whoever started it in the console
NOTIFY_WEBHOOK_URL = environment.webhook("NOTIFY_WEBHOOK_URL")
NOTIFY_WEBHOOK_SECRET = environment.text("NOTIFY_WEBHOOK_SECRET")
if NOTIFY_WEBHOOK_URL and not NOTIFY_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "NOTIFY_WEBHOOK_SECRET is not set, and NOTIFY_WEBHOOK_URL is: what is told has to be signed."
    )

# --- Watched ---------------------------------------------------------------------------------------

METRICS_TOKEN = environment.text("METRICS_TOKEN")

# --- Django ----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "customers",  # first, so that its createsuperuser is the one that is found
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "polaris_backfill.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "import_export",
    "django_q",
    "axes",
    "auditlog",
    "billing",
    "polaris_backfill.apps.PolarisBackfillConfig",
    *(["rehearsal"] if (BASE_DIR / "rehearsal").is_dir() else []),  # a laptop's; the image goes without
]

MIDDLEWARE = [
    "polaris_backfill.security.port_of_https",
    "django.middleware.security.SecurityMiddleware",
    "polaris_backfill.security.body_limit",
    "polaris_backfill.security.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "customers.sign_in.devices.remembering",
]

ROOT_URLCONF = "polaris_backfill.urls"
WSGI_APPLICATION = "polaris_backfill.wsgi.application"
ASGI_APPLICATION = "polaris_backfill.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "customers.User"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LANGUAGE_CODE = "en"  # of the admin and of what is logged; mails and customers' pages override it
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True  # also what was not collected; read once, when the server starts
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "polaris_backfill.static.Collected"
    },
}

# --- Signing in ------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
CSRF_FAILURE_VIEW = "polaris_backfill.refusals.csrf_failure"
AXES_HANDLER = "customers.sign_in.passwords.Guard"  # counts as we do elsewhere, and keeps no address
AXES_FAILURE_LIMIT = 10  # of one account, from one client or one known browser
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_CALLABLE = "polaris_backfill.refusals.locked_out"
AXES_USERNAME_FORM_FIELD = "username"  # the admin's; left to guess, it counts and asks under two names
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
TRUSTED_PROXY_COUNT = environment.whole_if_set("TRUSTED_PROXY_COUNT", least=0, most=10)
AXES_CLIENT_IP_CALLABLE = "customers.sign_in.client.client_address"

# Magic links: using one ends all others of that customer, and so does a new address.
SESAME_TOKENS = ["sesame.tokens_v2"]
SESAME_ONE_TIME = True
SESAME_INVALIDATE_ON_EMAIL_CHANGE = True
SESAME_SIGNATURE_SIZE = 16
# Has each token carry its age; how old it may be is said where it is used.
SESAME_MAX_AGE = timedelta(days=30)

# --- Jobs ------------------------------------------------------------------------------------------
# The broker gives "at least once"; continuing, pacing and claiming are ours, so it never redelivers by plan.

Q_BROKER_URL = environment.url("Q_BROKER_URL", schemes=("redis", "rediss"))
Q_CLUSTER: dict[str, Any] = {
    "name": "polaris",
    "workers": environment.whole("WORKER_PROCESSES", 2, least=1, most=64),
    "timeout": 900,  # longer than a mail server may think over one mail
    "retry": 1020,  # counts from the moment a task is taken, so it must outlast timeout and waiting
    "max_attempts": 1,
    "ack_failures": True,
    "bulk": 1,
    "queue_limit": 1,  # what a busy worker has taken beforehand, no other one can do
    "save_limit": 1000,
    "catch_up": False,
    "poll": 0.5,
    "label": "Background jobs",
    "log_level": "WARNING",  # what it does is told by customers.jobs.journal, of which run and how it ended
    **({"broker_class": "customers.patient_redis.PatientRedis"} if Q_BROKER_URL else {"orm": "default"}),
}

# --- Security --------------------------------------------------------------------------------------

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if not DEBUG:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 86_400
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [host.origin for host in HOSTS if host.name != "*"]

# --- Imports in the admin: closed to everyone until a permission opens them ------------------------

# Emails are unique ignoring case, by a constraint that this check does not know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "run_backfill"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"
IMPORT_EXPORT_USE_TRANSACTIONS = True
MAX_UPLOAD_BYTES = 20 * 1024 * 1024  # in the admin; the command takes much more
MAX_UPLOAD_ROWS = 50_000  # a page can wait for that many to be planned; the command takes 200,000 and more
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # without files

# --- Logging ---------------------------------------------------------------------------------------
# Every handler is named here, so that no record gets past the filter; a logger's own filter sees only what
# is logged to it, not to those below. (What Django would add: a second console, and mails to nobody.)

LOG_FORMAT = environment.one_of("LOG_FORMAT", "text", logs.FORMS)
DISCREET = ["discreet"]
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "discreet": {"()": "polaris_backfill.logs.DiscreetRequests"},
        "said": {"()": "polaris_backfill.logs.OnlyWhatIsSaid"},
    },
    "formatters": {
        "json": {"()": "polaris_backfill.logs.JsonLines"},
        "text": {"()": "polaris_backfill.logs.TextLines"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": DISCREET, "formatter": LOG_FORMAT},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"level": "INFO"},
        "django.request": {"filters": DISCREET},
        "django.server": {"handlers": ["console"], "filters": DISCREET, "propagate": False},
        "django.security.csrf": {"filters": DISCREET},
        "customers.jobs.journal": {"level": "INFO"},
        "py.warnings": {"filters": ["said"]},
        "axes": {"level": "ERROR"},
        "sesame": {"level": "WARNING"},
    },
}
