import assert from "node:assert/strict";
import { AppError } from "../../src/base/errors.ts";
import { tailLogs } from "../../src/providers/union/data_proxy.ts";
import { credentialHeaders, credentialOf } from "../../src/providers/union/credential_headers.ts";
import { openUnionProvider } from "../../src/providers/union/provider.ts";
import { getActionDetails, getRunDetails, runIdOf } from "../../src/providers/union/runs.ts";
import { openSession } from "../../src/providers/union/session.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { attempt, failureOf, openProvider } from "../support/union_provider.ts";
import { aRun, connectError, webPage } from "../support/union_server.ts";

const RUN = { runName: "r1", actionName: "a0" };

async function open({ options, env }: UnionFixture) {
  return await openSession({ ...options, env: { ...env, ...ROBOT_ENV } });
}

async function look(fixture: UnionFixture): Promise<unknown> {
  using session = await open(fixture);
  return await getActionDetails(session, { run: runIdOf(session, "r1"), name: "a0" }, {});
}

function text(error: AppError): string {
  return JSON.stringify(error.toJSON());
}

Deno.test("a token that the control plane quotes in a refusal is not shown", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1"));
  await look(fixture);
  const [token = ""] = fixture.server.oauth.accessTokens.keys();
  assert.notEqual(token, "");
  fixture.server.answerNext("GetActionDetails", () => connectError(400, "invalid_argument", `what is <${token}>?`));
  const error = await failureOf(look(fixture));
  assert.equal(error.message, "The control plane refused GetActionDetails: what is <[redacted]>? (invalid_argument)");
  fixture.server.answerNext("TailLogs", () => connectError(400, "invalid_argument", `what is <${token}>?`));
  using session = await open(fixture);
  const actionId = { run: runIdOf(session, "r1"), name: "a0" };
  const refused = await failureOf(tailLogs(session, { actionId, attempt: 0 }).next());
  assert.match(refused.message, /what is <\[redacted\]>\?/);
});

Deno.test("an answer that holds the token is passed on as it came", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1"));
  await look(fixture);
  const [token = ""] = fixture.server.oauth.accessTokens.keys();
  const runSpec = { envs: { values: [{ key: "TOKEN", value: token }] } };
  fixture.server.addRun(aRun("r1", { runSpec }));
  using session = await open(fixture);
  assert.deepEqual((await getRunDetails(session, runIdOf(session, "r1"), {})).runSpec, runSpec);
});

Deno.test("a secret that the identity provider quotes in a refusal is not shown", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const { ROBOT_SECRET } = ROBOT_ENV;
  const basic = btoa(`robot:${encodeURIComponent(ROBOT_SECRET).replaceAll("%20", "+")}`);
  const description = `unknown: ${ROBOT_SECRET} of ${basic}`;
  const refusal = { error: "invalid_client", error_description: description };
  fixture.server.answerNext("/oauth2/token", () => Response.json(refusal, { status: 401 }));
  const error = await failureOf(look(fixture));
  assert.match(error.message, /was refused: unknown: \[redacted\] of \[redacted\] \(HTTP 401\)$/);
  assert.equal(text(error).includes(ROBOT_SECRET) || text(error).includes(basic), false);
});

Deno.test("a page that calls itself JSON is recognized as one", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1"));
  const page = "<!DOCTYPE html><html><head><title>Acme Console</title></head></html>";
  const asJson = { headers: { "content-type": "application/json" } };
  fixture.server.answerNext("GetActionDetails", () => new Response(page, asJson));
  assert.match((await failureOf(look(fixture))).message, /answered with a web page titled "Acme Console" \(HTTP 200\)/);
  fixture.server.answerNext("GetActionDetails", () => new Response("not json", asJson));
  const broken = await failureOf(look(fixture));
  assert.match(broken.message, /HTTP 200, "application\/json" in place of JSON/);
  assert.match(broken.hint ?? "", /Check admin\.endpoint/);
});

Deno.test("a page or a redirect in place of a token is named", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.answerNext("/oauth2/token", () => webPage("Sign in"));
  const page = await failureOf(look(fixture));
  assert.match(page.message, /was refused: it answered with a web page titled "Sign in" \(HTTP 200\)$/);
  assert.match(page.hint ?? "", /^The deployment tells http:\/\/127\.0\.0\.1:\d+\/oauth2\/token as its token endpoint/);
  const redirect = () => new Response(null, { status: 302, headers: { location: "https://login.example.com/?a=b" } });
  fixture.server.answerNext("/oauth2/token", redirect);
  assert.match((await failureOf(look(fixture))).message, /was refused: it points to a page on "login\.example\.com"/);
});

Deno.test("an IDE link that would carry the token in the clear is refused", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const link = { uri: "http://10.1.2.3/dataplane/x/", linkType: "IDE", ready: true };
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("RUNNING", { logInfo: [link] })] } }));
  using provider = await openProvider(fixture);
  const states = provider.resolve(RUN, { pollIntervalMs: 1000 })[Symbol.asyncIterator]();
  const error = await failureOf(states.next());
  assert.equal(error.code, "provider_failed");
  assert.equal(
    error.message,
    "Refused to send a credential in the clear, to the IDE link ws://10.1.2.3/dataplane/x/",
  );
});

Deno.test("what a failure means is found out without asking anybody to log in", async () => {
  await using fixture = await makeUnionFixture();
  fixture.server.addRun(aRun("r1"));
  const notices: string[] = [];
  using provider = await openUnionProvider({
    ...fixture.options,
    interaction: { notice: (line) => notices.push(line), browser: false },
    keypair: () => assert.fail("not needed"),
  });
  const late = new AppError("timeout", "Cannot reach it");
  const told = await provider.explain?.(late, RUN);
  assert.deepEqual([told?.code, told?.message], ["timeout", "Cannot reach it"]);
  assert.match(told?.hint ?? "", /^Not logged in to "127\.0\.0\.1:\d+", or the log-in has ended: porthole auth login$/);
  assert.equal(await provider.keyDoubt?.(RUN, { identityFile: "/nowhere" }), undefined);
  assert.deepEqual(notices, []);
});

Deno.test("a route that refuses a renewed credential as well says how to log in", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1"));
  using provider = await openProvider(fixture);
  const refused = new AppError("redirected", "sent to a log-in page", { details: { status: 302, url: "wss://h/" } });
  assert.equal((await provider.explain?.(refused, RUN))?.hint, "porthole auth login, then the same command again");
});

Deno.test("where nobody logs in, a refused credential names what is to be renewed", async () => {
  await using fixture = await makeUnionFixture({ admin: { authType: "Passthrough" } });
  const file = `${fixture.home.path}/headers`;
  await Deno.writeTextFile(file, "Authorization: Bearer wrong\n", { mode: 0o600 });
  const hintOf = async (env: Record<string, string>) => {
    using session = await openSession({ ...fixture.options, env: { ...fixture.env, ...env } });
    return (await failureOf(getActionDetails(session, { run: runIdOf(session, "r1"), name: "a0" }, {}))).hint;
  };
  assert.equal(await hintOf({ PORTHOLE_HEADERS_FILE: file }), `Renew the headers in ${file}`);
  assert.match(await hintOf({ FLYTE_ADMIN_INSECURE: "true" }) ?? "", /^insecure: true in the configuration/);
});

Deno.test("headers of one's own are found by a dial that an editor starts without the variable", async () => {
  await using fixture = await makeUnionFixture({ admin: { authType: "Passthrough" } });
  await Deno.writeTextFile(`${fixture.home.path}/headers`, "Authorization: Bearer one\n", { mode: 0o600 });
  const env = { ...fixture.env, PORTHOLE_HEADERS_FILE: "headers" };
  using session = await openSession({ ...fixture.options, env });
  const headers = await credentialHeaders(credentialOf(session), fixture.env, { cwd: "/" });
  assert.deepEqual(headers, { authorization: "Bearer one" });
});

Deno.test("a dial whose configuration is not found from everywhere names it where it wants a log-in", async () => {
  await using fixture = await makeUnionFixture();
  const project = `${fixture.home.path}/my repo`;
  await Deno.mkdir(`${project}/.flyte`, { recursive: true });
  await Deno.rename(`${fixture.home.path}/.flyte/config.yaml`, `${project}/.flyte/config.yaml`);
  using session = await openSession({ ...fixture.options, cwd: project });
  const error = await failureOf(credentialHeaders(credentialOf(session), fixture.env, { cwd: "/" }));
  assert.equal(error.hint, `porthole auth login --config '${project}/.flyte/config.yaml'`);
});
