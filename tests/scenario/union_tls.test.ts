import assert from "node:assert/strict";
import { join } from "node:path";
import type { AppError } from "../../src/base/errors.ts";
import { createHttp } from "../../src/providers/union/http.ts";
import { hasProgram } from "../support/programs.ts";

const NEEDS_OPENSSL = !hasProgram("openssl");

/** A server with a certificate that nobody knows, and that certificate's file. */
async function makeTlsServer() {
  const folder = await Deno.makeTempDir({ prefix: "ph-" });
  const [certPath, keyPath] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  // A certificate that calls itself a CA is refused as a server's own by the TLS library.
  const subject = [
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost",
    "-addext",
    "basicConstraints=CA:FALSE",
  ];
  const { success } = await new Deno.Command("openssl", {
    args: [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      keyPath,
      "-out",
      certPath,
      ...subject,
    ],
    stderr: "null",
  }).output();
  assert.equal(success, true);
  const [cert, key] = await Promise.all([Deno.readTextFile(certPath), Deno.readTextFile(keyPath)]);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} },
    () => new Response("secure"),
  );
  return {
    url: `https://localhost:${server.addr.port}/`,
    certPath,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return await promise.then(() => assert.fail("it succeeded"), (error) => error);
}

Deno.test({
  name: "a private CA is trusted when caCertFilePath or SSL_CERT_FILE names it (needs openssl)",
  ignore: NEEDS_OPENSSL,
  async fn() {
    await using server = await makeTlsServer();
    for (const trusted of [{ caFile: server.certPath }, { env: { SSL_CERT_FILE: server.certPath } }]) {
      using http = await createHttp(trusted);
      const { text } = await http.request({ url: server.url, method: "GET", headers: { authorization: "Bearer x" } });
      assert.equal(text, "secure");
    }
  },
});

Deno.test({
  name: "an unknown certificate is refused, also with insecureSkipVerify, and both say what to do (needs openssl)",
  ignore: NEEDS_OPENSSL,
  async fn() {
    await using server = await makeTlsServer();
    for (const insecureSkipVerify of [false, true]) {
      using http = await createHttp({ insecureSkipVerify });
      const error = await failureOf(http.request({ url: server.url, method: "GET" }));
      assert.equal(error.code, "tls_failed");
      assert.match(error.message, /^Cannot verify the certificate of "localhost:\d+": /);
      assert.match(
        error.hint ?? "",
        insecureSkipVerify ? /^insecureSkipVerify is not honoured: / : /^For a private CA, /,
      );
    }
  },
});

Deno.test("a credential is not sent in the clear to another machine", async () => {
  using http = await createHttp();
  const request = {
    url: "http://control.example.com/x",
    method: "GET",
    headers: { Authorization: "Bearer x" },
  } as const;
  const error = await failureOf(http.request(request));
  assert.equal(error.code, "config_invalid");
  assert.equal(error.message, 'Refused to send a credential to "control.example.com" in the clear');
});

Deno.test("a server that never answers runs into the time allowed", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  using http = await createHttp();
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  const error = await failureOf(http.request({ url, method: "GET", timeoutMs: 50 }));
  assert.equal(error.code, "timeout");
  (await accepted).close();
});

Deno.test("a CA file that is not there is named", async () => {
  const error = await failureOf(createHttp({ caFile: "/nowhere/ca.pem" }));
  assert.equal(error.code, "config_invalid");
  assert.match(error.message, /"\/nowhere\/ca\.pem"/);
});
