"""Everything that concerns chats of many, put together: groups, and status updates."""

from ..jid import STATUS_BROADCAST, Jid
from .context import Context
from .devices import Devices
from .group_directory import GroupDirectory
from .group_sending import GroupSending
from .groups import Groups
from .handlers.ib import IbHandler
from .handlers.notification import NotificationHandler
from .identity import Identities
from .sender_keys import SenderKeys
from .sessions import Sessions
from .status_recipients import StatusRecipients


class Rooms:
    """The parts of the client that know groups."""

    def __init__(
        self,
        context: Context,
        *,
        devices: Devices,
        sessions: Sessions,
        identities: Identities,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self.sender_keys = SenderKeys(context)
        self.directory = GroupDirectory(context, identities)
        self.groups = Groups(
            context,
            identities=identities,
            directory=self.directory,
            sender_keys=self.sender_keys,
        )
        self.sending = GroupSending(
            context,
            devices=devices,
            sessions=sessions,
            directory=self.directory,
            recipients=StatusRecipients(context),
            sender_keys=self.sender_keys,
        )

    async def load(self) -> None:
        """Read what has to be at hand, at the start."""
        await self.directory.load()

    def register(self, notifications: NotificationHandler, ib: IbHandler) -> None:
        """Hear of changes in groups."""
        notifications.add("w:gp2", self.groups.on_notification)
        notifications.add("picture", self.groups.on_picture)
        ib.add("groups", self.groups.on_dirty)

    def on_ready(self) -> None:
        """The line is up: learn of all groups, once for all time."""
        self._context.spawn(self.groups.on_ready(), "learning of all groups")


def is_room(chat: Jid) -> bool:
    """Whether many read what is written there."""
    return (chat.is_group and bool(chat.user)) or chat == STATUS_BROADCAST
