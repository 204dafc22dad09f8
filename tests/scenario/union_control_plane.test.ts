import assert from "node:assert/strict";
import type { AppError } from "../../src/base/errors.ts";
import { getActionDetails, runIdOf } from "../../src/providers/union/runs.ts";
import { openSession } from "../../src/providers/union/session.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { aRun, connectError, webPage } from "../support/union_server.ts";

const DETAILS = "RunService/GetActionDetails";

async function look({ options }: UnionFixture, runName = "r1"): Promise<string> {
  using session = await openSession({ ...options, env: { ...options.env, ...ROBOT_ENV } });
  const actionId = { run: runIdOf(session, runName), name: "a0" };
  return (await getActionDetails(session, actionId, {})).phase;
}

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return await promise.then(() => assert.fail("it succeeded"), (error) => error);
}

function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function withRun(): Promise<UnionFixture> {
  const fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(
    aRun("r1", { looks: { a0: [{ status: { phase: "ACTION_PHASE_QUEUED", newer: 1 }, alien: {} }] } }),
  );
  return fixture;
}

Deno.test("a call carries request id, protocol version and token, and reads past what it does not know", async () => {
  await using fixture = await withRun();
  assert.equal(await look(fixture), "QUEUED");
  const [{ headers } = assert.fail("not called")] = fixture.server.calls(DETAILS);
  assert.match(headers.authorization ?? "", /^Bearer secret-access-/);
});

Deno.test("a control plane that reads another header gets the token in both", async () => {
  await using fixture = await makeUnionFixture({
    admin: ROBOT,
    headerKey: "flyte-authorization",
    audience: "https://a",
  });
  fixture.server.addRun(aRun("r1"));
  await look(fixture);
  const [{ headers } = assert.fail("not called")] = fixture.server.calls(DETAILS);
  assert.equal(headers.authorization, headers["flyte-authorization"]);
});

Deno.test("a call is tried four times while the server is unavailable, with growing pauses", async () => {
  await using fixture = await withRun();
  for (const code of ["unavailable", "resource_exhausted", "internal"]) {
    fixture.server.answerNext(DETAILS, () => connectError(503, code, "later"));
  }
  assert.equal(await look(fixture), "QUEUED");
  const [first = 0, second = 0, third = 0] = fixture.sleeps;
  assert.ok(first >= 250 && first <= 750 && second >= 500 && second <= 1500 && third >= 1000 && third <= 3000);
});

Deno.test("a call is given up after four tries", async () => {
  await using fixture = await withRun();
  for (let i = 0; i < 4; i++) fixture.server.answerNext(DETAILS, () => new Response("busy", { status: 502 }));
  const error = await failureOf(look(fixture));
  assert.equal(error.code, "provider_failed");
  assert.equal(fixture.server.calls(DETAILS).length, 4);
});

Deno.test("a call that was refused for what it asks is not repeated", async () => {
  await using fixture = await withRun();
  fixture.server.answerNext(DETAILS, () => connectError(400, "invalid_argument", "bad \u001b[31mname"));
  const error = await failureOf(look(fixture));
  assert.equal(error.message, "The control plane refused GetActionDetails: bad \\x1b[31mname (invalid_argument)");
  assert.equal(fixture.server.calls(DETAILS).length, 1);
});

Deno.test("a token that was rotated away is renewed once and the call repeated once", async () => {
  await using fixture = await withRun();
  await look(fixture);
  fixture.server.oauth.rotate();
  assert.equal(await look(fixture), "QUEUED");
  assert.deepEqual(fixture.server.oauth.grants, ["client_credentials", "client_credentials"]);
  assert.equal(fixture.server.calls(DETAILS).length, 3);
});

Deno.test("an upper-case code that says unauthenticated renews the token as well", async () => {
  await using fixture = await withRun();
  fixture.server.answerNext(DETAILS, () => connectError(503, "UNAVAILABLE", "rpc error: Unauthenticated"));
  assert.equal(await look(fixture), "QUEUED");
  assert.equal(fixture.server.oauth.grants.length, 2);
});

Deno.test("a credential that stays refused ends with the command to log in", async () => {
  await using fixture = await withRun();
  for (let i = 0; i < 2; i++) fixture.server.answerNext(DETAILS, () => connectError(401, "unauthenticated", "no"));
  const error = await failureOf(look(fixture));
  assert.equal(error.code, "auth_denied");
  assert.equal(error.hint, "porthole auth login");
});

Deno.test("a redirect to a log-in page is named and not followed", async () => {
  await using fixture = await withRun();
  const redirect = () => new Response(null, { status: 302, headers: { location: "https://login.example.com/x?y=z" } });
  for (let i = 0; i < 2; i++) fixture.server.answerNext(DETAILS, redirect);
  const error = await failureOf(look(fixture));
  assert.equal(error.code, "redirected");
  assert.equal(error.message, 'The control plane sent the call to a log-in page on "login.example.com"');
});

Deno.test("a page in place of JSON is named by its title", async () => {
  await using fixture = await withRun();
  fixture.server.answerNext(DETAILS, () => webPage("Acme Console"));
  const error = await failureOf(look(fixture));
  assert.equal(error.code, "provider_failed");
  assert.match(
    error.message,
    /^"127\.0\.0\.1:\d+" answered with a web page titled "Acme Console" \(HTTP 200\) where the control plane was expected$/,
  );
});

Deno.test("an endpoint that is a console is found out at discovery", async () => {
  await using fixture = await withRun();
  for (let i = 0; i < 4; i++) fixture.server.answerNext("", () => webPage("Acme Console"));
  const error = await failureOf(look(fixture));
  assert.match(error.message, /Cannot find out how to log in to "127\.0\.0\.1:\d+": .*"Acme Console"/);
  assert.match(error.hint ?? "", /Check the endpoint/);
});

Deno.test("discovery falls back to the two HTTP documents", async () => {
  await using fixture = await makeUnionFixture({
    admin: ROBOT,
    httpDiscoveryOnly: true,
    headerKey: "flyte-authorization",
  });
  fixture.server.addRun(aRun("r1"));
  await look(fixture);
  assert.equal(fixture.server.calls("/config/v1/flyte_client").length, 1);
});

Deno.test("a run that is not there is told with project and domain", async () => {
  await using fixture = await withRun();
  const error = await failureOf(look(fixture, "nope"));
  assert.equal(error.code, "not_found");
  assert.equal(error.message, 'Cannot find the run "nope", action "a0", in project "proj", domain "development"');
});

Deno.test("nobody listening is told with the host", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  await fixture.configure({ ...ROBOT, endpoint: `http://127.0.0.1:${closedPort()}` });
  const error = await failureOf(look(fixture));
  assert.equal(error.code, "dial_failed");
  assert.match(error.message, /^Cannot reach "127\.0\.0\.1:\d+": .*refused/i);
});

Deno.test("an insecure deployment is spoken to without any credential", async () => {
  await using fixture = await makeUnionFixture({ admin: { insecure: true } });
  const error = await failureOf(look(fixture));
  assert.equal(error.code, "auth_denied");
  assert.equal(fixture.server.calls(DETAILS)[0]?.headers.authorization, undefined);
});
