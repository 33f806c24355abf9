"""The way to the one server that a session of ours talks to, worked out at the first call."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from kernel.exchange import PIECE, Answer, exchange


class OneServer(HTTPAdapter):
    """Works out once what the library works out for each call: a third of all that it does for a call.

    That is the pool of connections, with its certificates, and whether a proxy is to be told whole addresses.
    Cookies are not read: sessions of ours keep none.
    """

    _pool: Any = None
    _takes_paths = False
    _host = ""

    def ask(
        self, request: requests.PreparedRequest, *, timeout_s: float, most: int, **network: Any
    ) -> Answer:
        """Send, and read the whole answer unless it is more than `most` bytes; raise RequestException.

        The library makes each connection, with the first call on it; the others go past it.
        """
        pool, connection = self._pool, self._standing(request.url or "")
        if connection is None:
            with self.send(request, timeout=timeout_s, **network) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers, _read(response, most))
        is_kept = False
        try:
            head, body = self._head(request), request.body or b""
            answer, is_kept = exchange(connection.sock, head, body, timeout_s=timeout_s, most=most)  # type: ignore[arg-type]
        except TimeoutError as error:
            raise requests.ReadTimeout(error, request=request) from None
        except OSError as error:
            raise requests.ConnectionError(error, request=request) from None
        finally:
            if not is_kept:
                connection.close()
            pool._put_conn(connection)
        return answer

    def _standing(self, url: str) -> Any:
        """Take a connection that stands, if there is one on which the server itself is spoken to."""
        if self._pool is None or not self._takes_paths or not _is_plain(url):
            return None
        connection = self._pool._get_conn()  # closed, where the other side hung up in the meantime
        if connection.sock is None:
            self._pool._put_conn(connection)
            return None
        return connection

    def _head(self, request: requests.PreparedRequest) -> str:
        url = request.url or ""
        if not self._host:
            self._host = urlsplit(url).netloc
        path = url[url.index("/", url.index("//") + 2) :]
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join([f"{request.method} {path} HTTP/1.1", f"Host: {self._host}", *lines])

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


def _is_plain(url: str) -> bool:
    """Return whether an address can go out as it is; the library refuses or rewrites others."""
    return url.isascii() and url.isprintable() and " " not in url


def _read(response: requests.Response, most: int) -> bytes | None:
    content = bytearray()
    for chunk in response.iter_content(PIECE):
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)
