"""Two places go on with one state that nobody said was copied: a cloned machine."""

import shutil

from custom_components.whatsapp_web.aiowhatsapp import SessionReplaced, Status
from tests.virtual_time import run

from .alone import (  # noqa: F401 - fixtures, used by their names
    SEED,
    Folders,
    _folders,
    _integrations,
    _quick,
)
from .world import PATIENCE, THEIRS, make_world


def test_the_one_that_was_put_out_never_uses_a_key_of_the_others(folders: Folders) -> None:
    async def main() -> None:
        async with make_world(folders(), SEED) as world:
            await world.link()
            await world.connected()
            await world.probe()
            await world.stop()
            original = world.path
            clone = original.with_name("clone.db")
            shutil.copy(original, clone)
            await world.start()
            await world.connected()
            first = world.client
            assert first is not None

            world.path = clone
            second = world.make_client()
            await second.start()
            await second.wait_connected(PATIENCE)
            await world.until(lambda: first.status is Status.ERROR)
            assert isinstance(first.last_error, SessionReplaced)
            lines = world.network.attempts
            await world.clock.sleep(3600)
            # Nobody fights over the line.
            assert world.network.attempts == lines
            for number in range(3):
                text = f"from the clone {number}"
                world.expected_out.append(text)
                await second.send_text(await second.resolve_number(THEIRS), text)
            await second.stop()

            # The clone is switched off, and a person has the first one begin again.
            await world.stop()
            world.path = original
            await world.start()
            await world.connected()
            await world.probe()
            await world.probe()
            world.check()

    run(main())
