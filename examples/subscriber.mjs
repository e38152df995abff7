// A hub's subscriber (Node 20, no packages): node subscriber.mjs GATEWAY TOKEN_URL CLIENT_ID CLIENT_SECRET [TYPE …]
// Prints a snapshot, then every event, one JSON a line, over breaks and restarts: its place is in `subscriber.cursor`.
// After a break an event may come twice, with the same id; of one aggregate they come in order (`sequence` counts up).
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
const PLACE = "subscriber.cursor";
const [gateway, tokenUrl, client_id, client_secret, ...types] = process.argv.slice(2);

async function signIn() {
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id, client_secret });
  const answer = await fetch(tokenUrl, { method: "POST", body });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return (await answer.json()).access_token;
}

async function follow(token) {
  const headers = { Authorization: `Bearer ${token}` };
  if (existsSync(PLACE)) headers["Last-Event-ID"] = readFileSync(PLACE, "utf8");
  const answer = await fetch(`${gateway}/events?${new URLSearchParams(types.map((t) => ["type", t]))}`, { headers });
  if (answer.status >= 500 || answer.status === 429) throw new Error(`status ${answer.status}`);
  if (!answer.ok) {
    console.error(await answer.text()); // what was asked for is wrong, and stays so
    process.exit(1);
  }
  let rest = "";
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + part).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field("data")) console.log(field("data")); // first it is taken, then our place moves on
      if (field("id")) writeFileSync(`${PLACE}.new`, field("id"));
      if (field("id")) renameSync(`${PLACE}.new`, PLACE); // the old place or the new one, never half of it
    }
  }
}

for (;;) {
  await signIn().then(follow).catch((error) => console.error(`again in 2 s: ${error.message}`));
  await new Promise((resolve) => setTimeout(resolve, 2000));
}
