"""Requests in the service's own query language, by the ids of stored queries.

```
<iq xmlns="w:mex" type="get"><query query_id>{"variables": {..}}</query></iq>
 -> <result>{"data": {..}, "errors": [{"message", "extensions": {"error_code"}}]}</result>
```

The ids change with the web client; older ones go on working for a while.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from typing import Final

from ..errors import AttributeMissing, IqError
from ..wabinary import Node
from .spec import IqSpec

type Json = Mapping[str, Json] | list[Json] | str | int | float | bool | None

# Lists of channels are the largest answers.
MAX_ANSWER: Final = 1024 * 1024
MAX_MESSAGE: Final = 64

REACHOUT_LOCK: Final = "23983697327930364"
NEW_CHAT_CAP: Final = "27910975521856601"
UPDATE_ABOUT: Final = "9152604461510864"
LIST_NEWSLETTERS: Final = "25399611239711790"
GET_NEWSLETTER: Final = "27456920720571478"
JOIN_NEWSLETTER: Final = "24404358912487870"
LEAVE_NEWSLETTER: Final = "9767147403369991"
# The ids that the same queries had in earlier web clients.
OLDER: Final = {
    LIST_NEWSLETTERS: "6388546374527196",
    GET_NEWSLETTER: "6563316087068696",
    JOIN_NEWSLETTER: "9926858900719341",
    LEAVE_NEWSLETTER: "6392786840836363",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MexQuery(IqSpec[Mapping[str, Json]]):
    """One stored query; gives what its answer holds under `data`."""

    namespace = "w:mex"

    query_id: str
    variables: Mapping[str, Json] = field(default_factory=dict, repr=False)

    def build(self) -> list[Node]:
        """`<query query_id>json</query>`."""
        body = json.dumps({"variables": self.variables}).encode()
        return [Node("query", {"query_id": self.query_id}, body)]

    def parse(self, node: Node) -> Mapping[str, Json]:
        """Read the JSON; raise `IqError` for an error it tells of."""
        return read_answer(node.required_child("result").data)


def read_answer(data: bytes) -> Mapping[str, Json]:
    """Read an answer or an announcement; raise `AttributeMissing` or `IqError`."""
    if len(data) > MAX_ANSWER:
        raise AttributeMissing("an answer that is too long")
    try:
        answer: Json = json.loads(data)
    except (ValueError, RecursionError) as err:
        raise AttributeMissing("an answer that is no JSON") from err
    if not isinstance(answer, dict):
        raise AttributeMissing("an answer that is no object")
    errors = answer.get("errors")
    if isinstance(errors, list) and errors:
        raise _error(errors[0])
    found = answer.get("data")
    if not isinstance(found, dict):
        raise AttributeMissing("an answer without data")
    return found


def _error(error: Json) -> IqError:
    if not isinstance(error, dict):
        return IqError(0, "error")
    message, more = error.get("message"), error.get("extensions")
    code = more.get("error_code") if isinstance(more, dict) else None
    text = message[:MAX_MESSAGE] if isinstance(message, str) else "error"
    return IqError(code if isinstance(code, int) else 0, text)
