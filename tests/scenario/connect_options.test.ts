import assert from "node:assert/strict";
import { join } from "node:path";
import { type Outcome, PORTHOLE, runAt } from "../support/porthole.ts";
import { makeTempHome } from "../support/temp_home.ts";

/** Nobody listens there, and whoever waits for it does so for the 300 s of `--timeout`. */
const NOWHERE = "ws://127.0.0.1:1/";

async function connect(...args: string[]): Promise<Outcome> {
  await using home = await makeTempHome();
  return await runAt(home, [...PORTHOLE, "connect", ...args]);
}

Deno.test("connect names a file that is not there before it waits for anything", async () => {
  for (const flag of ["identity-file", "headers-file", "ca-file"]) {
    const { code, stderr } = await connect(NOWHERE, "--name", "job", `--${flag}`, "none");
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^porthole: Cannot use --${flag} "none": there is no such file\n`));
  }
});

Deno.test("connect refuses a user name that is none before it waits for anything", async () => {
  const { code, stderr } = await connect(NOWHERE, "--name", "job", "--user", "a b");
  assert.equal(code, 2);
  assert.match(stderr, /^porthole: Cannot log in as "a b": that is not a user name\n/);
});

Deno.test("connect says how to write a URL of another scheme", async () => {
  for (const name of [[], ["--name", "job"]]) {
    const { code, stderr } = await connect("https://jobs.example/run", ...name);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^porthole: Cannot dial a URL with the scheme "https:".*\n {2}Write wss: in place of https:\n/,
    );
  }
});

Deno.test("the hint for a damaged record of a run is a command that helps", async () => {
  await using home = await makeTempHome();
  const folder = join(home.portholeHome, "runs", "train");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "run.json"), "{");
  const { code, stderr } = await runAt(home, [...PORTHOLE, "list"]);
  assert.equal(code, 2);
  assert.equal(stderr.split("\n")[1], `  If that run is over, remove it: rm -r ${folder}`);
});
