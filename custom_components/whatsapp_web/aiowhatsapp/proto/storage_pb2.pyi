from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReceiverChain(_message.Message):
    __slots__ = ("ratchet_key", "chain_key", "index", "skipped")
    RATCHET_KEY_FIELD_NUMBER: _ClassVar[int]
    CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    ratchet_key: bytes
    chain_key: bytes
    index: int
    skipped: bytes
    def __init__(self, ratchet_key: _Optional[bytes] = ..., chain_key: _Optional[bytes] = ..., index: _Optional[int] = ..., skipped: _Optional[bytes] = ...) -> None: ...

class PendingPreKey(_message.Message):
    __slots__ = ("pre_key_id", "signed_pre_key_id", "base_key")
    PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    pre_key_id: int
    signed_pre_key_id: int
    base_key: bytes
    def __init__(self, pre_key_id: _Optional[int] = ..., signed_pre_key_id: _Optional[int] = ..., base_key: _Optional[bytes] = ...) -> None: ...

class SessionState(_message.Message):
    __slots__ = ("local_identity", "remote_identity", "root_key", "previous_counter", "sender_private", "sender_public", "sender_chain_key", "sender_index", "receivers", "pending_pre_key", "remote_registration_id", "local_registration_id", "base_key")
    LOCAL_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REMOTE_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    ROOT_KEY_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_COUNTER_FIELD_NUMBER: _ClassVar[int]
    SENDER_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    SENDER_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SENDER_CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_INDEX_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    PENDING_PRE_KEY_FIELD_NUMBER: _ClassVar[int]
    REMOTE_REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    LOCAL_REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    local_identity: bytes
    remote_identity: bytes
    root_key: bytes
    previous_counter: int
    sender_private: bytes
    sender_public: bytes
    sender_chain_key: bytes
    sender_index: int
    receivers: _containers.RepeatedCompositeFieldContainer[ReceiverChain]
    pending_pre_key: PendingPreKey
    remote_registration_id: int
    local_registration_id: int
    base_key: bytes
    def __init__(self, local_identity: _Optional[bytes] = ..., remote_identity: _Optional[bytes] = ..., root_key: _Optional[bytes] = ..., previous_counter: _Optional[int] = ..., sender_private: _Optional[bytes] = ..., sender_public: _Optional[bytes] = ..., sender_chain_key: _Optional[bytes] = ..., sender_index: _Optional[int] = ..., receivers: _Optional[_Iterable[_Union[ReceiverChain, _Mapping]]] = ..., pending_pre_key: _Optional[_Union[PendingPreKey, _Mapping]] = ..., remote_registration_id: _Optional[int] = ..., local_registration_id: _Optional[int] = ..., base_key: _Optional[bytes] = ...) -> None: ...

class SessionRecord(_message.Message):
    __slots__ = ("current", "archived")
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    current: bytes
    archived: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, current: _Optional[bytes] = ..., archived: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SenderKeyState(_message.Message):
    __slots__ = ("id", "iteration", "chain_key", "signing_public", "signing_private", "skipped")
    ID_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNING_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SIGNING_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    id: int
    iteration: int
    chain_key: bytes
    signing_public: bytes
    signing_private: bytes
    skipped: bytes
    def __init__(self, id: _Optional[int] = ..., iteration: _Optional[int] = ..., chain_key: _Optional[bytes] = ..., signing_public: _Optional[bytes] = ..., signing_private: _Optional[bytes] = ..., skipped: _Optional[bytes] = ...) -> None: ...

class SenderKeyRecord(_message.Message):
    __slots__ = ("states",)
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedCompositeFieldContainer[SenderKeyState]
    def __init__(self, states: _Optional[_Iterable[_Union[SenderKeyState, _Mapping]]] = ...) -> None: ...

class PreKeyRecord(_message.Message):
    __slots__ = ("id", "private_key", "offered", "public_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_KEY_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    id: int
    private_key: bytes
    offered: bool
    public_key: bytes
    def __init__(self, id: _Optional[int] = ..., private_key: _Optional[bytes] = ..., offered: bool = ..., public_key: _Optional[bytes] = ...) -> None: ...

class SignedPreKeyRecord(_message.Message):
    __slots__ = ("id", "private_key", "signature", "created_at", "public_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    id: int
    private_key: bytes
    signature: bytes
    created_at: int
    public_key: bytes
    def __init__(self, id: _Optional[int] = ..., private_key: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., created_at: _Optional[int] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class SenderKeyTargetsRecord(_message.Message):
    __slots__ = ("addresses",)
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class DeviceListRecord(_message.Message):
    __slots__ = ("devices", "fetched_at")
    class Device(_message.Message):
        __slots__ = ("id", "key_index", "hosted")
        ID_FIELD_NUMBER: _ClassVar[int]
        KEY_INDEX_FIELD_NUMBER: _ClassVar[int]
        HOSTED_FIELD_NUMBER: _ClassVar[int]
        id: int
        key_index: int
        hosted: bool
        def __init__(self, id: _Optional[int] = ..., key_index: _Optional[int] = ..., hosted: bool = ...) -> None: ...
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    FETCHED_AT_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[DeviceListRecord.Device]
    fetched_at: int
    def __init__(self, devices: _Optional[_Iterable[_Union[DeviceListRecord.Device, _Mapping]]] = ..., fetched_at: _Optional[int] = ...) -> None: ...

class CollectionRecord(_message.Message):
    __slots__ = ("version", "hash", "diverged")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    DIVERGED_FIELD_NUMBER: _ClassVar[int]
    version: int
    hash: bytes
    diverged: bool
    def __init__(self, version: _Optional[int] = ..., hash: _Optional[bytes] = ..., diverged: bool = ...) -> None: ...

class SyncedRecord(_message.Message):
    __slots__ = ("value_mac", "key_id")
    VALUE_MAC_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    value_mac: bytes
    key_id: bytes
    def __init__(self, value_mac: _Optional[bytes] = ..., key_id: _Optional[bytes] = ...) -> None: ...

class ChatRecord(_message.Message):
    __slots__ = ("name", "archived", "pinned_at", "muted_until", "marked_unread", "locked", "labels", "last_message_at", "oldest", "history_complete", "is_parent_group")
    class OldestMessage(_message.Message):
        __slots__ = ("id", "from_me", "timestamp", "chat")
        ID_FIELD_NUMBER: _ClassVar[int]
        FROM_ME_FIELD_NUMBER: _ClassVar[int]
        TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
        CHAT_FIELD_NUMBER: _ClassVar[int]
        id: str
        from_me: bool
        timestamp: int
        chat: str
        def __init__(self, id: _Optional[str] = ..., from_me: bool = ..., timestamp: _Optional[int] = ..., chat: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    PINNED_AT_FIELD_NUMBER: _ClassVar[int]
    MUTED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    MARKED_UNREAD_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LAST_MESSAGE_AT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIELD_NUMBER: _ClassVar[int]
    HISTORY_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    IS_PARENT_GROUP_FIELD_NUMBER: _ClassVar[int]
    name: str
    archived: bool
    pinned_at: int
    muted_until: int
    marked_unread: bool
    locked: bool
    labels: _containers.RepeatedScalarFieldContainer[str]
    last_message_at: int
    oldest: ChatRecord.OldestMessage
    history_complete: bool
    is_parent_group: bool
    def __init__(self, name: _Optional[str] = ..., archived: bool = ..., pinned_at: _Optional[int] = ..., muted_until: _Optional[int] = ..., marked_unread: bool = ..., locked: bool = ..., labels: _Optional[_Iterable[str]] = ..., last_message_at: _Optional[int] = ..., oldest: _Optional[_Union[ChatRecord.OldestMessage, _Mapping]] = ..., history_complete: bool = ..., is_parent_group: bool = ...) -> None: ...

class ContactRecord(_message.Message):
    __slots__ = ("full_name", "first_name", "username")
    FULL_NAME_FIELD_NUMBER: _ClassVar[int]
    FIRST_NAME_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    full_name: str
    first_name: str
    username: str
    def __init__(self, full_name: _Optional[str] = ..., first_name: _Optional[str] = ..., username: _Optional[str] = ...) -> None: ...

class LabelRecord(_message.Message):
    __slots__ = ("name", "color")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    color: int
    def __init__(self, name: _Optional[str] = ..., color: _Optional[int] = ...) -> None: ...

class SentMessageRecord(_message.Message):
    __slots__ = ("message", "sent_at", "resends", "type")
    class Resend(_message.Message):
        __slots__ = ("requester", "count", "base_key")
        REQUESTER_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        BASE_KEY_FIELD_NUMBER: _ClassVar[int]
        requester: str
        count: int
        base_key: bytes
        def __init__(self, requester: _Optional[str] = ..., count: _Optional[int] = ..., base_key: _Optional[bytes] = ...) -> None: ...
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    RESENDS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    sent_at: int
    resends: _containers.RepeatedCompositeFieldContainer[SentMessageRecord.Resend]
    type: str
    def __init__(self, message: _Optional[bytes] = ..., sent_at: _Optional[int] = ..., resends: _Optional[_Iterable[_Union[SentMessageRecord.Resend, _Mapping]]] = ..., type: _Optional[str] = ...) -> None: ...

class PlaceholderRecord(_message.Message):
    __slots__ = ("chat", "sender", "id", "timestamp", "push_name", "from_me", "offline", "noted_at", "request_id", "asked", "told")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    NOTED_AT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    chat: str
    sender: str
    id: str
    timestamp: int
    push_name: str
    from_me: bool
    offline: bool
    noted_at: int
    request_id: str
    asked: bool
    told: bool
    def __init__(self, chat: _Optional[str] = ..., sender: _Optional[str] = ..., id: _Optional[str] = ..., timestamp: _Optional[int] = ..., push_name: _Optional[str] = ..., from_me: bool = ..., offline: bool = ..., noted_at: _Optional[int] = ..., request_id: _Optional[str] = ..., asked: bool = ..., told: bool = ...) -> None: ...

class InboxRecord(_message.Message):
    __slots__ = ("message", "chat", "sender", "id", "timestamp", "push_name", "from_me", "offline", "sender_alternate", "category", "is_history", "recipient_alternate", "resolved", "poll", "server_id")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    SENDER_ALTERNATE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    IS_HISTORY_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_ALTERNATE_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    POLL_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    chat: str
    sender: str
    id: str
    timestamp: int
    push_name: str
    from_me: bool
    offline: bool
    sender_alternate: str
    category: str
    is_history: bool
    recipient_alternate: str
    resolved: bytes
    poll: PollRecord
    server_id: int
    def __init__(self, message: _Optional[bytes] = ..., chat: _Optional[str] = ..., sender: _Optional[str] = ..., id: _Optional[str] = ..., timestamp: _Optional[int] = ..., push_name: _Optional[str] = ..., from_me: bool = ..., offline: bool = ..., sender_alternate: _Optional[str] = ..., category: _Optional[str] = ..., is_history: bool = ..., recipient_alternate: _Optional[str] = ..., resolved: _Optional[bytes] = ..., poll: _Optional[_Union[PollRecord, _Mapping]] = ..., server_id: _Optional[int] = ...) -> None: ...

class LogRecord(_message.Message):
    __slots__ = ("chat", "sender", "id", "timestamp", "push_name", "from_me", "message", "edited")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EDITED_FIELD_NUMBER: _ClassVar[int]
    chat: str
    sender: str
    id: str
    timestamp: int
    push_name: str
    from_me: bool
    message: bytes
    edited: bool
    def __init__(self, chat: _Optional[str] = ..., sender: _Optional[str] = ..., id: _Optional[str] = ..., timestamp: _Optional[int] = ..., push_name: _Optional[str] = ..., from_me: bool = ..., message: _Optional[bytes] = ..., edited: bool = ...) -> None: ...

class PollRecord(_message.Message):
    __slots__ = ("question", "options", "choices", "votes")
    class Vote(_message.Message):
        __slots__ = ("voter", "timestamp_ms", "choices")
        VOTER_FIELD_NUMBER: _ClassVar[int]
        TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
        CHOICES_FIELD_NUMBER: _ClassVar[int]
        voter: str
        timestamp_ms: int
        choices: bytes
        def __init__(self, voter: _Optional[str] = ..., timestamp_ms: _Optional[int] = ..., choices: _Optional[bytes] = ...) -> None: ...
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    question: str
    options: _containers.RepeatedScalarFieldContainer[str]
    choices: int
    votes: _containers.RepeatedCompositeFieldContainer[PollRecord.Vote]
    def __init__(self, question: _Optional[str] = ..., options: _Optional[_Iterable[str]] = ..., choices: _Optional[int] = ..., votes: _Optional[_Iterable[_Union[PollRecord.Vote, _Mapping]]] = ...) -> None: ...

class TimerRecord(_message.Message):
    __slots__ = ("seconds", "set_at")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SET_AT_FIELD_NUMBER: _ClassVar[int]
    seconds: int
    set_at: int
    def __init__(self, seconds: _Optional[int] = ..., set_at: _Optional[int] = ...) -> None: ...

class UnreadRecord(_message.Message):
    __slots__ = ("chat", "sender", "timestamp", "playable", "read")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    PLAYABLE_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    chat: str
    sender: str
    timestamp: int
    playable: bool
    read: bool
    def __init__(self, chat: _Optional[str] = ..., sender: _Optional[str] = ..., timestamp: _Optional[int] = ..., playable: bool = ..., read: bool = ...) -> None: ...

class NumberRecord(_message.Message):
    __slots__ = ("checked_at", "jid", "phone")
    CHECKED_AT_FIELD_NUMBER: _ClassVar[int]
    JID_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    checked_at: int
    jid: str
    phone: str
    def __init__(self, checked_at: _Optional[int] = ..., jid: _Optional[str] = ..., phone: _Optional[str] = ...) -> None: ...

class MediaRecord(_message.Message):
    __slots__ = ("id", "chat", "sender", "from_me", "kind", "media_key", "digest", "encrypted_digest", "length", "direct_path", "url", "mime_type", "filename", "expires_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_DIGEST_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    chat: str
    sender: str
    from_me: bool
    kind: str
    media_key: bytes
    digest: bytes
    encrypted_digest: bytes
    length: int
    direct_path: str
    url: str
    mime_type: str
    filename: str
    expires_at: int
    def __init__(self, id: _Optional[str] = ..., chat: _Optional[str] = ..., sender: _Optional[str] = ..., from_me: bool = ..., kind: _Optional[str] = ..., media_key: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., encrypted_digest: _Optional[bytes] = ..., length: _Optional[int] = ..., direct_path: _Optional[str] = ..., url: _Optional[str] = ..., mime_type: _Optional[str] = ..., filename: _Optional[str] = ..., expires_at: _Optional[int] = ...) -> None: ...

class AttachmentRecord(_message.Message):
    __slots__ = ("name", "kind", "encrypted_digest", "length")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_DIGEST_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    encrypted_digest: bytes
    length: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., encrypted_digest: _Optional[bytes] = ..., length: _Optional[int] = ...) -> None: ...

class GroupRecord(_message.Message):
    __slots__ = ("name", "by_lid", "members", "creator", "created_at", "description", "description_id", "only_admins_send", "only_admins_edit", "only_admins_add", "approval", "timer", "size", "is_community", "is_announcements", "parent", "suspended", "incomplete", "version", "fetched_at", "left")
    class Member(_message.Message):
        __slots__ = ("lid", "phone", "role")
        LID_FIELD_NUMBER: _ClassVar[int]
        PHONE_FIELD_NUMBER: _ClassVar[int]
        ROLE_FIELD_NUMBER: _ClassVar[int]
        lid: str
        phone: str
        role: int
        def __init__(self, lid: _Optional[str] = ..., phone: _Optional[str] = ..., role: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    BY_LID_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_ID_FIELD_NUMBER: _ClassVar[int]
    ONLY_ADMINS_SEND_FIELD_NUMBER: _ClassVar[int]
    ONLY_ADMINS_EDIT_FIELD_NUMBER: _ClassVar[int]
    ONLY_ADMINS_ADD_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    TIMER_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    IS_COMMUNITY_FIELD_NUMBER: _ClassVar[int]
    IS_ANNOUNCEMENTS_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FETCHED_AT_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    name: str
    by_lid: bool
    members: _containers.RepeatedCompositeFieldContainer[GroupRecord.Member]
    creator: str
    created_at: int
    description: str
    description_id: str
    only_admins_send: bool
    only_admins_edit: bool
    only_admins_add: bool
    approval: bool
    timer: int
    size: int
    is_community: bool
    is_announcements: bool
    parent: str
    suspended: bool
    incomplete: bool
    version: str
    fetched_at: int
    left: bool
    def __init__(self, name: _Optional[str] = ..., by_lid: bool = ..., members: _Optional[_Iterable[_Union[GroupRecord.Member, _Mapping]]] = ..., creator: _Optional[str] = ..., created_at: _Optional[int] = ..., description: _Optional[str] = ..., description_id: _Optional[str] = ..., only_admins_send: bool = ..., only_admins_edit: bool = ..., only_admins_add: bool = ..., approval: bool = ..., timer: _Optional[int] = ..., size: _Optional[int] = ..., is_community: bool = ..., is_announcements: bool = ..., parent: _Optional[str] = ..., suspended: bool = ..., incomplete: bool = ..., version: _Optional[str] = ..., fetched_at: _Optional[int] = ..., left: bool = ...) -> None: ...

class OutboxRecord(_message.Message):
    __slots__ = ("chat", "message", "queued_at", "expires_at", "priority", "attachment", "only_now", "begun", "given_away", "stanza")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    ONLY_NOW_FIELD_NUMBER: _ClassVar[int]
    BEGUN_FIELD_NUMBER: _ClassVar[int]
    GIVEN_AWAY_FIELD_NUMBER: _ClassVar[int]
    STANZA_FIELD_NUMBER: _ClassVar[int]
    chat: str
    message: bytes
    queued_at: int
    expires_at: int
    priority: int
    attachment: bytes
    only_now: bool
    begun: bool
    given_away: bool
    stanza: bytes
    def __init__(self, chat: _Optional[str] = ..., message: _Optional[bytes] = ..., queued_at: _Optional[int] = ..., expires_at: _Optional[int] = ..., priority: _Optional[int] = ..., attachment: _Optional[bytes] = ..., only_now: bool = ..., begun: bool = ..., given_away: bool = ..., stanza: _Optional[bytes] = ...) -> None: ...

class MessageStateRecord(_message.Message):
    __slots__ = ("chat", "state", "timestamp", "error", "code", "recipients", "participants")
    class Participant(_message.Message):
        __slots__ = ("user", "state")
        USER_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        user: str
        state: int
        def __init__(self, user: _Optional[str] = ..., state: _Optional[int] = ...) -> None: ...
    CHAT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    chat: str
    state: int
    timestamp: int
    error: str
    code: str
    recipients: int
    participants: _containers.RepeatedCompositeFieldContainer[MessageStateRecord.Participant]
    def __init__(self, chat: _Optional[str] = ..., state: _Optional[int] = ..., timestamp: _Optional[int] = ..., error: _Optional[str] = ..., code: _Optional[str] = ..., recipients: _Optional[int] = ..., participants: _Optional[_Iterable[_Union[MessageStateRecord.Participant, _Mapping]]] = ...) -> None: ...
