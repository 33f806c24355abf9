"""SteVe, as the platform calls it."""

from rehearsal.platform.http_api import ApiError, HttpApi
from rehearsal.stand_in.messages import Json

UNLIMITED, ONE_SESSION, BLOCKED = -1, 1, 0


class SteveApi(HttpApi):
    system = "SteVe"

    def __init__(self, url: str, username: str, key: str, pause_s: float = 0) -> None:
        super().__init__(f"{url.rstrip('/')}/api/v1", auth=(username, key), headers={}, pause_s=pause_s)

    def tags(self) -> list[Json]:
        found: list[Json] = self.call("GET", "/ocppTags").json()
        return found

    def tag(self, id_tag: str) -> Json | None:
        found = self.call("GET", "/ocppTags", query={"idTag": id_tag}).json()
        return next((tag for tag in found if tag["idTag"] == id_tag), None)

    def create(self, id_tag: str, limit: int, note: str) -> int:
        """Make an idTag and return its number; ApiError 422 if somebody else made it meanwhile."""
        form = {"idTag": id_tag, "maxActiveTransactionCount": limit, "note": note}
        made: int = self.call("POST", "/ocppTags", body=form).json()["ocppTagPk"]
        return made

    def replace(
        self, pk: int, id_tag: str, limit: int, note: str, *, parent: str | None, expiry: str | None
    ) -> None:
        """Write an idTag whole. SteVe clears what is left out, and a parent that is given must exist."""
        form: Json = {"idTag": id_tag, "maxActiveTransactionCount": limit, "note": note}
        if parent:
            form["parentIdTag"] = parent
        if expiry:
            form["expiryDate"] = expiry
        self.call("PUT", f"/ocppTags/{pk}", body=form)

    def children(self, parent: str) -> list[Json]:
        found: list[Json] = self.call("GET", "/ocppTags", query={"parentIdTag": parent}).json()
        return found

    def delete(self, pk: int) -> None:
        self.call("DELETE", f"/ocppTags/{pk}")

    def transactions(self) -> list[Json]:
        """Return the whole history: the list of charge boxes that would narrow it does not exist upstream."""
        try:
            self.call("GET", "/chargeBoxes")
        except ApiError as error:
            if error.status is None:
                raise
        found: list[Json] = self.call("GET", "/transactions", query={"type": "ALL"}).json()
        return found
