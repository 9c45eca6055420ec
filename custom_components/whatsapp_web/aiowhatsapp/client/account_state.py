"""What the account's devices share, put together: app state, chats, names."""

from typing import Final

from .appstate import AppState
from .blobs import Blobs
from .chats import Chats
from .context import Context
from .group_directory import GroupDirectory
from .handlers.ib import IbHandler
from .handlers.notification import NotificationHandler
from .history import HistoryReader
from .identity import Identities
from .names import Names
from .peer_requests import PeerRequests
from .sessions import Sessions
from .sync_actions import SyncActions
from .tokens import TrustedContactTokens

DIRTY_APP_STATE: Final = "syncd_app_state"


class AccountState:
    """The app state, and the features that live on it."""

    def __init__(
        self,
        context: Context,
        *,
        identities: Identities,
        sessions: Sessions,
        tokens: TrustedContactTokens,
        groups: GroupDirectory,
        blobs: Blobs,
    ) -> None:
        """Share the client's context and its parts."""
        self.names = Names(context, groups)
        self.peer = PeerRequests(context, sessions)
        self.app_state = AppState(
            context,
            identities=identities,
            peer=self.peer,
            actions=SyncActions(context),
            names=self.names,
            download=blobs.app_state,
        )
        self.history = HistoryReader(
            context,
            identities=identities,
            names=self.names,
            peer=self.peer,
            tokens=tokens,
            download=blobs.history,
        )
        self.chats = Chats(context, self.app_state, self.names, self.history)

    def attach(self, notifications: NotificationHandler, ib: IbHandler) -> None:
        """Hear of a new connection's stanzas."""
        notifications.add("server_sync", self.app_state.on_notification)
        ib.add(DIRTY_APP_STATE, self.app_state.mark)

    def on_ready(self) -> None:
        """Fetch what earlier connections left to be fetched."""
        self.history.follow()
        self.app_state.follow()
