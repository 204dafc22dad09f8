import assert from "node:assert/strict";
import { join } from "node:path";
import { keysEnsure } from "../../src/cli/commands/keys_ensure.ts";
import { keysRotate } from "../../src/cli/commands/keys_rotate.ts";
import { keysShow } from "../../src/cli/commands/keys_show.ts";
import { quietContext } from "../support/command_context.ts";
import { makeTempHome } from "../support/temp_home.ts";

const CHOICE = { union: false, rsa: false, path: undefined };
const STYLE = { color: false, width: Infinity };

async function only<T>(items: AsyncIterable<T>): Promise<T> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  const [item] = collected;
  assert.ok(item !== undefined && collected.length === 1);
  return item;
}

const input = <F>(flags: F) => ({ flags, positionals: [], rest: [] });

Deno.test("keys ensure makes the key of ~/.porthole, keys show prints its public half and never the private one", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, ".porthole", "id_ed25519");
  await assert.rejects(only(keysShow.run(input({ ...CHOICE, public: false }), quietContext(home))), {
    code: "not_found",
    hint: "Make one with: porthole keys ensure",
  });
  const made = await only(keysEnsure.run(input({ ...CHOICE, comment: "me@host" }), quietContext(home)));
  assert.equal(made.created, true);
  assert.equal(made.privateKeyPath, path);
  const shown = await only(keysShow.run(input({ ...CHOICE, public: false }), quietContext(home)));
  const alone = await only(keysShow.run(input({ ...CHOICE, public: true }), quietContext(home)));
  assert.equal(keysShow.format(alone, { color: false, width: 80 }), `${shown.publicKey}\n`);
  const text = keysShow.format(shown, STYLE);
  assert.equal(
    text,
    `private key:  ${path}\npublic key:   ${path}.pub\nfingerprint:  ${made.fingerprint}\n${made.publicKey}\n`,
  );
  const secret = (await Deno.readTextFile(path)).split("\n")[3] ?? "";
  assert.ok(secret.length > 20 && !JSON.stringify([shown, made]).includes(secret));
});

Deno.test("keys ensure --union shares the place of Union's own tools; PORTHOLE_HOME moves the other key alone", async () => {
  await using home = await makeTempHome();
  const env = { HOME: home.path, PORTHOLE_HOME: join(home.path, "elsewhere") };
  const flags = { ...CHOICE, comment: undefined };
  const union = await only(keysEnsure.run(input({ ...flags, union: true }), { ...quietContext(home), env }));
  assert.equal(union.privateKeyPath, join(home.path, ".flyte", "ssh-debug", "id_ed25519"));
  const own = await only(keysEnsure.run(input(flags), { ...quietContext(home), env }));
  assert.equal(own.privateKeyPath, join(home.path, "elsewhere", "id_ed25519"));
  await assert.rejects(only(keysEnsure.run(input({ ...flags, union: true, path: "x" }), quietContext(home))), {
    code: "usage",
  });
});

Deno.test("keys rotate says where the old key is", async () => {
  await using home = await makeTempHome();
  const notices: string[] = [];
  const flags = { ...CHOICE, comment: undefined };
  const old = await only(keysEnsure.run(input(flags), quietContext(home)));
  const item = await only(keysRotate.run(input(flags), quietContext(home, notices)));
  assert.notEqual(item.fingerprint, old.fingerprint);
  assert.ok(item.oldPrivateKeyPath);
  assert.deepEqual(notices, [
    `Runs that were started with the old key are still reached with: ssh -i ${item.oldPrivateKeyPath}`,
  ]);
  assert.match(keysRotate.format(item, STYLE), /\nold key kept: /);
});
