"""The customers' pages."""

from django.urls import path
from django.views.generic import RedirectView

from customers import views

app_name = "customers"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="customers:account")),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/sent/", views.sent, name="sent"),
    path("sign-in/link/<str:token>/", views.link, name="link"),
    path("sign-in/use/", views.use_link, name="use_link"),
    path("account/", views.account, name="account"),
    path("account/sign-out/", views.SignOut.as_view(), name="sign_out"),
]
