"""Options flow: what a person may choose for a connection after it was linked."""

from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .const import (
    CONF_APPEAR_ONLINE,
    CONF_BACKUP_AFTER,
    CONF_BACKUP_CONNECTION,
    CONF_BLOCK_CHANGED_IDENTITY,
    CONF_DEFAULT_RECIPIENT,
    CONF_FETCH_MEDIA,
    CONF_FOLLOW_PRESENCE,
    CONF_MARK_AS_READ,
    CONF_MESSAGES_PER_MINUTE,
    CONF_PEOPLE,
    CONF_PERSON,
    CONF_PHONE,
    CONF_STALE_AFTER,
    CONF_STATUS_UPDATES,
    DOMAIN,
    RECIPIENT_ME,
)
from .options import (
    DEFAULT_BACKUP_SECONDS,
    DEFAULT_MESSAGES_PER_MINUTE,
    DEFAULT_STALE_MINUTES,
)
from .recipients import parse_recipient

MAX_MESSAGES_PER_MINUTE: Final = 600
MAX_STALE_MINUTES: Final = 7 * 24 * 60
MAX_BACKUP_SECONDS: Final = 24 * 3600
ERROR_RECIPIENT: Final = "invalid_recipient"

_PERSON_FIELDS: Final[dict[str, ObjectSelectorField]] = {
    CONF_PERSON: {
        "selector": EntitySelector(EntitySelectorConfig(domain="person")),
        "required": True,
    },
    CONF_PHONE: {"selector": TextSelector(), "required": True},
}


class WhatsAppOptionsFlow(OptionsFlowWithReload):
    """One form; the entry is set up again when something was changed."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all options at once."""
        errors = {} if user_input is None else _errors(user_input)
        if user_input is not None and not errors:
            return self.async_create_entry(data=_cleaned(user_input))
        backups = other_connections(self.hass, self.config_entry.entry_id)
        shown = dict(user_input or self.config_entry.options)
        if shown.get(CONF_BACKUP_CONNECTION) not in {backup["value"] for backup in backups}:
            # It was removed meanwhile, and what is no choice can't be shown as one.
            shown.pop(CONF_BACKUP_CONNECTION, None)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(_schema(backups), shown),
            errors=errors,
        )


@callback
def other_connections(hass: HomeAssistant, entry_id: str) -> list[SelectOptionDict]:
    """List all connections but that one, to choose among."""
    return [
        SelectOptionDict(value=entry.entry_id, label=entry.title)
        for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        if entry.entry_id != entry_id
    ]


def _schema(backups: list[SelectOptionDict]) -> vol.Schema:
    fields: dict[vol.Marker, object] = {
        vol.Optional(CONF_DEFAULT_RECIPIENT, default=[RECIPIENT_ME]): TextSelector(
            TextSelectorConfig(multiple=True)
        ),
        vol.Required(CONF_MESSAGES_PER_MINUTE, default=DEFAULT_MESSAGES_PER_MINUTE): _number(
            1, MAX_MESSAGES_PER_MINUTE
        ),
        vol.Required(CONF_STALE_AFTER, default=DEFAULT_STALE_MINUTES): _number(
            0, MAX_STALE_MINUTES, "min"
        ),
        vol.Required(CONF_FETCH_MEDIA, default=False): BooleanSelector(),
        vol.Required(CONF_MARK_AS_READ, default=False): BooleanSelector(),
        vol.Required(CONF_APPEAR_ONLINE, default=False): BooleanSelector(),
        vol.Required(CONF_STATUS_UPDATES, default=False): BooleanSelector(),
        vol.Optional(CONF_FOLLOW_PRESENCE, default=[]): TextSelector(
            TextSelectorConfig(multiple=True)
        ),
        vol.Optional(CONF_PEOPLE, default=[]): ObjectSelector(
            ObjectSelectorConfig(
                multiple=True,
                fields=_PERSON_FIELDS,
                label_field=CONF_PERSON,
                description_field=CONF_PHONE,
                translation_key=CONF_PEOPLE,
            )
        ),
        vol.Required(CONF_BLOCK_CHANGED_IDENTITY, default=False): BooleanSelector(),
    }
    if backups:
        fields[vol.Optional(CONF_BACKUP_CONNECTION)] = SelectSelector(
            SelectSelectorConfig(options=backups, mode=SelectSelectorMode.DROPDOWN)
        )
        fields[vol.Required(CONF_BACKUP_AFTER, default=DEFAULT_BACKUP_SECONDS)] = _number(
            0, MAX_BACKUP_SECONDS, "s"
        )
    return vol.Schema(fields)


def _number(lowest: int, highest: int, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=lowest, max=highest, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _errors(user_input: dict[str, Any]) -> dict[str, str]:
    """Say which field can't be used, by the key of a text."""
    people = user_input.get(CONF_PEOPLE, ())
    recipients = {
        CONF_DEFAULT_RECIPIENT: user_input[CONF_DEFAULT_RECIPIENT],
        CONF_FOLLOW_PRESENCE: user_input.get(CONF_FOLLOW_PRESENCE, ()),
        CONF_PEOPLE: [each[CONF_PHONE] for each in people],
    }
    for key, listed in recipients.items():
        for recipient in listed:
            try:
                parse_recipient(recipient)
            except ServiceValidationError:
                return {key: ERROR_RECIPIENT}
    return {}


def _cleaned(user_input: dict[str, Any]) -> dict[str, Any]:
    """Give what is to be kept: a number comes as a fraction."""
    return {
        key: int(value) if isinstance(value, float) else value for key, value in user_input.items()
    }
