from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HistorySync(_message.Message):
    __slots__ = ("syncType", "conversations", "chunkOrder", "progress", "pushnames", "phoneNumberToLidMappings")
    SYNCTYPE_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONS_FIELD_NUMBER: _ClassVar[int]
    CHUNKORDER_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PUSHNAMES_FIELD_NUMBER: _ClassVar[int]
    PHONENUMBERTOLIDMAPPINGS_FIELD_NUMBER: _ClassVar[int]
    syncType: int
    conversations: _containers.RepeatedScalarFieldContainer[bytes]
    chunkOrder: int
    progress: int
    pushnames: _containers.RepeatedScalarFieldContainer[bytes]
    phoneNumberToLidMappings: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, syncType: _Optional[int] = ..., conversations: _Optional[_Iterable[bytes]] = ..., chunkOrder: _Optional[int] = ..., progress: _Optional[int] = ..., pushnames: _Optional[_Iterable[bytes]] = ..., phoneNumberToLidMappings: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Conversation(_message.Message):
    __slots__ = ("id", "messages", "lastMsgTimestamp", "ephemeralExpiration", "ephemeralSettingTimestamp", "endOfHistoryTransferType", "conversationTimestamp", "name", "archived", "markedAsUnread", "tcToken", "tcTokenTimestamp", "pinned", "muteEndTime", "isParentGroup", "displayName", "pnJid", "lidJid", "locked")
    ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    LASTMSGTIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    EPHEMERALEXPIRATION_FIELD_NUMBER: _ClassVar[int]
    EPHEMERALSETTINGTIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    ENDOFHISTORYTRANSFERTYPE_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONTIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    MARKEDASUNREAD_FIELD_NUMBER: _ClassVar[int]
    TCTOKEN_FIELD_NUMBER: _ClassVar[int]
    TCTOKENTIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    MUTEENDTIME_FIELD_NUMBER: _ClassVar[int]
    ISPARENTGROUP_FIELD_NUMBER: _ClassVar[int]
    DISPLAYNAME_FIELD_NUMBER: _ClassVar[int]
    PNJID_FIELD_NUMBER: _ClassVar[int]
    LIDJID_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    id: str
    messages: _containers.RepeatedScalarFieldContainer[bytes]
    lastMsgTimestamp: int
    ephemeralExpiration: int
    ephemeralSettingTimestamp: int
    endOfHistoryTransferType: int
    conversationTimestamp: int
    name: str
    archived: bool
    markedAsUnread: bool
    tcToken: bytes
    tcTokenTimestamp: int
    pinned: int
    muteEndTime: int
    isParentGroup: bool
    displayName: str
    pnJid: str
    lidJid: str
    locked: bool
    def __init__(self, id: _Optional[str] = ..., messages: _Optional[_Iterable[bytes]] = ..., lastMsgTimestamp: _Optional[int] = ..., ephemeralExpiration: _Optional[int] = ..., ephemeralSettingTimestamp: _Optional[int] = ..., endOfHistoryTransferType: _Optional[int] = ..., conversationTimestamp: _Optional[int] = ..., name: _Optional[str] = ..., archived: bool = ..., markedAsUnread: bool = ..., tcToken: _Optional[bytes] = ..., tcTokenTimestamp: _Optional[int] = ..., pinned: _Optional[int] = ..., muteEndTime: _Optional[int] = ..., isParentGroup: bool = ..., displayName: _Optional[str] = ..., pnJid: _Optional[str] = ..., lidJid: _Optional[str] = ..., locked: bool = ...) -> None: ...

class HistorySyncMsg(_message.Message):
    __slots__ = ("message", "msgOrderId")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MSGORDERID_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    msgOrderId: int
    def __init__(self, message: _Optional[bytes] = ..., msgOrderId: _Optional[int] = ...) -> None: ...

class MessageKey(_message.Message):
    __slots__ = ("remoteJid", "fromMe", "id", "participant")
    REMOTEJID_FIELD_NUMBER: _ClassVar[int]
    FROMME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    remoteJid: str
    fromMe: bool
    id: str
    participant: str
    def __init__(self, remoteJid: _Optional[str] = ..., fromMe: bool = ..., id: _Optional[str] = ..., participant: _Optional[str] = ...) -> None: ...

class WebMessageInfo(_message.Message):
    __slots__ = ("key", "message", "messageTimestamp", "participant", "pushName", "messageSecret")
    KEY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGETIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    PUSHNAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGESECRET_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    message: bytes
    messageTimestamp: int
    participant: str
    pushName: str
    messageSecret: bytes
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping]] = ..., message: _Optional[bytes] = ..., messageTimestamp: _Optional[int] = ..., participant: _Optional[str] = ..., pushName: _Optional[str] = ..., messageSecret: _Optional[bytes] = ...) -> None: ...

class Pushname(_message.Message):
    __slots__ = ("id", "pushname")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUSHNAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    pushname: str
    def __init__(self, id: _Optional[str] = ..., pushname: _Optional[str] = ...) -> None: ...

class PhoneNumberToLIDMapping(_message.Message):
    __slots__ = ("pnJid", "lidJid")
    PNJID_FIELD_NUMBER: _ClassVar[int]
    LIDJID_FIELD_NUMBER: _ClassVar[int]
    pnJid: str
    lidJid: str
    def __init__(self, pnJid: _Optional[str] = ..., lidJid: _Optional[str] = ...) -> None: ...
