"""The way to the one server that a session of ours talks to, worked out at the first call."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict


class OneServer(HTTPAdapter):
    """Works out once what the library works out for each call: a third of all that it does for a call.

    That is the pool of connections, with its certificates, and whether a proxy is to be told whole addresses.
    Cookies are not read: sessions of ours keep none.
    """

    _pool: Any = None
    _takes_paths = False

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *how: Any, **more: Any
    ) -> Any:
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(request, *how, **more)
        return self._pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if not hasattr(conn, "is_verified"):
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
            conn.is_verified = True

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        if self._takes_paths:
            return request.path_url
        url = super().request_url(request, proxies)
        self._takes_paths = url == request.path_url
        return url

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.reason = resp.status, resp.reason
        response.headers = CaseInsensitiveDict(resp.headers)
        response.url, response.request = req.url or "", req
        response.raw, response.connection = resp, self
        return response

    def close(self) -> None:
        self._pool = None
        super().close()
