"""What others show of themselves, and whom we block."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ..errors import (
    IqError,
    LocalProtocolError,
    MediaRefused,
    MediaTooLarge,
    NotOnWhatsApp,
)
from ..events.people import (
    AboutChanged,
    BlocklistChanged,
    DefaultTimerChanged,
    PictureChanged,
)
from ..iq.blocklist import ChangeBlocklist, GetBlocklist
from ..iq.profile import (
    MAX_ABOUT,
    BusinessProfile,
    GetBusinessProfile,
    GetProfiles,
    UserProfile,
)
from ..iq.profile_picture import MAX_PICTURE_ID, GetProfilePicture, ProfilePicture
from ..iq.usync import FindUsername
from ..jid import Jid
from ..wabinary import Node
from .context import Context
from .devices import Devices
from .handlers.notification import NotificationHandler
from .identity import Identities
from .numbers import CheckedNumber, Numbers
from .settings import MediaSettings
from .timed_cache import TimedCache
from .tokens import TrustedContactTokens

# Changes are announced for contacts; this bounds what is missed of strangers.
PROFILE_SECONDS: Final = 3600.0
# The address of a picture expires after some hours.
PICTURE_SECONDS: Final = 1800.0
CACHED: Final = 1000
MAX_USERNAME: Final = 64
USERS_PER_QUERY: Final = 100
_BLOCKLIST_SECONDS: Final = 24 * 3600.0
_HIDDEN: Final = (401, 403)
_OK: Final = 200
# Pictures in full have some ten thousand bytes.
MAX_DOWNLOAD: Final = 4 << 20
PICTURE_TIMEOUT: Final = 30.0


class Contacts:
    """Look-ups of people: each asked for at most once in a while, never by itself."""

    def __init__(
        self,
        context: Context,
        *,
        devices: Devices,
        identities: Identities,
        numbers: Numbers,
        tokens: TrustedContactTokens,
        media: MediaSettings | None,
    ) -> None:
        """Share the client's context and its parts; without `media` nothing is fetched."""
        self._context = context
        self._media = media
        self._devices = devices
        self._identities = identities
        self._numbers = numbers
        self._tokens = tokens
        clock = context.clock
        self._profiles: TimedCache[Jid, UserProfile] = TimedCache(
            clock, seconds=PROFILE_SECONDS, limit=CACHED
        )
        self._pictures: TimedCache[tuple[Jid, bool], ProfilePicture] = TimedCache(
            clock, seconds=PICTURE_SECONDS, limit=CACHED
        )
        self._blocked: frozenset[Jid] | None = None
        self._blocked_at = 0.0
        self._dhash: str | None = None

    async def check_numbers(self, numbers: Sequence[str]) -> list[CheckedNumber]:
        """Find out which international numbers are on WhatsApp, digits with or without `+`.

        Raises `LocalProtocolError` for what is no number, `Disconnected`, `RequestTimeout`,
        `IqError`.
        """
        digits = [number.removeprefix("+") for number in numbers]
        if not all(each.isascii() and each.isdecimal() for each in digits):
            raise LocalProtocolError("Not a phone number")
        return await self._numbers.check(digits)

    async def find_username(self, username: str, *, pin: str | None = None) -> Jid:
        """Find who has a username; some ask for a four-digit key, too. Raises `NotOnWhatsApp`."""
        name = username.strip().removeprefix("@")
        if not name or len(name) > MAX_USERNAME:
            raise LocalProtocolError("Not a username")
        await self._context.wait_online()
        session_id = self._devices.session_id()
        found = await self._context.execute(
            FindUsername(username=name, pin=pin, session_id=session_id)
        )
        chat = None if found is None else found.lid or found.jid
        if found is None or chat is None:
            raise NotOnWhatsApp("Nobody has this username")
        if found.phone is not None and found.lid is not None:
            await self._identities.learn([(found.phone, found.lid)])
        return chat.bare

    # --- profiles

    async def profile(self, user: Jid) -> UserProfile:
        """What a user shows to us; raises `NotOnWhatsApp`."""
        found = await self.profiles([user])
        if user.bare not in found:
            raise NotOnWhatsApp("Nobody has this address")
        return found[user.bare]

    async def profiles(self, users: Iterable[Jid]) -> dict[Jid, UserProfile]:
        """What some users show to us; those that the server doesn't know are left out."""
        asked = list(dict.fromkeys(user.bare for user in users))
        found = {}
        for user in asked:
            known = self._profiles.get(self._context.canonical(user))
            if known is not None:
                found[user] = known
        missing = [user for user in asked if user not in found]
        for start in range(0, len(missing), USERS_PER_QUERY):
            found |= await self._ask_profiles(missing[start : start + USERS_PER_QUERY])
        return found

    async def _ask_profiles(self, batch: Sequence[Jid]) -> dict[Jid, UserProfile]:
        await self._context.wait_online()
        tokens = {}
        for user in batch:
            token = await self._token_for(user)
            if token is not None:
                tokens[user] = token
        session_id = self._devices.session_id()
        profiles = await self._context.execute(
            GetProfiles(users=batch, session_id=session_id, tokens=tokens)
        )
        await self._identities.learn(
            (profile.phone, profile.lid)
            for profile in profiles
            if profile.phone is not None and profile.lid is not None
        )
        await self._learn_names(profiles)
        found = {}
        for profile in profiles:
            for user in filter(profile.is_of, batch):
                found[user] = profile
                self._profiles.put(self._context.canonical(user), profile)
        return found

    async def _learn_names(self, profiles: Iterable[UserProfile]) -> None:
        """Keep the verified names of businesses that have no other name yet."""
        names = self._context.store.contacts
        async with self._context.store.transaction() as tx:
            for profile in profiles:
                key = str(self._context.canonical(profile.user))
                if profile.verified_name and await names.get(tx, key) is None:
                    await names.put(tx, key, profile.verified_name)

    async def business(self, user: Jid) -> BusinessProfile | None:
        """What a business says of itself; None when the user is none."""
        await self._context.wait_online()
        return await self._context.execute(GetBusinessProfile(user.bare))

    async def picture(self, chat: Jid, *, preview: bool = False) -> ProfilePicture | None:
        """Where the picture of a person or group is; None when there is none for us."""
        key = self._context.canonical(chat.bare), preview
        known = self._pictures.get(key)
        if known is not None:
            return known
        await self._context.wait_online()
        token = await self._token_for(chat)
        spec = GetProfilePicture(target=chat.bare, preview=preview, token=token)
        try:
            picture = await self._context.execute(spec)
        except IqError as err:
            if err.code not in _HIDDEN:
                raise
            return None
        if picture is not None:
            self._pictures.put(key, picture)
        return picture

    async def download_picture(self, chat: Jid, *, preview: bool = False) -> bytes | None:
        """Fetch the picture of a person or group, a JPEG; None when there is none for us.

        Raises `MediaTooLarge`, `MediaRefused`, or what asking for it raises.
        """
        if self._media is None:
            raise LocalProtocolError("This client was made without media")
        picture = await self.picture(chat, preview=preview)
        if picture is None:
            return None
        jpeg = bytearray()
        async with self._media.http.get(picture.url, timeout=PICTURE_TIMEOUT) as stream:
            if stream.status != _OK:
                # Its address ran out: a new one is asked for the next time.
                self._forget(self._context.canonical(chat.bare))
                raise MediaRefused(stream.status)
            async for chunk in stream.chunks:
                jpeg += chunk
                if len(jpeg) > MAX_DOWNLOAD:
                    raise MediaTooLarge(None, MAX_DOWNLOAD)
        return bytes(jpeg)

    async def _token_for(self, user: Jid) -> Node | None:
        """Give what shows that we may see a user; for ourselves the server would not answer."""
        if not user.is_user or self._context.own.is_self(user):
            return None
        return await self._tokens.node_for(user)

    # --- blocking

    async def blocked(self) -> frozenset[Jid]:
        """Whom we block."""
        now = self._context.clock.monotonic()
        if self._blocked is None or now - self._blocked_at > _BLOCKLIST_SECONDS:
            await self._context.wait_online()
            listed = await self._context.execute(GetBlocklist())
            self._blocked = frozenset(self._context.canonical(user) for user in listed.users)
            self._blocked_at = now
            self._dhash = listed.dhash
        return self._blocked

    async def block(self, user: Jid) -> None:
        """Block a user; raises `NotOnWhatsApp` when address or number can't be found."""
        await self._change(user, block=True)

    async def unblock(self, user: Jid) -> None:
        """Unblock a user."""
        await self._change(user, block=False)

    async def _change(self, user: Jid, *, block: bool) -> None:
        await self._context.wait_online()
        lid = self._context.canonical(user.bare)
        if not lid.is_lid:
            found = await self._devices.lid_of(lid)
            if found is None:
                raise NotOnWhatsApp("The number has no address to block")
            lid = found.bare
        phone = await self._phone_of(lid) if block else None
        await self._context.execute(ChangeBlocklist(lid=lid, phone=phone, block=block))
        self._note_blocked({lid: block})

    async def _phone_of(self, lid: Jid) -> Jid:
        """Find the number behind a LID; the server wants it for blocking."""
        if (known := self._context.phone_of(lid)) is not None:
            return known
        await self._ask_profiles([lid])
        if (learned := self._context.phone_of(lid)) is not None:
            return learned
        raise NotOnWhatsApp("The number of this user is not known")

    def _note_blocked(self, changes: dict[Jid, bool]) -> None:
        for user, blocked in changes.items():
            if self._blocked is not None:
                others = self._blocked - {user}
                self._blocked = others | {user} if blocked else others
            self._context.emit(BlocklistChanged(user=user, blocked=blocked))

    # --- what the server tells

    def attach(self, notifications: NotificationHandler) -> None:
        """Hear of changes."""
        notifications.add("picture", self.on_picture)
        notifications.add("status", self.on_about)
        notifications.add("disappearing_mode", self.on_timer)
        notifications.add("business", self.on_business)
        notifications.add("contacts", self.on_contacts)
        notifications.add("account_sync", self.on_account_sync)

    async def on_picture(self, node: Node) -> None:
        """A picture was set or removed; where it is named by a hash, nobody knows whose."""
        for child in node.children()[:1]:
            chat = self._context.canonical(node.required_jid("from").bare)
            self._forget(chat)
            if child.attr("hash") is not None and not chat.user:
                return
            picture_id = (child.attr("id") or "")[:MAX_PICTURE_ID] or None
            author = child.jid("author")
            self._context.emit(
                PictureChanged(
                    chat=chat,
                    picture_id=None if child.tag == "delete" else picture_id,
                    author=None if author is None else self._context.canonical(author.bare),
                )
            )

    async def on_about(self, node: Node) -> None:
        """A contact's about text changed."""
        user = self._context.canonical(node.required_jid("from").bare)
        self._profiles.drop(user)
        text = node.child("set")
        if text is not None and user.is_user:
            self._context.emit(AboutChanged(user=user, about=text.text[:MAX_ABOUT]))

    async def on_timer(self, node: Node) -> None:
        """The timer changed with which chats with a contact begin."""
        user = self._context.canonical(node.required_jid("from").bare)
        self._profiles.drop(user)
        self._tell_timer(user, node)

    async def on_business(self, node: Node) -> None:
        """A business changed what it says of itself."""
        self._forget(self._context.canonical(node.required_jid("from").bare))

    async def on_contacts(self, node: Node) -> None:
        """Something about a contact changed: ask for it when it is next needed."""
        change = node.child("update")
        user = None if change is None else change.jid("jid")
        if user is not None:
            self._forget(self._context.canonical(user.bare))

    async def on_account_sync(self, node: Node) -> None:
        """Another device of ours changed something."""
        own = self._context.own
        if not own.is_self(node.required_jid("from")):
            return
        for child in node.children():
            match child.tag:
                case "blocklist":
                    await self._follow_blocklist(child)
                case "picture" | "status":
                    self._forget(own.lid.bare)
                case "disappearing_mode":
                    self._tell_timer(own.lid.bare, node)
                case _:
                    pass

    async def _follow_blocklist(self, node: Node) -> None:
        changes = {}
        for item in node.children("item"):
            user = item.jid("jid")
            if user is not None and user.is_user:
                changes[self._context.canonical(user.bare)] = item.attr("action") == "block"
        before = node.attr("prev_dhash")
        if not changes or (before is not None and before != self._dhash):
            # Changed as a whole, or a change was missed: ask for it when it is next needed.
            self._blocked = None
        self._dhash = node.attr("dhash")
        self._note_blocked(changes)

    def _tell_timer(self, user: Jid, node: Node) -> None:
        mode = node.child("disappearing_mode")
        seconds = None if mode is None else mode.int_attr("duration")
        if seconds is not None and user.is_user:
            self._context.emit(DefaultTimerChanged(user=user, seconds=seconds))

    def _forget(self, chat: Jid) -> None:
        self._profiles.drop(chat)
        for preview in (False, True):
            self._pictures.drop((chat, preview))

    def forget(self, chats: Collection[Jid]) -> None:
        """Ask anew for what some users or groups show the next time."""
        for chat in chats:
            self._forget(self._context.canonical(chat.bare))
