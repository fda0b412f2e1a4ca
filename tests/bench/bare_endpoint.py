"""The floor of intake: FastAPI, served as our services are, that waits for one acknowledgement.

`python -m tests.bench.bare_endpoint TOPIC`
"""

import asyncio
import sys

import uvloop
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry

from baton import kafka
from baton.metrics import HttpMetrics
from baton.service import serve
from baton.settings import ServiceSettings


async def run(settings: ServiceSettings, topic: str) -> None:
    """Until the process is ended."""
    producer: AIOKafkaProducer = kafka.producer(settings)
    await producer.start()
    app = FastAPI()

    @app.get("/readyz")
    async def readyz() -> None:
        pass

    @app.post("/")
    async def take(request: Request) -> JSONResponse:
        await producer.send_and_wait(topic, await request.body())
        return JSONResponse({"state": "published"}, 202)

    await serve(app, settings, HttpMetrics(CollectorRegistry()), (), asyncio.Event())
    await producer.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(ServiceSettings(), sys.argv[1]))
