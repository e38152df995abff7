// Has AsyncAPI's own parser read the documents named on the command line; every error of theirs is told, and fails.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
let failed = 0;
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(path, "utf-8"));
  const errors = diagnostics.filter((d) => d.severity === 0);
  for (const d of errors) console.error(`${path}: ${d.path.join(".")}: ${d.message}`);
  if (!document || errors.length) failed += 1;
  else console.log(`${path}: AsyncAPI ${document.version()}, ${document.channels().all().length} channels, ${document.messages().all().length} messages`);
}
process.exit(failed ? 1 : 0);
