"""Kill our client at random points of a conversation with a peer, and count what is left."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass
import itertools
import json
import os
from pathlib import Path
import random
import signal
import sys
import time
from typing import Self

from tests.peers.peer import Peer
from tests.simulator import Simulator
from tests.simulator.accounts import Account

from .crash_client import ANSWERED, RECEIVED, SETTINGS
from .ours import OurDevice

PATIENCE = 120.0
# A peer's messages follow one another; each is answered.
PAUSE = 0.1
# Every fourth kill falls into the start-up, the others into what follows.
LONGEST_START, LONGEST_RUN = 0.1, 1.0
ROOT = Path(__file__).parents[2]


class Traffic:
    """A peer that writes all the time, and keeps what it was answered."""

    def __init__(self, peer: Peer, to: str) -> None:
        self._peer = peer
        self._to = to
        self.sent: list[str] = []
        self._stopping = False
        self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        for index in itertools.count():
            if self._stopping:
                return
            text = f"message {index}"
            await self._peer.send_text(self._to, text)
            self.sent.append(text)
            # A person's pace is not the point: steady traffic at every kill is.
            await asyncio.sleep(PAUSE)

    async def stop(self) -> list[str]:
        """Write no more, and give all that was written: a message on its way counts."""
        self._stopping = True
        await self._task
        return self.sent

    def answers(self) -> dict[str, Counter[str]]:
        """Count what the peer's library gave out: by text, how often under which id."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for message in self._peer.messages():
            if not message.from_me and (message.text or "").startswith("re: "):
                found[(message.text or "").removeprefix("re: ")][message.id] += 1
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is left of a conversation in which one side was killed all the time."""

    kills: int
    kills_online: int
    seconds: float
    written: int
    received: Counter[str]
    lost: list[str]
    doubled: list[str]
    confirmed: int
    answers_lost: list[str]
    answers_shown_twice: list[str]
    answers_repeated: int
    ciphertexts: int
    violations: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled or used twice."""
        wrong = (
            self.lost,
            self.doubled,
            self.answers_lost,
            self.answers_shown_twice,
            self.violations,
        )
        return not any(wrong)

    def rows(self) -> list[tuple[str, str]]:
        """Say it in rows of a table."""
        return [
            ("kill -9", str(self.kills)),
            ("- of them with the line up, in the middle of traffic", str(self.kills_online)),
            ("time", f"{self.seconds:.0f} s"),
            ("messages that the peer wrote", str(self.written)),
            ("- lost", str(len(self.lost))),
            ("- told twice", str(len(self.doubled))),
            ("answers that the server confirmed to us", str(self.confirmed)),
            ("- lost", str(len(self.answers_lost))),
            ("- shown twice at the peer (under two ids)", str(len(self.answers_shown_twice))),
            (
                "- sent again under the same id, as a kill hid the ack",
                str(self.answers_repeated),
            ),
            ("ciphertexts that crossed the server", str(self.ciphertexts)),
            (
                "keys used twice, and other violations",
                str(len(self.violations)),
            ),
        ]


class CrashClient:
    """The process in which our client lives, between one kill and the next."""

    def __init__(self, folder: Path, module: str = "tests.conversation.crash_client") -> None:
        self._folder = folder
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._client = 0

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            str(self._folder),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def start(self) -> None:
        """Begin a client; the one before must have been killed."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE):
            self._client = int(await self._process.stdout.readline())

    def kill(self) -> None:
        """End the client at whatever it does."""
        os.kill(self._client, signal.SIGKILL)

    def lines(self, name: str) -> list[str]:
        """Read what all clients so far have written down."""
        return (self._folder / name).read_text().splitlines()

    async def wait_for(self, name: str, wanted: set[str], *, after: int) -> None:
        """Wait until all of these are written down; `after` columns to skip."""
        async with asyncio.timeout(PATIENCE):
            # Nothing tells when another process has written a file: look again and again.
            while not wanted <= {line.split(" ", after)[-1] for line in self.lines(name)}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def link(simulator: Simulator, account: Account, folder: Path) -> None:
    """Link our client, and leave its credentials for the processes to come."""
    ours = OurDevice(simulator, account, folder)
    try:
        await ours.link()
        assert ours.credentials is not None
        settings = {
            "url": simulator.url,
            "root_key": simulator.root_key.hex(),
            "credentials": ours.credentials.to_dict(),
        }
    finally:
        await ours.aclose()
    (folder / SETTINGS).write_text(json.dumps(settings))
    for name in (RECEIVED, ANSWERED):
        (folder / name).touch()


async def crash(
    simulator: Simulator, account: Account, peer: Peer, folder: Path, *, kills: int, seed: int
) -> Outcome:
    """Kill our client that often while the peer writes to it, then let all arrive."""
    chance = random.Random(seed)
    await link(simulator, account, folder)
    (device,) = account.companions
    online = 0
    began = time.monotonic()
    async with CrashClient(folder) as client:
        await client.start()
        await simulator.ledger.until(lambda: simulator.connected(device), timeout=PATIENCE)
        traffic = Traffic(peer, str(account.lid_jid))
        for kill in range(kills):
            longest = LONGEST_START if kill % 4 == 3 else LONGEST_RUN
            await asyncio.sleep(chance.uniform(0, longest))
            online += simulator.connected(device)
            client.kill()
            await client.start()
        sent = await traffic.stop()
        await client.wait_for(RECEIVED, set(sent), after=2)
        await client.wait_for(ANSWERED, set(sent), after=0)
        await simulator.settled(timeout=PATIENCE)
        client.kill()
        received = Counter(line.split(" ", 2)[2] for line in client.lines(RECEIVED))
        confirmed = client.lines(ANSWERED)
    answers = traffic.answers()
    return Outcome(
        kills=kills,
        kills_online=online,
        seconds=time.monotonic() - began,
        written=len(sent),
        received=received,
        lost=sorted(set(sent) - set(received)),
        doubled=[text for text, count in received.items() if count > 1],
        confirmed=len(set(confirmed)),
        answers_lost=sorted(set(confirmed) - set(answers)),
        answers_shown_twice=[text for text, ids in answers.items() if len(ids) > 1],
        answers_repeated=sum(ids.total() - len(ids) for ids in answers.values()),
        ciphertexts=simulator.ledger.ciphertexts,
        violations=list(simulator.ledger.violations),
    )
