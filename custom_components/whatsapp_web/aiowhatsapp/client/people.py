"""The features about people, put together: what they share, and what they hear of."""

from .context import Context
from .handlers.notification import NotificationHandler
from .presence import Presence
from .privacy import Privacy
from .reading import Reading
from .router import Router
from .tokens import TrustedContactTokens


class People:
    """Presence, reading, privacy."""

    def __init__(self, context: Context, *, tokens: TrustedContactTokens) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self.presence = Presence(context, tokens)
        self.privacy = Privacy(context)
        self.reading = Reading(context, self.privacy)

    def attach(self, router: Router, notifications: NotificationHandler) -> None:
        """Hear of a new connection's stanzas."""
        self.presence.connection_began()
        router.add("presence", self.presence.on_presence)
        router.add("chatstate", self.presence.on_chat_state)
        notifications.add("account_sync", self.privacy.on_account_sync)

    def on_ready(self) -> None:
        """Go on with what earlier connections left."""
        self._context.spawn(self.presence.restore(), "saying again who we follow")
        self.reading.resume()
