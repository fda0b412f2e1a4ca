"""How a service's process is put together: API, health, metrics, runner, and their common end."""

import asyncio
import gc
import hmac
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar, cast

import uvicorn
import uvloop
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp, Receive, Scope, Send

from baton import connections, database, logs, problems
from baton.logs import logger
from baton.manifest import Routers, ServiceManifest
from baton.metrics import HttpMetrics, RuntimeMetrics
from baton.problems import Problem
from baton.runtime import admin
from baton.runtime.commands import Commands
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.housekeeping import keep_house
from baton.runtime.policies import Policies
from baton.runtime.runner import Runner
from baton.runtime.status import Status
from baton.settings import ApiSettings, DatabaseSettings, ServiceSettings
from baton.tracing import Tracing

_LOG = logger(__name__)
_LAST_SECONDS = 5

_GC_THRESHOLDS = (50_000, 20, 10)
"""A batch makes tens of thousands of objects that live until its commit and then go at once, by
their reference counts. Python's own thresholds look through them dozens of times meanwhile, which
takes a third of a service's time."""

_KEEP_ALIVE_SECONDS = 90
"""Longer than clients and proxies keep idle connections: if we close one first, it may be while
their next request is on its way, which then fails."""

Metrics = TypeVar("Metrics")
Part = TypeVar("Part")


class Health(BaseModel):
    """`reasons` says for each part that can't work for now why not."""

    status: str
    reasons: dict[str, str] = {}


class _Documented(FastAPI):
    """Its document tells of errors as they are answered."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = problems.describe_problems(super().openapi())
        return self.openapi_schema


def application(
    manifest: ServiceManifest,
    api_token: str,
    routers: Routers,
    *,
    status: Status,
    registry: CollectorRegistry,
    tracing: Tracing,
    degraded: Status,
) -> FastAPI:
    """A service's HTTP side.

    Reasons in `degraded` leave the process ready: some of its work goes on.
    """
    app = _Documented(
        title=f"Baton {manifest.title}",
        description=manifest.description,
        version="1",
        docs_url="/docs",
        redoc_url=None,
        # A redirect would repeat the query, which may hold a secret, and few senders follow one.
        redirect_slashes=False,
        responses={
            "4XX": {
                "description": "A problem (RFC 9457)",
                "content": {
                    problems.MEDIA_TYPE: {"schema": problems.ProblemBody.model_json_schema()}
                },
            }
        },
    )
    problems.handle(app)
    demand = Depends(_bearer(api_token))
    for router in routers.guarded:
        app.include_router(router, dependencies=[demand])
    for router in routers.unguarded:
        app.include_router(router)
    app.include_router(_health(status, degraded, registry))
    app.add_middleware(_WithoutNul)
    app.add_middleware(_Traced, tracing=tracing)
    return app


def _bearer(token: str) -> Callable[..., Awaitable[None]]:
    scheme = HTTPBearer(auto_error=False)

    async def check(
        credentials: HTTPAuthorizationCredentials | None = Depends(scheme),  # noqa: B008 - FastAPI's way
    ) -> None:
        sent = "" if credentials is None else credentials.credentials
        if not hmac.compare_digest(sent.encode(errors="replace"), token.encode()):
            raise Problem(
                401,
                "Not authorised",
                "Send the header 'Authorization: Bearer TOKEN' with the deployment's API token.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check


def _health(status: Status, degraded: Status, registry: CollectorRegistry) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> Health:
        """Whether the process lives."""
        return Health(status="alive")

    @router.get("/readyz", response_model=Health)
    async def readyz() -> JSONResponse:
        """Whether it can do its work, and why not."""
        says = "not ready" if status.reasons else "degraded" if degraded.reasons else "ready"
        body = Health(status=says, reasons=degraded.reasons | status.reasons)
        return JSONResponse(body.model_dump(), status_code=503 if status.reasons else 200)

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus' text."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class _Traced:
    """Continues the caller's trace, or begins one, for each HTTP request."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        traceparent = headers.get(b"traceparent", b"").decode("latin-1") or None
        with self._tracing.request(scope["method"], traceparent) as span:
            await self._app(scope, receive, send)
            # The route's own path: what stands for its parameters may be a secret of a sender.
            if (route := scope.get("route")) is not None:
                span.update_name(f"{scope['method']} {route.path}")


class _WithoutNul:
    """Refuses an address with a NUL character in it: whatever it names, no table can have it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http" and b"%00" in scope["raw_path"]:
            answer = problems.response(Problem(404, "Not found", "no name has a NUL character"))
        elif scope["type"] == "http" and b"%00" in scope["query_string"]:
            reason = "must not have NUL characters (%00)"
            answer = problems.response(Problem(422, "Invalid request", reason, field="query"))
        await answer(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Task:
    """A task that runs as long as the process; when it ends, the process ends. `work` makes the
    coroutine. Tasks with `heeds_stop` end by themselves when the process stops; the others are
    cancelled after that.
    """

    name: str
    work: Callable[[], Coroutine[None, None, None]]
    heeds_stop: bool = False


class _Server(uvicorn.Server):
    """uvicorn beside other tasks: signals are the process's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_server(app: ASGIApp, settings: ApiSettings, metrics: HttpMetrics) -> uvicorn.Server:
    """The server of a process's API, not started. It logs no request: queries may hold secrets."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=connections.limited_protocol(
            connections.ConnectionLimits(settings.connections, metrics)
        ),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    return _Server(config)


async def serve(
    app: FastAPI,
    settings: ApiSettings,
    metrics: HttpMetrics,
    tasks: Sequence[Task],
    stop: asyncio.Event,
) -> None:
    """Answer HTTP and do the tasks until SIGTERM or SIGINT, or until one of them ends by itself.

    At a signal `stop` is set, and all is over within `Times.shutdown`. Raises what a task raised.
    """
    server = http_server(app, settings, metrics)
    gc.freeze()  # what start-up made stays to the end
    gc.set_threshold(*_GC_THRESHOLDS)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    all_tasks = (*tasks, Task("http", server.serve, heeds_stop=True))
    running = {asyncio.create_task(task.work(), name=task.name): task for task in all_tasks}
    stopping = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    ended = [task for task in done if task is not stopping]
    if ended and not stop.is_set():
        _LOG.error("a task of the process has ended", tasks=[task.get_name() for task in ended])
    stop.set()
    server.should_exit = True
    stopping.cancel()
    await _wind_up(running, settings.times.shutdown.total_seconds())
    for task in ended:
        task.result()


async def _wind_up(running: Mapping[asyncio.Task[None], Task], within: float) -> None:
    heeding = [task for task, definition in running.items() if definition.heeds_stop]
    _, late = await asyncio.wait(heeding, timeout=within)
    if late:
        _LOG.error("not ended in time", tasks=[task.get_name() for task in late])
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=_LAST_SECONDS)


@dataclass(frozen=True, slots=True)
class Resources:
    """The parts of the process that its routes can use. Raises LookupError, at the start of the
    process, for a part that the manifest does not declare.
    """

    settings: ApiSettings
    metrics_by_class: Mapping[type, object]
    engine_or_none: AsyncEngine | None = None
    commands_or_none: Commands | None = None

    @property
    def engine(self) -> AsyncEngine:
        """Connections to the service's schema."""
        return _declared(self.engine_or_none, "tables")

    @property
    def commands(self) -> Commands:
        """Sends commands to a subject's shard."""
        return _declared(self.commands_or_none, "consumer")

    def metrics(self, declared: type[Metrics]) -> Metrics:
        """The process's instance of one of the manifest's classes of metrics."""
        found = _declared(self.metrics_by_class.get(declared), f"metrics {declared.__name__}")
        return cast("Metrics", found)


def _declared(part: Part | None, name: str) -> Part:
    if part is None:
        raise LookupError(f"the service's manifest declares no {name}")
    return part


async def run(manifest: ServiceManifest, settings: ApiSettings) -> None:
    """The whole life of a service's process, put together from what its manifest declares.

    Raises TypeError where the settings lack a part that the manifest needs.
    """
    stop = asyncio.Event()
    registry = CollectorRegistry()
    status, degraded = Status(), Status()
    tasks: list[Task] = []
    operations: list[APIRouter] = []
    async with AsyncExitStack() as parts:
        resources = Resources(
            settings, {declared: declared(registry) for declared in manifest.metrics()}
        )
        if manifest.consumer is None:
            tracing = _tracing(settings, manifest.package)
        else:
            of_runner = _with(ServiceSettings, settings, manifest)
            service = manifest.consumer()
            needs = await dependencies(of_runner, service, registry, status, degraded)
            parts.callback(needs.pool.terminate)
            tracing = needs.tracing
            runner = Runner(service, needs)
            commands = Commands(manifest.package, of_runner, needs.pool, runner.wake)
            resources = replace(resources, commands_or_none=commands)
            operations.append(admin.router(needs.pool, of_runner, commands))
            tasks.append(Task("runner", partial(runner.run, stop), heeds_stop=True))
            tasks += background(needs, commands)
        parts.callback(tracing.close)
        if manifest.tables is not None:
            of_database = _with(DatabaseSettings, settings, manifest)
            engine = database.engine(of_database, manifest.package)
            parts.push_async_callback(engine.dispose)
            resources = replace(resources, engine_or_none=engine)
        routers = manifest.routers(resources)
        app = application(
            manifest,
            settings.api_token.get_secret_value(),
            replace(routers, guarded=[*routers.guarded, *operations]),
            status=status,
            degraded=degraded,
            registry=registry,
            tracing=tracing,
        )
        await serve(app, settings, HttpMetrics(registry), tasks, stop)


def _with(part: type[Part], settings: ApiSettings, manifest: ServiceManifest) -> Part:
    if not isinstance(settings, part):
        raise TypeError(
            f"{type(settings).__name__} of {manifest.name} must have {part.__name__} among its "
            "bases, since the manifest declares a part that needs them"
        )
    return settings


def _tracing(settings: ApiSettings, name: str) -> Tracing:
    endpoint = settings.otlp_endpoint
    return Tracing(name, None if endpoint is None else str(endpoint))


async def dependencies(
    settings: ServiceSettings,
    service: Service[Any, Any],
    registry: CollectorRegistry,
    status: Status,
    degraded: Status,
    *,
    runner_may_fail: bool = False,
) -> Dependencies:
    """The dependencies of a runner, made without I/O. `runner_may_fail`: if the runner fails, the
    service is only degraded, and it continues with the last bundle that it can read.
    """
    return Dependencies(
        settings=settings,
        pool=await database.pool(settings, service.name, settings.times),
        policies=Policies(settings, status, service.reads, degraded if runner_may_fail else None),
        status=degraded if runner_may_fail else status,
        degraded=degraded,
        metrics=RuntimeMetrics(registry),
        tracing=_tracing(settings, service.name),
    )


def background(needs: Dependencies, commands: Commands) -> Sequence[Task]:
    """The background tasks of each process with a runner."""
    return (
        Task("policy feed", partial(needs.policies.feed, needs.pool)),
        Task("commands", commands.listen),
        Task("housekeeping", partial(keep_house, needs.pool)),
    )


def main(
    manifest: ServiceManifest, own_run: Callable[[Any], Coroutine[None, None, None]] | None = None
) -> None:
    """Start a process: read its settings, or say in a line each what is wrong with them.

    `own_run` is given the settings, and takes the place of `run` in a service that puts its parts
    together itself.
    """
    service = manifest.package
    try:
        settings = manifest.settings()()
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            name = "BATON_" + "__".join(str(part) for part in detail["loc"]).upper()
            sys.stderr.write(f"{service}: {name}: {detail['msg']}\n")
        sys.exit(2)
    logs.configure(service, settings.log_format, settings.log_level)
    live = own_run or partial(run, manifest)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(live(settings))
    except Exception:  # noqa: BLE001 - whatever it is, the log must have it, and the exit code
        _LOG.exception("the process ends")
        sys.exit(1)
