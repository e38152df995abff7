"""Kafka, PostgreSQL and Redis as ordinary child processes, for a machine without containers.

Each server has a folder and ports of its own on 127.0.0.1; what the machine already runs is never touched.

    with Servers(Path(".local/bench")) as servers:
        servers.kafka.url, servers.postgres.url, servers.redis.url

    broker = Kafka(folder)
    broker.start(); broker.stop(); broker.start()    # the same port, the same data
"""

from deploy.local.kafka import Kafka
from deploy.local.packages import LOCAL, Unavailable
from deploy.local.postgres import Postgres
from deploy.local.process import Server
from deploy.local.redis import Redis
from deploy.local.servers import Servers

__all__ = ["LOCAL", "Kafka", "Postgres", "Redis", "Server", "Servers", "Unavailable"]
