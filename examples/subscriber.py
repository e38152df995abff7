"""A hub's subscriber: python subscriber.py GATEWAY TOKEN_URL CLIENT_ID CLIENT_SECRET [TYPE …]

Prints a snapshot, then every event, one JSON a line, over breaks and restarts: its place is in `subscriber.cursor`.
After a break an event may come twice, with the same id; of one aggregate they come in order (`sequence` counts up)."""

import sys
import time
from pathlib import Path

import httpx

PLACE, NEW = Path("subscriber.cursor"), Path("subscriber.cursor.new")
gateway, token_url, client, secret, *types = sys.argv[1:]
form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}


def follow(token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": PLACE.read_text()} if PLACE.exists() else {})
    wait = httpx.Timeout(10, read=60)
    with httpx.stream("GET", f"{gateway}/events", headers=headers, params={"type": types}, timeout=wait) as answer:
        if answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            sys.exit(answer.read().decode())  # what was asked for is wrong, and stays so
        answer.raise_for_status()
        block: dict[str, str] = {}
        for line in answer.iter_lines():
            block.update([line.partition(": ")[::2]])  # its name and its value
            if line == "" and "data" in block:  # the end of one: first it is taken, then our place moves on
                print(block["data"], flush=True)
            if line == "" and "id" in block:
                NEW.write_text(block["id"])
                NEW.replace(PLACE)  # the old place or the new one, never half of it
            block = block if line else {}


while True:
    try:
        follow(httpx.post(token_url, data=form).raise_for_status().json()["access_token"])
    except httpx.HTTPError as error:
        print(f"again in 2 s: {type(error).__name__}", file=sys.stderr)
    time.sleep(2)
