"""What a client goes through, step by step: the places at which a line may break."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.simulator.faults import by

from .world import World

DAY = 24 * 3600.0


@dataclass(frozen=True)
class Scenario:
    """`act` is done under a fault; `prepare` leads there without one."""

    name: str
    prepare: Callable[[World], Awaitable[None]]
    act: Callable[[World], Awaitable[None]]


async def nothing(_world: World) -> None:
    """Begin with an installation that was never linked."""


async def linked(world: World) -> None:
    await world.link()
    await world.connected()


async def acquainted(world: World) -> None:
    await linked(world)
    await world.probe()


async def away(world: World) -> None:
    """Be offline while things happen: messages, an own message, a month."""
    await acquainted(world)
    await world.stop()
    world.clock.skew += 28 * DAY
    await world.write("while away 1")
    await world.write("while away 2")


async def come_back(world: World) -> None:
    await world.start()
    await world.connected()


async def link(world: World) -> None:
    await world.link()
    await world.connected()


async def send(world: World) -> None:
    await world.send("out")
    await world.arrived()


async def receive(world: World) -> None:
    await world.write("in")
    await world.arrived()


async def receive_several(world: World) -> None:
    for index in range(3):
        await world.write(f"in {index}")
    await world.arrived()


async def receive_spoiled(world: World) -> None:
    world.sim.faults.add("spoil", by("message"), device=world.device)
    await receive(world)


async def receive_withheld(world: World) -> None:
    """Have the server withhold a message: our own phone brings it."""
    world.sim.faults.add("withhold", by("message"), device=world.device)
    await receive(world)


async def send_to_forgetful(world: World) -> None:
    """Write to a phone that has lost its sessions, and asks for the message again."""
    world.theirs.phone.keys.forget(world.device)
    await send(world)


async def run_low(world: World) -> None:
    """Have the server say that our one-time keys run out."""
    keys = world.device.keys
    while len(keys.one_time) > 3:
        keys.one_time.popitem()
    uploads = keys.uploads
    world.sim.notices.prekeys_low(world.device)
    await world.until(lambda: keys.uploads > uploads)


async def change_chats(world: World) -> None:
    """Archive a chat here while it is muted on the phone; both devices show both."""
    world.ours.phone.state.mute(world.theirs)
    await world.archive()
    await world.until(world.is_archived_and_muted)


async def idle(world: World) -> None:
    """Live through a round of keepalive, and answer a ping of the server's."""
    await world.clock.sleep(20)
    if world.sim.connected(world.device):
        world.sim.faults.ping(world.device)
    await world.clock.sleep(10)


SCENARIOS = (
    Scenario("link, first login", nothing, link),
    Scenario("come back", away, come_back),
    Scenario("first send", linked, send),
    Scenario("send", acquainted, send),
    Scenario("first receive", linked, receive),
    Scenario("receive", acquainted, receive_several),
    Scenario("ask for it again", acquainted, receive_spoiled),
    Scenario("ask the phone", acquainted, receive_withheld),
    Scenario("be asked again", acquainted, send_to_forgetful),
    Scenario("new one-time keys", linked, run_low),
    Scenario("change chats", acquainted, change_chats),
    Scenario("idle", linked, idle),
)

# Those in which much happens between two frames: on disk, and on its way to listeners.
BUSY = tuple(
    scenario
    for scenario in SCENARIOS
    if scenario.name
    not in ("link, first login", "new one-time keys", "change chats", "ask the phone", "idle")
)
