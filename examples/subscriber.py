"""A hub's subscriber: python subscriber.py GATEWAY TOKEN_URL CLIENT_ID CLIENT_SECRET [TYPE …]

Prints a snapshot, then every event, one JSON a line, over breaks and restarts: its place is in `subscriber.cursor`.
After a break an event may come twice, with the same id; of one aggregate they come in order (`sequence` counts up)."""

import sys
import time
from pathlib import Path

import httpx

PLACE, NEW = Path("subscriber.cursor"), Path("subscriber.cursor.new")


def main(gateway: str, token_url: str, client: str, secret: str, *types: str) -> None:
    while True:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        try:
            token = httpx.post(token_url, data=form).raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            if PLACE.exists():
                headers["Last-Event-ID"] = PLACE.read_text()
            follow(f"{gateway}/events", headers, types)
        except httpx.HTTPError as error:
            sys.stderr.write(f"again in 2 s: {type(error).__name__}\n")
        time.sleep(2)


def follow(url: str, headers: dict[str, str], types: tuple[str, ...]) -> None:
    with httpx.stream("GET", url, headers=headers, params={"type": types}, timeout=httpx.Timeout(10, read=60)) as got:
        if got.is_error:
            sys.exit(got.read().decode())
        block: dict[str, str] = {}
        for line in got.iter_lines():
            name, _, value = line.partition(": ")
            block[name] = value
            if line == "":  # the end of one: first it is taken, then our place moves on
                if "data" in block:
                    sys.stdout.write(block["data"] + "\n")
                    sys.stdout.flush()
                if "id" in block:
                    NEW.write_text(block["id"])
                    NEW.replace(PLACE)  # the old place or the new one, never half of it
                block = {}


if __name__ == "__main__":
    main(*sys.argv[1:])
