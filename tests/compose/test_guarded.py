"""What the containers of the stack may do, know and reach."""

from __future__ import annotations

import json

import asyncpg
import pytest
import redis

from deploy.topology import BY_NAME

from .stack import Stack, docker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
OURS = [*BY_NAME, *(f"{name}-worker" for name in BY_NAME), "issuer"]
SERVERS = ("kafka", "postgres", "redis")


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_as_nobody_and_writes_nothing_but_what_it_was_given(stack: Stack, name: str) -> None:
    container = stack.containers()[name]["Id"]
    assert docker("exec", container, "id", "-u").stdout.strip() == "10001"
    for place in ("/probe", "/opt/suizhuan/probe", "/usr/local/probe", "/etc/probe"):
        assert docker("exec", container, "touch", place, check=False).returncode != 0, place
    powers = docker("exec", container, "sh", "-c", "grep CapEff /proc/1/status").stdout.split()[1]
    assert int(powers, 16) == 0


@pytest.mark.parametrize("name", OURS)
def test_an_image_holds_nothing_to_build_or_install_with(stack: Stack, name: str) -> None:
    container = stack.containers()[name]["Id"]
    tools = "pip pip3 uv gcc cc make git curl wget"
    found = docker("exec", container, "sh", "-c", f"for tool in {tools}; do command -v $tool; done; true").stdout
    assert found == ""
    assert docker("exec", container, "python", "-c", "import pip", check=False).returncode != 0


def test_only_the_doors_are_published_and_on_this_host_alone(stack: Stack) -> None:
    published = {
        (name, port, where["HostIp"])
        for name, container in stack.containers().items()
        for port, places in (container["NetworkSettings"]["Ports"] or {}).items()
        for where in places or ()
    }
    assert published == {("gateway", "8080/tcp", "127.0.0.1"), ("issuer", "8090/tcp", "127.0.0.1")}


def test_no_secret_stands_in_an_image_a_setting_or_a_log(stack: Stack) -> None:
    secrets = {file.name: file.read_text().strip() for file in stack.secrets.iterdir()}
    assert min(map(len, secrets.values())) >= 32
    for name, container in stack.containers().items():
        image = container["Image"]
        said = {
            "settings": str(container["Config"]) + str(container["Args"]),
            "image": docker("image", "inspect", image).stdout + docker("history", "--no-trunc", image).stdout,
            "log": stack.logs(name),
        }
        for where, text in said.items():
            assert [secret for secret, value in secrets.items() if value in text] == [], (name, where)


@pytest.mark.parametrize("role", BY_NAME)
async def test_a_role_reaches_its_own_database_only(stack: Stack, role: str) -> None:
    address, reached = stack.address("postgres"), set()
    for database in (*BY_NAME, "postgres", "template1"):
        try:
            connection = await asyncpg.connect(
                host=address, user=role, password=stack.secret(f"postgres_{role}"), database=database
            )
        except asyncpg.InsufficientPrivilegeError:
            continue
        reached.add(database)
        rights = await connection.fetchrow(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = current_user"
        )
        assert not any(rights)
        await connection.close()
    assert reached == {role}


async def test_postgresql_wants_a_password(stack: Stack) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=stack.address("postgres"), user="finance", password="guessed", database="finance")


def test_redis_wants_a_password(stack: Stack) -> None:
    address = stack.address("redis")
    for password in (None, "guessed"):
        with redis.Redis(host=address, password=password) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
    with redis.Redis(host=address, password=stack.secret("redis")) as client:
        assert client.ping()


def test_a_container_without_a_door_does_not_reach_the_world(stack: Stack) -> None:
    """It has no way out of the host: what is stolen inside cannot be sent away."""
    for name, container in stack.containers().items():
        networks = {network.removeprefix(f"{stack.project}_") for network in container["NetworkSettings"]["Networks"]}
        assert networks == ({"inside", "outside"} if name in {"gateway", "gateway-worker", "issuer"} else {"inside"})
    assert json.loads(docker("network", "inspect", f"{stack.project}_inside").stdout)[0]["Internal"] is True
