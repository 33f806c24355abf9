"""Where each page lives."""

from django.contrib import admin
from django.urls import include, path

from customers.admin.people.own_password import password_change
from polaris_backfill.health import healthz, readyz
from polaris_backfill.metrics import metrics

handler400 = "polaris_backfill.refusals.bad_request"
handler403 = "polaris_backfill.refusals.forbidden"
handler404 = "polaris_backfill.refusals.not_found"
handler500 = "polaris_backfill.refusals.broken"

admin.autodiscover()

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("admin/password_change/", password_change),
    path("admin/", admin.site.urls),
    path("", include("customers.urls")),
]
