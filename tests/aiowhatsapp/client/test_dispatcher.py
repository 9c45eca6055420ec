from collections.abc import Callable
import logging

import pytest

from custom_components.whatsapp_web.aiowhatsapp.client.dispatcher import Dispatcher
from custom_components.whatsapp_web.aiowhatsapp.events import (
    Event,
    OwnNameChanged,
    PasskeyRequested,
)

NAME = OwnNameChanged(name="Home")


def test_listeners_are_told_in_the_order_they_came() -> None:
    dispatcher, told = Dispatcher(), list[str]()

    def listener(name: str) -> Callable[[Event], None]:
        return lambda _: told.append(name)

    for name in ("first", "second", "third"):
        dispatcher.subscribe(OwnNameChanged, listener(name))
    dispatcher.emit(NAME)
    assert told == ["first", "second", "third"]


def test_each_hears_of_its_own_kind_only() -> None:
    dispatcher, names, all_kinds = Dispatcher(), list[Event](), list[Event]()
    dispatcher.subscribe(OwnNameChanged, names.append)
    dispatcher.subscribe(Event, all_kinds.append)
    dispatcher.emit(PasskeyRequested())
    dispatcher.emit(NAME)
    assert names == [NAME]
    assert all_kinds == []


def test_a_fault_of_one_reaches_no_other(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher, told = Dispatcher(), list[Event]()

    def faulty(_event: OwnNameChanged) -> None:
        raise ValueError("mine alone")

    dispatcher.subscribe(OwnNameChanged, faulty)
    dispatcher.subscribe(OwnNameChanged, told.append)
    dispatcher.emit(NAME)
    assert told == [NAME]
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.ERROR,
        "A listener of OwnNameChanged failed",
    )


def test_stopping() -> None:
    dispatcher, told = Dispatcher(), list[Event]()
    stop = dispatcher.subscribe(OwnNameChanged, told.append)
    stop()
    dispatcher.emit(NAME)
    assert told == []


def test_stopping_twice_ends_no_other_subscription() -> None:
    dispatcher, told = Dispatcher(), list[Event]()
    stop = dispatcher.subscribe(OwnNameChanged, told.append)
    dispatcher.subscribe(OwnNameChanged, told.append)
    stop()
    stop()
    dispatcher.emit(NAME)
    assert told == [NAME]


def test_listeners_come_and_go_while_others_are_told() -> None:
    dispatcher, told = Dispatcher(), list[str]()

    def once(_event: OwnNameChanged) -> None:
        told.append("once")
        stop()
        dispatcher.subscribe(OwnNameChanged, lambda _: told.append("late"))

    stop = dispatcher.subscribe(OwnNameChanged, once)
    dispatcher.subscribe(OwnNameChanged, lambda _: told.append("other"))
    dispatcher.emit(NAME)
    assert told == ["once", "other"]
    dispatcher.emit(NAME)
    assert told == ["once", "other", "other", "late"]


def test_nobody_listens() -> None:
    Dispatcher().emit(NAME)
