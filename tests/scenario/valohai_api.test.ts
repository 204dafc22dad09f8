import assert from "node:assert/strict";
import { startValohaiServer, VALOHAI_PROJECT_ID, VALOHAI_TOKEN } from "../support/valohai_server.ts";
import { failure, resolveStates, stageValohai } from "../support/valohai_stage.ts";

const SSH = { address: "52.214.159.193", port: 2222 };

Deno.test("a refused log-in names where it came from and never tells it", async () => {
  await using at = await stageValohai({ token: "another-token-0123456789" });
  const error = await failure(resolveStates(at.provider, "1"));
  assert.equal(error.code, "auth_denied");
  assert.equal(
    error.message,
    "Cannot find execution #1: Valohai does not accept the token of VALOHAI_TOKEN: Invalid token.",
  );
  assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(VALOHAI_TOKEN));
});

Deno.test("a server that says the token back does not bring it into an error", async () => {
  await using at = await stageValohai({
    interferences: [
      { kind: "status", status: 401, body: { detail: `Invalid token ${VALOHAI_TOKEN}.` } },
      { kind: "page", html: `<html><title>Who is ${VALOHAI_TOKEN}?</title></html>` },
      { kind: "redirect", location: `https://login.example.com/?from=${VALOHAI_TOKEN}` },
      { kind: "status", status: 418, body: { [VALOHAI_TOKEN]: ["no"] } },
    ],
  });
  for (const code of ["auth_denied", "provider_failed", "redirected", "provider_failed"]) {
    const error = await failure(resolveStates(at.provider, "1"));
    assert.equal(error.code, code);
    assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(VALOHAI_TOKEN), error.message);
  }
});

Deno.test("a redirect to a log-in page elsewhere is named and not followed, and the token stays here", async () => {
  await using elsewhere = startValohaiServer();
  await using at = await stageValohai({
    interferences: [{ kind: "redirect", location: `${elsewhere.origin}/accounts/login/?next=/` }],
  });
  const error = await failure(resolveStates(at.provider, "1"));
  assert.equal(error.code, "redirected");
  assert.match(error.message, /leads to ".*\/accounts\/login\/\?next=.*", a log-in page, instead of answering/);
  assert.deepEqual(elsewhere.requests, []);
});

Deno.test("a redirect inside the host is followed", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 1, script: [{ status: "started" }], ssh: SSH }],
    interferences: [{
      kind: "redirect",
      location: `/api/v0/executions/${VALOHAI_PROJECT_ID}:1/?exclude=metadata,events&`,
    }],
  });
  assert.equal((await resolveStates(at.provider, "1")).at(-1)?.kind, "ready");
});

Deno.test("a web page in place of JSON is named", async () => {
  const html = "<!doctype html><html><head><title>Log in | Valohai</title></head></html>";
  await using at = await stageValohai({ interferences: [{ kind: "page", html }] });
  const error = await failure(resolveStates(at.provider, "1"));
  assert.equal(error.code, "provider_failed");
  assert.match(error.message, /answered with a log-in page \("Log in \| Valohai"\) in place of JSON$/);
});

Deno.test("a GET is tried again on 503 and 429, as long as Retry-After asks", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 1, script: [{ status: "started" }], ssh: SSH }],
    interferences: [
      { kind: "status", status: 503 },
      { kind: "status", status: 429, headers: { "retry-after": "7" } },
    ],
  });
  assert.equal((await resolveStates(at.provider, "1")).at(-1)?.kind, "ready");
  assert.deepEqual(at.slept, [500, 7000]);
});

Deno.test("an execution whose address names another host is not followed there", async () => {
  await using elsewhere = startValohaiServer();
  await using at = await stageValohai({
    executions: [{
      counter: 1,
      script: [{ status: "started" }],
      ssh: SSH,
      url: `${elsewhere.origin.replace("127.0.0.1", "localhost")}/api/v0/executions/exec-1/`,
    }],
  });
  const error = await failure(resolveStates(at.provider, "1"));
  assert.equal(error.code, "provider_failed");
  assert.match(error.message, /the log-in is not sent to another host$/);
  assert.deepEqual(elsewhere.requests, []);
});

Deno.test("a connection that breaks is told without the URL, and a launch that it broke may have been taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hangingUp = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(65_536));
      conn.close();
    }
  })();
  await using at = await stageValohai();
  const origin = `http://127.0.0.1:${listener.addr.port}`;
  const provider = at.withEnv({ VALOHAI_HOST: origin });
  const launch = provider.launch({ command: [], env: {}, options: { step: "train", commit: "c0ffee" } });
  const { message, hint } = await failure(launch);
  assert.equal(
    message,
    `Cannot launch the step "train": ${origin} is out of reach: connection closed before message completed`,
  );
  assert.equal(hint, "It may have been taken all the same: porthole list --on valohai shows it then");
  assert.equal((await failure(resolveStates(provider, "1"))).hint, "Look at the network and at VALOHAI_HOST");
  listener.close();
  await hangingUp;
});

Deno.test("a host where nobody listens is named after three tries", async () => {
  const at = await stageValohai();
  await at[Symbol.asyncDispose]();
  const error = await failure(resolveStates(at.provider, "1"));
  assert.equal(error.code, "dial_failed");
  assert.match(error.message, /^Cannot find execution #1: http:\/\/127\.0\.0\.1:\d+ is out of reach: .*refused/i);
  assert.deepEqual(at.slept, [500, 1000]);
});
