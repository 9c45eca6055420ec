"""Composing places, that stay or that move."""

import math
from typing import Final

from ...errors import InvalidDraft
from ...proto import wire
from ..drafts import LiveLocation, Location
from .text import encodable

MAX_NAME: Final = 1024
MAX_METRES: Final = 1_000_000


def compose_location(draft: Location) -> wire.Message:
    """Compose a place; raise `InvalidDraft` when it is none on Earth."""
    message = wire.Message()
    fill_location(message.locationMessage, draft)
    return message


def compose_live_location(draft: LiveLocation) -> wire.Message:
    """Compose one update of a place that moves."""
    message = wire.Message()
    content = message.liveLocationMessage
    content.degreesLatitude, content.degreesLongitude = _on_earth(draft.latitude, draft.longitude)
    if draft.accuracy is not None:
        content.accuracyInMeters = min(max(draft.accuracy, 0), MAX_METRES)
    if draft.speed is not None and math.isfinite(draft.speed):
        content.speedInMps = max(draft.speed, 0.0)
    if draft.bearing is not None:
        content.degreesClockwiseFromMagneticNorth = draft.bearing % 360
    if draft.caption:
        content.caption = encodable(draft.caption, MAX_NAME)
    content.sequenceNumber = max(draft.sequence, 1)
    content.timeOffset = max(draft.time_offset, 0)
    if draft.thumbnail:
        content.jpegThumbnail = draft.thumbnail
    return message


def fill_location(content: wire.Message.LocationMessage, draft: Location) -> None:
    """Write a place into a message, or into the event that takes place there."""
    content.degreesLatitude, content.degreesLongitude = _on_earth(draft.latitude, draft.longitude)
    if draft.name:
        content.name = encodable(draft.name, MAX_NAME)
    if draft.address:
        content.address = encodable(draft.address, MAX_NAME)
    if draft.url:
        content.url = encodable(draft.url, MAX_NAME)
    if draft.accuracy is not None:
        content.accuracyInMeters = min(max(draft.accuracy, 0), MAX_METRES)
    if draft.thumbnail:
        content.jpegThumbnail = draft.thumbnail


def _on_earth(latitude: float, longitude: float) -> tuple[float, float]:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise InvalidDraft("Not a place on Earth")
    return latitude, longitude
