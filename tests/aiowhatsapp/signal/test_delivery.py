"""Whatever the network does, every message is read exactly once."""

from dataclasses import dataclass, field
import random

import pytest

from custom_components.whatsapp_web.aiowhatsapp.errors import DuplicateMessage, SignalError
from custom_components.whatsapp_web.aiowhatsapp.signal import (
    EncryptedMessage,
    SenderKeyRecord,
    create,
    distribution_message,
    group_decrypt,
    group_encrypt,
    process_distribution,
)

from .support import Device, SeededBytes

# A message is overtaken by fewer newer ones than there are receiver chains.
OVERTAKING = 4


@dataclass
class Sent:
    """A message on its way."""

    text: bytes
    message: EncryptedMessage
    overtaken: int = 0


@dataclass
class Network:
    """Three devices and the messages between each two of them."""

    dice: random.Random
    devices: dict[str, Device]
    under_way: dict[tuple[str, str], list[Sent]] = field(default_factory=dict)
    delivered: list[tuple[str, str, Sent]] = field(default_factory=list)
    read: list[tuple[str, str, bytes]] = field(default_factory=list)
    expected: list[tuple[str, str, bytes]] = field(default_factory=list)

    def send(self, number: int) -> None:
        sender, reader = self.dice.sample(sorted(self.devices), 2)
        ours, theirs = self.devices[sender], self.devices[reader]
        if ours.record(reader) is None or self.dice.random() < 0.03:
            ours.begin(theirs, one_time=self.dice.random() < 0.8)
        text = b"%d" % number
        message = ours.encrypt(reader, text)
        if self.dice.random() < 0.1:
            return  # lost
        self.under_way.setdefault((sender, reader), []).append(Sent(text, message))
        self.expected.append((sender, reader, text))

    def deliver(self) -> None:
        ways = sorted(way for way, sent in self.under_way.items() if sent)
        if not ways:
            return
        way = self.dice.choice(ways)
        queue = self.under_way[way]
        place = 0 if queue[0].overtaken >= OVERTAKING else self.dice.randrange(len(queue))
        place = min(place, OVERTAKING)
        for sent in queue[:place]:
            sent.overtaken += 1
        sent = queue.pop(place)
        sender, reader = way
        result = self.devices[reader].decrypt(sender, sent.message)
        assert result.plaintext == sent.text
        self.read.append((sender, reader, result.plaintext))
        self.delivered.append((sender, reader, sent))
        if self.dice.random() < 0.2:
            with pytest.raises(DuplicateMessage):
                self.devices[reader].decrypt(sender, sent.message)

    def deliver_an_old_one_again(self) -> None:
        if not self.delivered:
            return
        sender, reader, sent = self.dice.choice(self.delivered)
        before = self.devices[reader].record(sender)
        with pytest.raises(SignalError):
            self.devices[reader].decrypt(sender, sent.message)
        assert self.devices[reader].record(sender) == before


@pytest.mark.parametrize("seed", range(12))
def test_every_message_is_read_exactly_once(seed: int) -> None:
    names = ("ada", "ben", "cyd")
    devices = {name: Device(name, ("delivery", seed)) for name in names}
    network = Network(random.Random(seed), devices)
    for number in range(400):
        network.send(number)
        for _ in range(network.dice.randrange(3)):
            network.deliver()
        if network.dice.random() < 0.1:
            network.deliver_an_old_one_again()
    while any(network.under_way.values()):
        network.deliver()
    assert sorted(network.read) == sorted(network.expected)
    assert len(network.read) > 300


@pytest.mark.parametrize("seed", range(6))
def test_every_group_message_is_read_exactly_once(seed: int) -> None:
    dice = random.Random(seed)
    random_bytes = SeededBytes(("group delivery", seed))
    ours = create(random_bytes)
    readers: list[SenderKeyRecord | None] = [None, None]
    pending: list[list[tuple[bytes, bytes]]] = [[], []]
    expected: list[list[bytes]] = [[], []]
    read: list[list[bytes]] = [[], []]

    for number in range(300):
        if number == 0 or dice.random() < 0.05:
            if dice.random() < 0.3:
                ours = create(random_bytes)
            readers = [process_distribution(one, distribution_message(ours)) for one in readers]
        ours, message = group_encrypt(ours, b"%d" % number, random_bytes)
        for index in range(2):
            if dice.random() < 0.9:
                pending[index].append((b"%d" % number, message))
                expected[index].append(b"%d" % number)
            # Sender keys are dropped by age: messages don't outlive many of them.
            while len(pending[index]) > dice.randrange(12):
                text, received = pending[index].pop(dice.randrange(min(4, len(pending[index]))))
                readers[index], plaintext = group_decrypt(readers[index], received)
                assert plaintext == text
                read[index].append(plaintext)
                with pytest.raises(DuplicateMessage):
                    group_decrypt(readers[index], received)
    for index in range(2):
        for text, received in pending[index]:
            readers[index], plaintext = group_decrypt(readers[index], received)
            assert plaintext == text
            read[index].append(plaintext)
        assert sorted(read[index]) == sorted(expected[index])
