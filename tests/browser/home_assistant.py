"""A real Home Assistant in a process of its own: start, onboard, ask, stop, kill."""

import asyncio
from collections.abc import AsyncIterator, Mapping
import contextlib
from dataclasses import dataclass
import itertools
import json
import os
from pathlib import Path
import re
import signal
import socket
import time
from types import TracebackType
from typing import Any, Self

import aiohttp

ROOT = Path(__file__).parents[2]
DOMAIN = "whatsapp_web"

# Starting takes 3 s on an idle machine with two cores.
START_TIMEOUT = 90.0
STOP_TIMEOUT = 60.0
ANSWER_TIMEOUT = 30.0

CONFIGURATION = """\
homeassistant:
  name: Home
  time_zone: UTC
  unit_system: metric
  country: US
  language: en
frontend:
config:
history:
logbook:
logger:
  default: info
  logs:
    # Not there on a machine without ffmpeg and libturbojpeg, and nothing here uses them.
    haffmpeg: critical
    homeassistant.components.camera.img_util: critical
"""


def environment_folder() -> Path:
    """Return the virtual environment that has Home Assistant with its front end."""
    return Path(os.environ.get("WHATSAPP_WEB_HA_VENV", ROOT / ".venv-ha"))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_config(folder: Path, port: int, *, ask_nothing: bool = False) -> None:
    """Make a config folder that listens on 127.0.0.1 alone and has the integration in it.

    What is there already stays, so that a folder can be started again. With `ask_nothing`,
    onboarding wants a first user and no more.
    """
    (folder / ".storage").mkdir(parents=True, exist_ok=True)
    (folder / "custom_components").mkdir(exist_ok=True)
    link = folder / "custom_components" / DOMAIN
    if not link.is_symlink():
        link.symlink_to(ROOT / "custom_components" / DOMAIN)
    yaml = folder / "configuration.yaml"
    if not yaml.exists():
        yaml.write_text(CONFIGURATION)
    # In configuration.yaml, http settings are a trial that reverts after five minutes.
    stable = {
        "server_port": port,
        "server_host": ["127.0.0.1"],
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "intermediate_v6",
        "use_x_frame_options": True,
        "created_at": "2026-01-01T00:00:00+00:00",
        "error": None,
        "error_message": None,
    }
    http = {"stable": stable, "pending": None, "yaml_migration_done": True}
    write_store(folder, "http", 3, http)
    if ask_nothing and not (folder / ".storage" / "onboarding").exists():
        # Its core_config step would set up integrations that need the internet.
        write_store(folder, "onboarding", 4, {"done": ["core_config", "analytics", "integration"]})


def write_store(folder: Path, key: str, version: int, data: object) -> None:
    """Write a file of Home Assistant's storage before it starts."""
    store = {"version": version, "minor_version": 1, "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(store))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a log-in gives; `for_browser` is what the front end keeps as hassTokens."""

    url: str
    access_token: str
    refresh_token: str
    expires_in: int

    def for_browser(self) -> dict[str, str | int]:
        """Return the value of the front end's `hassTokens` in localStorage."""
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "hassUrl": self.url,
            "clientId": f"{self.url}/",
            "expires": int((time.time() + self.expires_in) * 1000),
            "refresh_token": self.refresh_token,
        }


class Subscription:
    """Events of one subscription, in the order they came."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def next(self, wait: float = ANSWER_TIMEOUT) -> Any:
        """Return the next event; TimeoutError when none comes within `wait` seconds."""
        async with asyncio.timeout(wait):
            return await self.queue.get()


class WebSocketApi:
    """One authenticated connection to Home Assistant's WebSocket API."""

    def __init__(self, socket_: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket_
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._reader = asyncio.create_task(self._read())

    async def command(self, kind: str, **fields: object) -> Any:
        """Send a command and return its result; RuntimeError when it is refused."""
        return await self._send(next(self._ids), kind, fields)

    async def subscribe_events(self, event_type: str) -> Subscription:
        """Return a subscription that has every event of this type from now on."""
        return await self.subscribe("subscribe_events", event_type=event_type)

    async def subscribe(self, kind: str, **fields: object) -> Subscription:
        """Give a command that answers with events; return its subscription."""
        number = next(self._ids)
        subscription = self._subscriptions[number] = Subscription()
        await self._send(number, kind, fields)
        return subscription

    async def close(self) -> None:
        """Close the socket; its reader ends with it."""
        await self._socket.close()
        await self._reader

    async def _send(self, number: int, kind: str, fields: Mapping[str, object]) -> Any:
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": kind, **fields})
        async with asyncio.timeout(ANSWER_TIMEOUT):
            return await answer

    async def _read(self) -> None:
        async for message in self._socket:
            packet = message.json()
            for item in packet if isinstance(packet, list) else [packet]:
                self._take(item)
        for answer in self._answers.values():
            answer.set_exception(ConnectionError("Home Assistant closed the connection"))

    def _take(self, item: dict[str, Any]) -> None:
        if item["type"] == "event":
            self._subscriptions[item["id"]].queue.put_nowait(item["event"])
        elif item["type"] == "result":
            answer = self._answers.pop(item["id"])
            if answer.done():
                return
            if item["success"]:
                answer.set_result(item["result"])
            else:
                answer.set_exception(RuntimeError(json.dumps(item["error"])))


class HomeAssistant:
    """One Home Assistant on a config folder; may be started again after it ended."""

    def __init__(
        self,
        config: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` is added to that of this process."""
        self.config = config
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = dict(environment or {})
        self.log: list[str] = []
        self.tokens: Tokens | None = None
        self._log_grew = asyncio.Condition()
        self._log_ended = False
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()
        await self.close()

    # --- the process ----------------------------------------------------------

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self, wait: float = START_TIMEOUT) -> None:
        """Start it and return when it is initialized; RuntimeError with its log when it ends."""
        write_config(self.config, self.port, ask_nothing=True)
        self.log.clear()
        self._log_ended = False
        hass = environment_folder() / "bin" / "hass"
        self._process = await asyncio.create_subprocess_exec(
            hass,
            *("--config", self.config, "--skip-pip", "--log-no-color"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self.environment},
            limit=1 << 20,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read_log(self._process))
        try:
            await self.wait_for_log(r"Home Assistant initialized", wait)
        except BaseException:
            await self.kill()
            raise

    async def wait_for_log(self, pattern: str, wait: float = ANSWER_TIMEOUT) -> str:
        """Return the first line, past or to come, in which `pattern` is found."""
        wanted = re.compile(pattern)
        async with asyncio.timeout(wait), self._log_grew:
            for seen in itertools.count():
                while seen >= len(self.log):
                    if self._log_ended:
                        raise RuntimeError("Home Assistant ended:\n" + "\n".join(self.log[-50:]))
                    await self._log_grew.wait()
                if wanted.search(self.log[seen]):
                    return self.log[seen]
        raise AssertionError

    async def ended(self) -> None:
        """Return when the process has ended, for whatever reason."""
        async with self._log_grew:
            await self._log_grew.wait_for(lambda: self._log_ended)

    async def stop(self, wait: float = STOP_TIMEOUT) -> int:
        """Ask it to stop as a service manager would; return its exit code."""
        return await self._end(signal.SIGTERM, wait)

    async def kill(self) -> int:
        """End it and all its children at once, as a power cut would."""
        return await self._end(signal.SIGKILL, STOP_TIMEOUT)

    async def _end(self, how: signal.Signals, wait: float) -> int:
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            if how is signal.SIGKILL:
                os.killpg(process.pid, how)
            else:
                process.send_signal(how)
        async with asyncio.timeout(wait):
            await reader
            code = await process.wait()
        self._process = self._reader = None
        return code

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            async with self._log_grew:
                self.log.append(line.decode(errors="replace").rstrip())
                self._log_grew.notify_all()
        async with self._log_grew:
            self._log_ended = True
            self._log_grew.notify_all()

    # --- its APIs -------------------------------------------------------------

    @property
    def http(self) -> aiohttp.ClientSession:
        """The HTTP session to it, kept until `close`."""
        if self._http is None:
            self._http = aiohttp.ClientSession(self.url)
        return self._http

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def onboard(self, username: str = "demo", password: str = "demo") -> Tokens:
        """Make the first user, with which onboarding ends, and log in."""
        user = {
            "client_id": f"{self.url}/",
            "name": username.capitalize(),
            "username": username,
            "password": password,
            "language": "en",
        }
        made = await self.call("POST", "/api/onboarding/users", user)
        grant = {"grant_type": "authorization_code", "code": made["auth_code"]}
        self.tokens = await self._token(grant)
        await self.wait_until_stored("auth", self.tokens.refresh_token)
        return self.tokens

    async def wait_until_stored(self, key: str, text: str, wait: float = ANSWER_TIMEOUT) -> None:
        """Return when a storage file has this text in it.

        Home Assistant writes most of them a second or more after the change; what is not
        written is lost by `kill`, and it is not ours to lose.
        """
        file = self.config / ".storage" / key
        async with asyncio.timeout(wait):
            # Nothing tells when another process has written a file: look again and again.
            while not file.exists() or text not in file.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def renew_tokens(self) -> Tokens:
        """Log in again with the refresh token, which outlives restarts."""
        assert self.tokens is not None
        refresh = self.tokens.refresh_token
        self.tokens = await self._token({"grant_type": "refresh_token", "refresh_token": refresh})
        return self.tokens

    async def _token(self, grant: Mapping[str, str]) -> Tokens:
        form = {**grant, "client_id": f"{self.url}/"}
        async with self.http.post("/auth/token", data=form) as response:
            response.raise_for_status()
            answer = await response.json()
        return Tokens(
            url=self.url,
            access_token=answer["access_token"],
            refresh_token=answer.get("refresh_token") or grant["refresh_token"],
            expires_in=answer["expires_in"],
        )

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask the REST API, logged in if there was a log-in; return its JSON or text."""
        headers = {}
        if self.tokens is not None:
            headers["Authorization"] = f"Bearer {self.tokens.access_token}"
        async with self.http.request(method, path, json=body, headers=headers) as response:
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {await response.text()}")
            if response.content_type == "application/json":
                return await response.json()
            return await response.text()

    async def call_action(
        self, action: str, data: Mapping[str, object], *, respond: bool = False
    ) -> Any:
        """Call an action (`domain.name`); with `respond`, return its response data."""
        domain, name = action.split(".")
        query = "?return_response" if respond else ""
        answer = await self.call("POST", f"/api/services/{domain}/{name}{query}", dict(data))
        return answer["service_response"] if respond else None

    @contextlib.asynccontextmanager
    async def websocket(self) -> AsyncIterator[WebSocketApi]:
        """Give an authenticated WebSocket connection."""
        assert self.tokens is not None
        async with self.http.ws_connect("/api/websocket", max_msg_size=0) as socket_:
            await socket_.receive_json()
            auth = {"type": "auth", "access_token": self.tokens.access_token}
            await socket_.send_json(auth)
            answer = await socket_.receive_json()
            if answer["type"] != "auth_ok":
                raise RuntimeError(answer)
            api = WebSocketApi(socket_)
            try:
                yield api
            finally:
                await api.close()
