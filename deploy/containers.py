"""Kafka, PostgreSQL and Redis in containers for the tests, by testcontainers."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped, unused-ignore]
import docker.errors  # type: ignore[import-untyped, unused-ignore]
import requests  # type: ignore[import-untyped, unused-ignore]

from deploy.local.kafka import VERSION, brokers
from deploy.local.packages import Unavailable
from deploy.local.process import HOST, free_ports, wait_until

IMAGES = {"kafka": f"apache/kafka:{VERSION}", "postgres": "postgres:15", "redis": "redis:7"}
PULL_SECONDS = 120.0
SILENCE_SECONDS = 15
"""A pull that says nothing for so long has no registry to talk to."""
LABEL = "suizhuan.tests"


@dataclass(frozen=True)
class Container:
    url: str
    stop: Callable[[], None]


def daemon() -> None:
    """Raises Unavailable when no Docker daemon answers. Containers that a killed run left here are removed."""
    client = _client()
    try:
        for left in client.containers.list(all=True, filters={"label": LABEL}):
            if not _alive(left.labels[LABEL]):
                left.remove(force=True, v=True)
    finally:
        client.close()


def start(server: str) -> Container:
    """A running, answering server. Raises Unavailable when its image or a working container cannot be had."""
    _settings()
    _have_image(IMAGES[server])
    from testcontainers.core.exceptions import ContainerStartException  # noqa: PLC0415  after the settings

    try:
        return {"kafka": _kafka, "postgres": _postgres, "redis": _redis}[server]()
    except (docker.errors.DockerException, ContainerStartException, ConnectionError, TimeoutError) as failure:
        raise Unavailable(f"container {IMAGES[server]}: {failure}") from failure


def _settings() -> None:
    # testcontainers reads them when it is imported. Its reaper is one more image to pull, `daemon` does its work; and
    # published ports are reached at the daemon's host, also from inside a container, where it would guess otherwise.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")


def _client(timeout: int = 10) -> Any:
    try:
        client = docker.from_env(timeout=timeout)
        client.ping()
    except (docker.errors.DockerException, OSError) as silent:
        raise Unavailable("no Docker daemon answers / 没有 Docker 守护进程应答") from silent
    return client


def _have_image(image: str) -> None:
    client = _client(timeout=SILENCE_SECONDS)
    deadline = time.monotonic() + PULL_SECONDS
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        name, _, tag = image.partition(":")
        try:
            for said in client.api.pull(name, tag=tag, stream=True, decode=True):
                if "error" in said:
                    raise Unavailable(f"{image}: {said['error']}") from None
                if time.monotonic() > deadline:
                    raise Unavailable(f"{image}: not pulled within {PULL_SECONDS:g} s / 未能及时拉取") from None
        except (docker.errors.DockerException, requests.RequestException) as failure:
            raise Unavailable(f"{image}: not present and not pulled / 本地没有且无法拉取: {failure}") from failure
    finally:
        client.close()


def _redis() -> Container:
    from testcontainers.community.redis import RedisContainer  # noqa: PLC0415

    container = _started(RedisContainer(IMAGES["redis"], labels=_mark()))
    return Container(f"redis://{_host(container)}:{container.get_exposed_port(6379)}/0", container.stop)


def _postgres() -> Container:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    password = secrets.token_urlsafe(18)
    container = PostgresContainer(
        IMAGES["postgres"], username="suizhuan", password=password, dbname="postgres", driver=None, labels=_mark()
    )
    # As deploy.local has it: a machine that crashes may lose what tests wrote.
    container.with_command("postgres -c max_connections=300 -c fsync=off -c full_page_writes=off")
    _started(container)
    url = f"postgresql://suizhuan:{password}@{_host(container)}:{container.get_exposed_port(5432)}/postgres"
    return Container(url, container.stop)


def _kafka() -> Container:
    """Apache's own image. testcontainers' KafkaContainer is made for Confluent's, so this one is told everything."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    (port,) = free_ports(1)  # chosen before the start, since the broker must advertise it
    container = DockerContainer(IMAGES["kafka"], labels=_mark()).with_bind_ports(9092, port)
    host = _host(container)
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENERS": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://{host}:{port}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "OFFSETS_TOPIC_NUM_PARTITIONS": "5",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "TRANSACTION_STATE_LOG_NUM_PARTITIONS": "5",
        "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "HEAP_OPTS": "-Xmx512m",
    }
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name}", value)
    _started(container)
    wrapped = container.get_wrapped_container()

    def running() -> bool:
        wrapped.reload()
        return bool(wrapped.status == "running")

    try:
        wait_until(lambda: brokers(host, port) > 0, timeout=90, alive=running)
    except BaseException:
        container.stop()
        raise
    return Container(f"{host}:{port}", container.stop)


def _started(container: Any) -> Any:
    try:
        return container.start()
    except BaseException:
        container.stop()  # created but not running: it would be left behind
        raise


def _host(container: Any) -> str:
    # "localhost" may mean ::1 first, where nothing is published.
    host = str(container.get_docker_client().host())
    return HOST if host == "localhost" else host


def _mark() -> dict[str, str]:
    return {LABEL: f"{socket.gethostname()}:{os.getpid()}"}


def _alive(mark: str) -> bool:
    host, _, pid = mark.rpartition(":")
    return host != socket.gethostname() or Path("/proc", pid).exists()
