"""The features about people, put together: what they share, and what they hear of."""

from .calls import Calls
from .contacts import Contacts
from .context import Context
from .devices import Devices
from .handlers.notification import NotificationHandler
from .identity import Identities
from .newsletters import Newsletters
from .numbers import Numbers
from .presence import Presence
from .privacy import Privacy
from .profile import OwnProfile
from .reading import Reading
from .router import Router
from .settings import MediaSettings
from .tokens import TrustedContactTokens


class People:
    """Presence, reading, privacy, profiles, blocking, calls, channels."""

    def __init__(
        self,
        context: Context,
        *,
        devices: Devices,
        identities: Identities,
        tokens: TrustedContactTokens,
        media: MediaSettings | None,
    ) -> None:
        """Share the client's context and its parts."""
        self._context = context
        self.numbers = Numbers(context, devices, identities)
        self.contacts = Contacts(
            context,
            devices=devices,
            identities=identities,
            numbers=self.numbers,
            tokens=tokens,
            media=media,
        )
        self.profile = OwnProfile(context, self.contacts)
        self.calls = Calls(context, identities)
        self.newsletters = Newsletters(context)
        self.presence = Presence(context, tokens)
        self.privacy = Privacy(context)
        self.reading = Reading(context, self.privacy)

    def attach(self, router: Router, notifications: NotificationHandler) -> None:
        """Hear of a new connection's stanzas."""
        self.presence.connection_began()
        router.add("presence", self.presence.on_presence)
        router.add("chatstate", self.presence.on_chat_state)
        router.add("call", self.calls.on_call)
        notifications.add("account_sync", self.privacy.on_account_sync)
        self.contacts.attach(notifications)
        self.newsletters.attach(notifications)

    def on_ready(self) -> None:
        """Go on with what earlier connections left."""
        self._context.spawn(self.presence.restore(), "saying again who we follow")
        self.reading.resume()
