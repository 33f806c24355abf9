"""A third stand-in, as small as can be: a till that rings up sales. All but its rules is the base's."""

import threading
from collections.abc import Mapping
from functools import partial

from rehearsal.stand_in.exchange import Exchange, Work
from rehearsal.stand_in.faults import Faults, Kind
from rehearsal.stand_in.messages import Json, Reply, Request
from rehearsal.stand_in.stand_in import StandIn


class TillExchange(Exchange):
    kinds = frozenset({Kind.RESET_AFTER, Kind.PAUSE_BEFORE, Kind.ERROR_500})

    def __init__(self) -> None:
        super().__init__({Kind.ERROR_500: Reply.json({"jammed": True}, 500)}, Faults("/till"))
        self.sales: list[str] = []
        self.scales = threading.Barrier(2)

    def work(self, request: Request) -> Work:
        sale = request.path.rpartition("/")[2]
        if request.method == "PUT":
            return Work("/sales/:id", partial(self._weigh, sale), waits=True)
        return Work("/sales/:id", partial(self._ring_up, sale))

    def _weigh(self, sale: str) -> Reply:
        """Ring up when everybody else who weighs is here, too."""
        self.scales.wait(60)
        return self._ring_up(sale)

    def _ring_up(self, sale: str) -> Reply:
        self.sales.append(sale)
        return Reply.json({"sales": len(self.sales)})


class TillSandbox(StandIn):
    name = "Till"

    def __init__(self, *, port: int = 0) -> None:
        exchange = TillExchange()
        super().__init__(exchange, {("GET", "sales"): self._sales}, host="127.0.0.1", port=port)
        self._sold = exchange.sales

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/till"

    def variables(self) -> Mapping[str, str]:
        return {"TILL_URL": self.url}

    def _sales(self, body: Json) -> Json:
        return {"sales": list(self._sold)}
