import assert from "node:assert/strict";
import { join } from "node:path";
import { ValohaiProvider } from "../../src/providers/valohai/valohai_provider.ts";
import { hasProgram } from "../support/programs.ts";
import { run } from "../support/sshd.ts";
import { VALOHAI_PROJECT_ID, VALOHAI_TOKEN } from "../support/valohai_server.ts";

Deno.test({
  name:
    "an installation with a certificate authority of its own is reached once REQUESTS_CA_BUNDLE names it (needs openssl)",
  ignore: !hasProgram("openssl"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    await run("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" "),
      ...["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", key, "-out", cert],
    ]);
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      key: await Deno.readTextFile(key),
      cert: await Deno.readTextFile(cert),
      onListen: () => {},
    }, () => Response.json({ results: [], next: null }));
    const env = {
      HOME: folder,
      VALOHAI_HOST: `https://localhost:${server.addr.port}`,
      VALOHAI_TOKEN,
      VALOHAI_PROJECT: VALOHAI_PROJECT_ID,
    };
    const sleep = () => Promise.resolve();
    using untrusting = new ValohaiProvider({ env, cwd: folder, sleep });
    await assert.rejects(Array.fromAsync(untrusting.list({})), { code: "tls_failed" });
    {
      using trusting = new ValohaiProvider({ env: { ...env, REQUESTS_CA_BUNDLE: cert }, cwd: folder, sleep });
      assert.deepEqual(await Array.fromAsync(trusting.list({})), []);
    }
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  },
});
