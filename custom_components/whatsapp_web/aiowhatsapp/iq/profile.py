"""What people show of themselves, and changing what we show.

```
<usync mode="query" context="interactive"><query><status/><picture/><disappearing_mode/>
    <business><verified_name/></business><username/><lid/></query>
  <list><user jid>{<tctoken>bytes</tctoken>}</user>..</list></usync>
 -> <user jid><status {t} {code}>text</status><picture id/><disappearing_mode duration t/>
    <business><verified_name>certificate</verified_name></business><username>..</username>..
<iq xmlns="status" type="set"><status>text</status></iq>
<iq xmlns="w:biz" type="get"><business_profile v="244"><profile jid/></business_profile></iq>
 -> <business_profile><profile jid><address/><description/><website/>..<email/>
    <categories><category id/>..</categories>
    <business_hours timezone><business_hours_config day_of_week mode open_time close_time/>..
```
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..jid import Jid
from ..proto import ProtobufError, wire
from ..wabinary import Node
from .spec import CommandSpec, IqSpec
from .usync import addresses_of, each_user, usync_query

MAX_ABOUT: Final = 1024
MAX_NAME: Final = 256
MAX_TEXT: Final = 4096
MAX_ITEMS: Final = 32
_HIDDEN: Final = "401"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProfile:
    """What a user shows to us; None is what they hide or never set.

    `default_timer` is the timer, in seconds, with which chats with them begin.
    """

    user: Jid
    phone: Jid | None
    lid: Jid | None
    about: str | None = field(repr=False)
    about_set_at: int | None
    picture_id: str | None
    default_timer: int | None
    verified_name: str | None = field(repr=False)
    username: str | None = field(repr=False)

    def is_of(self, user: Jid) -> bool:
        """Whether this is the answer for that user."""
        return user in (self.user, self.lid, self.phone)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProfiles(IqSpec[tuple[UserProfile, ...]]):
    """What some users show; `tokens` are their trusted-contact tokens, where we have them."""

    namespace = "usync"

    users: Sequence[Jid]
    session_id: str
    tokens: Mapping[Jid, Node] = field(default_factory=dict)

    def build(self) -> list[Node]:
        """Ask for all of it at once."""
        query = [
            Node("business", {}, [Node("verified_name")]),
            Node("status"),
            Node("picture"),
            Node("disappearing_mode"),
            Node("username"),
            Node("lid"),
        ]
        users = [
            Node("user", {"jid": user}, [self.tokens[user]] if user in self.tokens else None)
            for user in self.users
        ]
        return [usync_query(self.session_id, "query", "interactive", query, users)]

    def parse(self, node: Node) -> tuple[UserProfile, ...]:
        """Leave out users that the server doesn't know."""
        return tuple(each_user(node, _profile))


@dataclass(frozen=True, slots=True)
class SetAbout(CommandSpec):
    """Change our about text, the older way."""

    namespace = "status"

    text: str = field(repr=False)

    def build(self) -> list[Node]:
        """`<status>text</status>`."""
        return [Node("status", {}, self.text.encode())]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """When a business is open on one day, in minutes after midnight there."""

    day: str
    mode: str
    opens: int | None
    closes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessProfile:
    """What a business says of itself."""

    user: Jid
    address: str | None = field(repr=False)
    description: str | None = field(repr=False)
    email: str | None = field(repr=False)
    websites: tuple[str, ...] = field(repr=False)
    categories: tuple[str, ...] = field(repr=False)
    timezone: str | None = None
    hours: tuple[OpeningHours, ...] = ()


@dataclass(frozen=True, slots=True)
class GetBusinessProfile(IqSpec[BusinessProfile | None]):
    """What a business says of itself; None when it is none."""

    namespace = "w:biz"

    user: Jid

    def build(self) -> list[Node]:
        """`<business_profile v="244"><profile jid/></business_profile>`."""
        profile = Node("profile", {"jid": self.user})
        return [Node("business_profile", {"v": "244"}, [profile])]

    def parse(self, node: Node) -> BusinessProfile | None:
        """Read the first profile."""
        whole = node.child("business_profile")
        profile = None if whole is None else whole.child("profile")
        return None if profile is None else _business(self.user, profile)


def _profile(user: Node) -> UserProfile:
    jid = user.required_jid("jid").bare
    _, phone, lid = addresses_of(user)
    about = _shown(user, "status")
    picture = _shown(user, "picture")
    timer = _shown(user, "disappearing_mode")
    return UserProfile(
        user=jid,
        phone=phone,
        lid=lid,
        about=None if about is None else about.text[:MAX_ABOUT] or None,
        about_set_at=None if about is None else about.int_attr("t"),
        picture_id=None if picture is None else (picture.attr("id") or "")[:MAX_NAME] or None,
        default_timer=None if timer is None else timer.int_attr("duration"),
        verified_name=_verified_name(user),
        username=_text(user, "username", MAX_NAME),
    )


def _shown(user: Node, protocol: str) -> Node | None:
    """Give a part of the answer unless it says that it is hidden, or unknown."""
    part = user.child(protocol)
    if part is None or part.attr("code") == _HIDDEN or part.child("error") is not None:
        return None
    return part


def _verified_name(user: Node) -> str | None:
    business = user.child("business")
    name = None if business is None else business.child("verified_name")
    if name is None:
        return None
    try:
        certificate = wire.VerifiedNameCertificate.FromString(name.data)
        details = wire.VerifiedNameCertificate.Details.FromString(certificate.details)
    except ProtobufError:
        return None
    # Text that is no UTF-8 comes as bytes.
    found: str | bytes = details.verifiedName
    return found[:MAX_NAME] or None if isinstance(found, str) else None


def _business(user: Jid, profile: Node) -> BusinessProfile:
    categories = profile.child("categories")
    hours = profile.child("business_hours")
    listed = [] if hours is None else hours.children("business_hours_config")[:MAX_ITEMS]
    kinds = [] if categories is None else categories.children("category")[:MAX_ITEMS]
    return BusinessProfile(
        user=user,
        address=_text(profile, "address"),
        description=_text(profile, "description"),
        email=_text(profile, "email"),
        websites=tuple(
            site.text[:MAX_TEXT] for site in profile.children("website")[:MAX_ITEMS] if site.text
        ),
        categories=tuple(kind.text[:MAX_NAME] for kind in kinds if kind.text),
        timezone=None if hours is None else (hours.attr("timezone") or "")[:MAX_NAME] or None,
        hours=tuple(
            OpeningHours(
                day=(day.attr("day_of_week") or "")[:MAX_NAME],
                mode=(day.attr("mode") or "")[:MAX_NAME],
                opens=day.int_attr("open_time"),
                closes=day.int_attr("close_time"),
            )
            for day in listed
        ),
    )


def _text(node: Node, tag: str, limit: int = MAX_TEXT) -> str | None:
    child = node.child(tag)
    if child is None or child.child("error") is not None:
        return None
    return child.text[:limit] or None
