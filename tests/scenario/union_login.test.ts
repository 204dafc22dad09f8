import assert from "node:assert/strict";
import type { AppError } from "../../src/base/errors.ts";
import { openUnionAuth } from "../../src/providers/union/auth_actions.ts";
import { credentialHeaders, credentialOf } from "../../src/providers/union/credential_headers.ts";
import { openSession } from "../../src/providers/union/session.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return await promise.then(() => assert.fail("it succeeded"), (error) => error);
}

/** Points the identity provider's redirect to a port that is free now. */
function chooseRedirect({ server }: UnionFixture): void {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  server.oauth.redirectUri = `http://localhost:${listener.addr.port}/callback`;
}

/** A person who opens the address that is shown, in a browser that follows redirects. */
function personAtBrowser(edit: (url: string) => string = (url) => url) {
  const lines: string[] = [];
  const pages: Promise<string>[] = [];
  const notice = (line: string) => {
    lines.push(line);
    const [url] = /https?:\/\/\S+\/oauth2\/authorize\S*/.exec(line) ?? [];
    if (url) pages.push(visit(edit(url)));
  };
  return { lines, pages, interaction: { notice, browser: false } };
}

async function visit(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: "manual" });
  const location = answer.headers.get("location");
  await answer.body?.cancel();
  return location === null ? `HTTP ${answer.status}` : await (await fetch(location)).text();
}

async function tokenFile({ home, server }: UnionFixture, identity = ""): Promise<Record<string, unknown>> {
  const name = new URL(server.endpoint).host.replace(":", "_");
  return JSON.parse(await Deno.readTextFile(`${home.portholeHome}/tokens/${name}${identity}.json`));
}

Deno.test("a person logs in in a browser, and the token is kept 0600", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  const person = personAtBrowser();
  using auth = await openUnionAuth({ ...fixture.options, interaction: person.interaction });
  const status = await auth.login({});
  assert.equal(status.isLoggedIn, true);
  assert.equal(status.expiresAt, "2026-11-20T13:00:00.000Z");
  assert.match(await person.pages[0] ?? "", /You are logged in/);
  assert.match(String((await tokenFile(fixture)).accessToken), /^secret-access-/);
  if (Deno.build.os !== "windows") assert.equal(((await Deno.stat(status.path ?? "")).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(fixture.server.oauth.grants, ["authorization_code"]);
});

Deno.test("a log-in that comes back with another state is refused", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  const person = personAtBrowser((url) => url.replace(/state=[^&]{10}/, "state=0000000000"));
  using auth = await openUnionAuth({ ...fixture.options, interaction: person.interaction });
  const error = await failureOf(auth.login({}));
  assert.equal(error.code, "auth_denied");
  assert.match(error.message, /another state/);
  await Promise.all(person.pages);
  assert.deepEqual(fixture.server.oauth.grants, []);
});

Deno.test("a log-in that is cancelled closes its port", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  const cancel = new AbortController();
  const notice = (line: string) => {
    if (line.startsWith("http")) cancel.abort();
  };
  using auth = await openUnionAuth({ ...fixture.options, interaction: { notice, browser: false } });
  const error = await failureOf(auth.login({ signal: cancel.signal }));
  assert.equal(error.name, "AbortError");
  const port = Number(new URL(fixture.server.oauth.redirectUri).port);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("a person logs in by device code, through pending and slow down", async () => {
  await using fixture = await makeUnionFixture({
    admin: { authType: "DeviceFlow" },
    devicePolls: ["authorization_pending", "slow_down", "authorization_pending"],
  });
  const lines: string[] = [];
  using auth = await openUnionAuth({ ...fixture.options, interaction: { notice: (line) => lines.push(line) } });
  assert.equal((await auth.login({})).isLoggedIn, true);
  assert.match(lines.join("\n"), /\/activate\?user_code=WXYZ-1234 .* the code WXYZ-1234$/);
  assert.deepEqual(fixture.sleeps, [5000, 5000, 10_000, 10_000]);
});

Deno.test("a device log-in that is denied or never completed says so", async () => {
  await using denied = await makeUnionFixture({ admin: { authType: "DeviceFlow" }, devicePolls: ["access_denied"] });
  using first = await openUnionAuth({ ...denied.options, interaction: { notice: () => {} } });
  assert.match((await failureOf(first.login({}))).message, /refused: access_denied/);
  await using late = await makeUnionFixture({
    admin: { authType: "DeviceFlow" },
    devicePolls: Array(200).fill("authorization_pending"),
  });
  using second = await openUnionAuth({ ...late.options, interaction: { notice: () => {} } });
  assert.match((await failureOf(second.login({}))).message, /not completed in time/);
});

Deno.test("a token that is about to end is renewed with its refresh token, asking nobody", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  using auth = await openUnionAuth({ ...fixture.options, interaction: personAtBrowser().interaction });
  await auth.login({});
  fixture.clock.now += 3545_000;
  using session = await openSession(fixture.options);
  const headers = await session.auth?.headers({});
  assert.equal(fixture.server.oauth.accepts(headers?.authorization?.replace("Bearer ", "") ?? ""), true);
  assert.deepEqual(fixture.server.oauth.grants, ["authorization_code", "refresh_token"]);
});

Deno.test("a refresh token that was turned down is forgotten, and the log-in asked for", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  using auth = await openUnionAuth({ ...fixture.options, interaction: personAtBrowser().interaction });
  await auth.login({});
  fixture.server.oauth.rotate({ withRefreshTokens: true });
  fixture.clock.now += 3600_000;
  using session = await openSession(fixture.options);
  const error = await failureOf(session.auth?.headers({}) ?? Promise.resolve());
  assert.equal(error.code, "auth_denied");
  assert.equal(error.hint, "porthole auth login");
  assert.equal((await auth.status({})).isLoggedIn, false);
  await assert.rejects(tokenFile(fixture), Deno.errors.NotFound);
});

Deno.test("a log-in that fails does not cost the one before it", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  using auth = await openUnionAuth({ ...fixture.options, interaction: personAtBrowser().interaction });
  await auth.login({});
  const before = await tokenFile(fixture);
  fixture.server.answerNext("/oauth2/token", () => Response.json({ error: "access_denied" }, { status: 400 }));
  assert.match((await failureOf(auth.login({}))).message, /refused: access_denied/);
  assert.deepEqual(await tokenFile(fixture), before);
  await auth.login({});
  assert.notDeepEqual(await tokenFile(fixture), before);
});

Deno.test("a log-in is kept when the identity provider is only out of order", async () => {
  await using fixture = await makeUnionFixture();
  chooseRedirect(fixture);
  using auth = await openUnionAuth({ ...fixture.options, interaction: personAtBrowser().interaction });
  await auth.login({});
  fixture.clock.now += 3600_000;
  fixture.server.answerNext("/oauth2/token", () => new Response("down", { status: 503 }));
  using session = await openSession(fixture.options);
  assert.equal((await failureOf(session.auth?.headers({}) ?? Promise.resolve())).code, "provider_failed");
  assert.equal(typeof (await tokenFile(fixture)).refreshToken, "string");
});

Deno.test("ten proxies that start at once cause one log-in", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const env = { ...fixture.env, ...ROBOT_ENV };
  using session = await openSession({ ...fixture.options, env });
  const credential = credentialOf(session);
  const dial = () => credentialHeaders(credential, env, { now: () => fixture.clock.now });
  const all = await Promise.all(Array.from({ length: 10 }, dial));
  assert.equal(new Set(all.map(({ authorization }) => authorization)).size, 1);
  assert.deepEqual(fixture.server.oauth.grants, ["client_credentials"]);
});

Deno.test("a dial with a good token asks the server nothing; one that was refused gets another token", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const env = { ...fixture.env, ...ROBOT_ENV };
  using session = await openSession({ ...fixture.options, env });
  const credential = credentialOf(session);
  const now = () => fixture.clock.now;
  const first = await credentialHeaders(credential, env, { now });
  const requests = fixture.server.seen.length;
  assert.deepEqual(await credentialHeaders(credential, env, { now }), first);
  assert.equal(fixture.server.seen.length, requests);
  const second = await credentialHeaders(credential, env, { now, refused: first });
  assert.notEqual(second.authorization, first.authorization);
  fixture.clock.now += 3600_000;
  const third = await credentialHeaders(credential, env, { now });
  assert.notEqual(third.authorization, second.authorization);
});

Deno.test("the record's credential holds no secret, and a dial without a log-in names the command", async () => {
  await using fixture = await makeUnionFixture();
  using session = await openSession(fixture.options);
  const credential = credentialOf(session);
  assert.deepEqual(credential, {
    provider: "union",
    endpoint: fixture.server.endpoint,
    tokenKey: new URL(fixture.server.endpoint).host.replace(":", "_"),
    config: `${fixture.home.path}/.flyte/config.yaml`,
  });
  const error = await failureOf(credentialHeaders(credential, fixture.env));
  assert.equal(error.code, "auth_denied");
  assert.equal(error.hint, "porthole auth login");
});

Deno.test("refreshToken takes a new token though the stored one is good", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const env = { ...fixture.env, ...ROBOT_ENV };
  using session = await openSession({ ...fixture.options, env });
  const first = await session.auth?.headers({});
  fixture.clock.now += 1000;
  using anew = await openSession({ ...fixture.options, env, refreshToken: true });
  const second = await anew.auth?.headers({});
  assert.notEqual(second?.authorization, first?.authorization);
  assert.deepEqual(await anew.auth?.headers({}), second);
});

Deno.test("a command of the configuration gives the token, without a shell", async () => {
  const script = `console.log("secret-command-" + Deno.args[0])`;
  const command = [Deno.execPath(), "eval", script, "a b;c".replaceAll(" ", "_")];
  await using fixture = await makeUnionFixture({ admin: { authType: "ExternalCommand", command } });
  using session = await openSession(fixture.options);
  assert.deepEqual(await session.auth?.headers({}), { authorization: "Bearer secret-command-a_b;c" });
});

Deno.test("a command gives the token also where the deployment does not tell how to log in", async () => {
  const command = [Deno.execPath(), "eval", "console.log('from-a-command')"];
  await using fixture = await makeUnionFixture({ admin: { authType: "ExternalCommand", command } });
  for (let i = 0; i < 4; i++) {
    fixture.server.answerNext(i < 2 ? "AuthMetadataService" : "/", () => new Response("no", { status: 404 }));
  }
  using session = await openSession(fixture.options);
  assert.deepEqual(await session.auth?.headers({}), { authorization: "Bearer from-a-command" });
});

Deno.test("a command that fails is named, its output is not", async () => {
  const command = [Deno.execPath(), "eval", `console.log("sekrit"); Deno.exit(3)`];
  await using fixture = await makeUnionFixture({ admin: { authType: "ExternalCommand", command } });
  using session = await openSession(fixture.options);
  const error = await failureOf(session.auth?.headers({}) ?? Promise.resolve());
  assert.equal(error.code, "auth_denied");
  assert.match(error.message, /it ended with 3$/);
  assert.equal(JSON.stringify(error.toJSON()).includes("sekrit"), false);
});

Deno.test("headers that are the user's own come from a private file, read at every call", async () => {
  await using fixture = await makeUnionFixture({ admin: { authType: "Passthrough" } });
  const file = `${fixture.home.path}/headers`;
  const env = { ...fixture.env, PORTHOLE_HEADERS_FILE: file };
  using session = await openSession({ ...fixture.options, env });
  await Deno.writeTextFile(file, "# mine\nAuthorization: Bearer one\nX-Team: a: b\n", { mode: 0o600 });
  assert.deepEqual(await session.auth?.headers({}), { authorization: "Bearer one", "x-team": "a: b" });
  await Deno.writeTextFile(file, "broken sekrit\n");
  const error = await failureOf(session.auth?.headers({}) ?? Promise.resolve());
  assert.equal(error.message, `Cannot read line 1 of ${JSON.stringify(file)}: it is not \`Name: value\``);
});

Deno.test("logging out forgets the token", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using auth = await openUnionAuth({ ...fixture.options, env: { ...fixture.env, ...ROBOT_ENV } });
  await auth.login({});
  assert.equal((await auth.status({})).isLoggedIn, true);
  assert.equal(await auth.logout({}), true);
  assert.equal(await auth.logout({}), false);
  assert.equal((await auth.status({})).isLoggedIn, false);
});

Deno.test("a wrong client secret is refused in words, without the secret", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using session = await openSession({ ...fixture.options, env: { ...fixture.env, ROBOT_SECRET: "sekrit" } });
  const error = await failureOf(session.auth?.headers({}) ?? Promise.resolve());
  assert.match(error.message, /was refused: client or secret is wrong \(HTTP 401\)$/);
  assert.equal(JSON.stringify(error.toJSON()).includes("sekrit"), false);
});

Deno.test("a project's configuration that gets a command later is not run by a dial", async () => {
  await using fixture = await makeUnionFixture();
  const project = `${fixture.home.path}/repo`;
  await Deno.mkdir(project);
  const write = (extra: Record<string, unknown>) =>
    Deno.writeTextFile(
      `${project}/config.yaml`,
      JSON.stringify({ admin: { endpoint: fixture.server.endpoint, ...extra } }),
    );
  await write({});
  using session = await openSession({ ...fixture.options, cwd: project });
  const credential = credentialOf(session);
  await write({
    proxyCommand: [Deno.execPath(), "eval", "Deno.writeTextFileSync(Deno.args[0], '')", `${project}/ran`],
  });
  const error = await failureOf(credentialHeaders(credential, fixture.env));
  assert.equal(error.code, "config_invalid");
  await assert.rejects(Deno.stat(`${project}/ran`), Deno.errors.NotFound);
});
