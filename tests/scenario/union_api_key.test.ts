import assert from "node:assert/strict";
import type { AppError } from "../../src/base/errors.ts";
import { SSHDebug } from "../../src/providers/ssh_debug.ts";
import { decodeApiKey } from "../../src/providers/union/api_key.ts";
import { credentialHeaders, credentialOf } from "../../src/providers/union/credential_headers.ts";
import { ensureApiKey, revokeApiKey } from "../../src/providers/union/ensure_api_key.ts";
import { openSession } from "../../src/providers/union/session.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { connectError } from "../support/union_server.ts";

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return await promise.then(() => assert.fail("it succeeded"), (error) => error);
}

async function open({ options, env }: UnionFixture) {
  return await openSession({ ...options, env: { ...env, ...ROBOT_ENV } });
}

Deno.test("a key is made once, stored 0600 and used again while the server knows it", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  const made = await ensureApiKey(session);
  assert.equal(made.isNew, true);
  assert.equal(made.clientId, "flyte-ssh-debug");
  assert.equal(decodeApiKey(made.encoded).endpoint, "127.0.0.1");
  if (Deno.build.os !== "windows") assert.equal(((await Deno.stat(made.path)).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(await ensureApiKey(session), { ...made, isNew: false });
});

Deno.test("a key that the server has forgotten is made anew", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  const made = await ensureApiKey(session);
  fixture.server.apps.clear();
  const again = await ensureApiKey(session);
  assert.equal(again.isNew, true);
  assert.notEqual(again.encoded, made.encoded);
});

Deno.test("ten callers at once make one key", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  const keys = await Promise.all(Array.from({ length: 10 }, () => ensureApiKey(session)));
  assert.equal(new Set(keys.map(({ encoded }) => encoded)).size, 1);
  assert.equal(fixture.server.calls("AppsService/Create").length, 1);
});

Deno.test("a name that somebody else has taken is told apart, and a personal one offered and then found", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.apps.set("flyte-ssh-debug", { owner: "bob" });
  using session = await open(fixture);
  const error = await failureOf(ensureApiKey(session));
  assert.equal(error.code, "already_exists");
  assert.match(error.message, /^The API key name "flyte-ssh-debug" is taken at "127\.0\.0\.1:\d+" by a key made by /);
  assert.match(error.hint ?? "", /^porthole auth api-key ensure flyte-ssh-debug-ann /);
  const mine = await ensureApiKey(session, { name: "flyte-ssh-debug-ann" });
  assert.deepEqual(await ensureApiKey(session), { ...mine, isNew: false });
});

Deno.test("where the personal name is taken as well, the machine's is offered and then found", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  for (const name of ["flyte-ssh-debug", "flyte-ssh-debug-ann"]) fixture.server.apps.set(name, { owner: "bob" });
  using session = await open(fixture);
  const error = await failureOf(ensureApiKey(session, { name: "flyte-ssh-debug-ann" }));
  const offered = String(error.details?.offered);
  assert.match(offered, /^flyte-ssh-debug-ann-[0-9a-z-]+$/);
  const mine = await ensureApiKey(session, { name: offered });
  assert.deepEqual(await ensureApiKey(session), { ...mine, isNew: false });
});

Deno.test("a name in other letters of the same client id means the same key, and one without any is refused", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  const made = await ensureApiKey(session, { name: "My key" });
  assert.deepEqual(await ensureApiKey(session, { name: "my_KEY" }), { ...made, name: "my_KEY", isNew: false });
  assert.equal((await failureOf(ensureApiKey(session, { name: "!!!" }))).code, "usage");
});

Deno.test("making a key is not repeated when it is unknown whether it was made", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  fixture.server.answerNext("AppsService/Create", () => connectError(503, "unavailable", "later"));
  assert.equal((await failureOf(ensureApiKey(session))).code, "provider_failed");
  assert.equal(fixture.server.calls("AppsService/Create").length, 1);
});

Deno.test("a dial with a key needs nobody's log-in, and renews its token by itself", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  await ensureApiKey(session);
  using keyed = await openSession({ ...fixture.options, apiKeyName: "flyte-ssh-debug" });
  const credential = credentialOf(keyed, "flyte-ssh-debug");
  const now = () => fixture.clock.now;
  const first = await credentialHeaders(credential, fixture.env, { now });
  fixture.clock.now += 10 * 3600_000;
  const second = await credentialHeaders(credential, fixture.env, { now });
  assert.notEqual(second.authorization, first.authorization);
  assert.equal(fixture.server.oauth.accepts(second.authorization?.replace("Bearer ", "") ?? ""), true);
});

Deno.test("a revoked key is gone at the server and here, and a dial with it says what to do", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  const made = await ensureApiKey(session);
  assert.equal(await revokeApiKey(session), true);
  assert.equal(await revokeApiKey(session), false);
  await assert.rejects(Deno.stat(made.path), Deno.errors.NotFound);
  const error = await failureOf(openSession({ ...fixture.options, apiKeyName: "flyte-ssh-debug" }));
  assert.equal(error.code, "not_found");
  assert.equal(error.hint, "porthole auth api-key ensure flyte-ssh-debug");
});

Deno.test("a key in FLYTE_API_KEY is the whole configuration", async () => {
  await using fixture = await makeUnionFixture();
  fixture.server.oauth.clients.set("id", "sec");
  const port = new URL(fixture.server.endpoint).port;
  const env = {
    ...fixture.env,
    FLYTE_API_KEY: btoa("127.0.0.1:id:sec:None"),
    FLYTE_ADMIN_ENDPOINT: `http://127.0.0.1:${port}`,
  };
  using session = await openSession({ ...fixture.options, env, cwd: "/" });
  const headers = await session.auth?.headers({});
  assert.match(headers?.authorization ?? "", /^Bearer secret-access-/);
  assert.deepEqual(fixture.server.oauth.grants, ["client_credentials"]);
});

Deno.test("SSHDebug.ensureApiKey gives the encoded key", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT, now: Date.now });
  const env = { ...fixture.env, ...ROBOT_ENV };
  const config = `${fixture.home.path}/.flyte/config.yaml`;
  const key = await SSHDebug.ensureApiKey("mine", { env, config });
  assert.equal(decodeApiKey(key).clientId, "mine");
  assert.equal(await SSHDebug.ensureApiKey("mine", { env, config }), key);
});

Deno.test("a revoked key leaves no token of its own on this machine", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await open(fixture);
  const { name } = await ensureApiKey(session);
  using keyed = await openSession({ ...fixture.options, apiKeyName: name });
  await keyed.auth?.headers({});
  assert.notEqual(await keyed.tokens?.store.read(), null);
  assert.equal(await revokeApiKey(session), true);
  assert.equal(await keyed.tokens?.store.read(), null);
  assert.notEqual(await session.tokens?.store.read(), null, "the log-in itself is kept");
});
