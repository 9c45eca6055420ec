"""The app state at the server: collections of sealed records, which it can't read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufError

from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind
from custom_components.whatsapp_web.aiowhatsapp.proto import appstate
from custom_components.whatsapp_web.aiowhatsapp.wabinary import Node

from .accounts import Account, Device
from .blobs import store_blob

if TYPE_CHECKING:
    from .server import Simulator

COLLECTIONS = (
    "critical_block",
    "critical_unblock_low",
    "regular_high",
    "regular",
    "regular_low",
)
CONFLICT, NOT_FOUND, BAD_REQUEST = 409, 404, 400
# Patches in one answer; a client that is further behind has to ask again.
AT_ONCE = 50
REMOVE = 1


@dataclass
class ServerCollection:
    """All patches ever taken, and the newest record of each index."""

    patches: list[bytes] = field(default_factory=list)
    records: dict[bytes, appstate.SyncdRecord] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """How many patches there are."""
        return len(self.patches)

    def take(self, data: bytes) -> None:
        """Keep the next patch, with its version in it."""
        patch = appstate.SyncdPatch.FromString(data)
        patch.version.version = self.version + 1
        # Whatever the order: what a patch sets stays, if it also removes it.
        for mutation in patch.mutations:
            if mutation.operation == REMOVE:
                self.records.pop(mutation.record.index.blob, None)
        for mutation in patch.mutations:
            if mutation.operation != REMOVE:
                self.records[mutation.record.index.blob] = mutation.record
        self.patches.append(patch.SerializeToString())


def _snapshot(collection: ServerCollection) -> bytes:
    """Sum all patches up, by what can be seen of them from outside."""
    last = appstate.SyncdPatch.FromString(collection.patches[-1])
    snapshot = appstate.SyncdSnapshot(
        records=collection.records.values(), mac=last.snapshotMac, keyId=last.keyId
    )
    snapshot.version.version = collection.version
    return snapshot.SerializeToString()


class AppStates:
    """Every account's collections, and what the server does with them."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._accounts: dict[Account, dict[str, ServerCollection]] = {}
        # What happens before a companion's next patch is taken, for it to be too late.
        self.before_patch: list[Callable[[], None]] = []
        # Which device asked for which collection, and how many patches were too late.
        self.fetches: list[tuple[str, str]] = []
        self.conflicts = 0
        # Whether a client that has nothing gets a snapshot; else all patches there ever were.
        self.snapshots = False

    def of(self, account: Account) -> dict[str, ServerCollection]:
        """Give an account's collections."""
        return self._accounts.setdefault(
            account, {name: ServerCollection() for name in COLLECTIONS}
        )

    def forget(self, account: Account) -> None:
        """Begin anew, as after a new installation."""
        self._accounts.pop(account, None)

    def answer(self, device: Device, node: Node) -> list[Node]:
        """Answer `w:sync:app:state`."""
        asked = node.required_child("sync").children("collection")
        return [Node("sync", {}, [self._collection(device, each) for each in asked])]

    def _collection(self, device: Device, asked: Node) -> Node:
        name = asked.required_attr("name")
        collection = self.of(device.account).get(name)
        if collection is None:
            return _error(name, NOT_FOUND)
        patch = asked.child("patch")
        version = asked.int_attr("version", default=0)
        if patch is not None:
            return self._patch(device, name, collection, version, patch.required_data())
        self.fetches.append((device.label, name))
        if version > collection.version:
            return _error(name, BAD_REQUEST)
        wants_all = asked.attr("return_snapshot") == "true" and not version
        if wants_all and self.snapshots and collection.version:
            file = store_blob(self._server, MediaKind.APP_STATE, _snapshot(collection))
            reference = appstate.ExternalBlobReference(
                mediaKey=file.media_key,
                directPath=file.direct_path,
                fileSizeBytes=file.length,
                fileSha256=file.digest,
                fileEncSha256=file.encrypted_digest,
            )
            snapshot = Node("snapshot", {}, reference.SerializeToString())
            return _answer(name, collection.version, [snapshot])
        return self._following(name, collection, version)

    def _following(self, name: str, collection: ServerCollection, version: int) -> Node:
        patches = [Node("patch", {}, data) for data in collection.patches[version:][:AT_ONCE]]
        more = version + len(patches) < collection.version
        listed = [Node("patches", {}, patches)] if patches else []
        return _answer(name, version + len(patches), listed, more=more)

    def _patch(
        self, device: Device, name: str, collection: ServerCollection, version: int, data: bytes
    ) -> Node:
        try:
            patch = appstate.SyncdPatch.FromString(data)
        except ProtobufError:
            return _error(name, BAD_REQUEST)
        if not patch.patchMac or not patch.snapshotMac or not patch.keyId.id:
            self._server.ledger.violation(f"{device.label}: a patch without MACs")
            return _error(name, BAD_REQUEST)
        if self.before_patch and device.id:
            self.before_patch.pop(0)()
        if version != collection.version:
            self.conflicts += 1
            following = self._following(name, collection, version)
            return _error(name, CONFLICT, following.children())
        collection.take(data)
        self._server.ledger.happened()
        self._server.after_reply(lambda: self._tell(device, name))
        return _answer(name, collection.version, [])

    def _tell(self, author: Device, name: str) -> None:
        """Tell the account's other devices that a collection has news."""
        account = author.account
        child = Node("collection", {"name": name, "version": str(self.of(account)[name].version)})
        for device in account.devices.values():
            if device is not author:
                self._server.notices.push(device, "server_sync", account.pn_jid, child)

    def inject(self, account: Account, name: str, data: bytes) -> None:
        """Take a patch from nowhere, as a server that can't be trusted might."""
        self.of(account)[name].take(data)
        self._tell(account.devices[0], name)


def _answer(name: str, version: int, children: list[Node], *, more: bool = False) -> Node:
    attributes = {"name": name, "version": str(version)}
    if more:
        attributes["has_more_patches"] = "true"
    return Node("collection", {**attributes}, children or None)


def _error(name: str, code: int, children: list[Node] | None = None) -> Node:
    error = Node("error", {"code": str(code), "text": "conflict" if code == CONFLICT else "error"})
    return Node("collection", {"name": name, "type": "error"}, [error, *(children or [])])
