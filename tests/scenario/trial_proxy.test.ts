import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BufferedSource } from "../../src/stream/buffered_source.ts";
import { headerValue, readHttpHead } from "../../src/stream/http_head.ts";
import { acceptFor } from "../../src/stream/websocket_handshake.ts";
import { CannedServer, httpAnswer, writeText } from "../support/websocket_canned.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";
import { ProxyChild } from "../support/websocket_proxy_child.ts";

Deno.test("porthole proxy says that no SSH server answered when the route is reset before the first byte", async () => {
  await using pod = new CannedServer(async (conn) => {
    const request = await readHttpHead(new BufferedSource(conn));
    if (!request) return;
    const accept = await acceptFor(headerValue(request, "sec-websocket-key") ?? "");
    const upgraded = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": accept };
    await writeText(conn, httpAnswer("101 Switching Protocols", upgraded));
    // The rest of what the client says lies unread when the connection is closed, as with a pod without its SSH server.
    await conn.read(new Uint8Array(1));
  });
  await using proxy = await ProxyChild.start([pod.url, "--no-resume"]);
  await proxy.write(new TextEncoder().encode("SSH-2.0-OpenSSH_10.0\r\n"));
  const { code, stdout, stderr } = await proxy.end();
  assert.equal(stdout, "");
  assert.match(stderr, /^porthole: No SSH server answered behind the route: .+\. The job may be starting .+\n$/);
  assert.equal(code, 255);
});

Deno.test("porthole proxy names the proxy that cannot be reached, and the variable that asks for it", async () => {
  const env = { HTTP_PROXY: "http://me:hunter2@127.0.0.1:1" };
  await using proxy = await ProxyChild.start(["ws://127.0.0.2/"], { env });
  assert.deepEqual(await proxy.end(), {
    code: 255,
    stdout: "",
    stderr: 'porthole: Cannot use the proxy of HTTP_PROXY: Cannot connect to "127.0.0.1:1": connection refused. ' +
      "Check HTTP_PROXY, or add the host to NO_PROXY\n",
  });
});

Deno.test({
  name: "ssh shows why it cannot connect although ControlPersist throws its ProxyCommand's stderr away (needs ssh)",
  ignore: !hasProgram("ssh"),
  async fn() {
    await using server = CannedServer.answering(() => httpAnswer("403 Forbidden"));
    await using home = await makeTempHome();
    const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
    const porthole = `${Deno.execPath()} run --quiet --no-prompt -A ${main}`;
    const options = ["ControlMaster=auto", `ControlPath=${home.path}/%C`, "ControlPersist=1", "BatchMode=yes"];
    const { code, stderr } = await new Deno.Command("ssh", {
      args: [
        "-F",
        "none",
        ...options.flatMap((option) => ["-o", option]),
        "-o",
        `ProxyCommand=${porthole} proxy ${server.url}`,
        "pod",
      ],
      clearEnv: true,
      env: home.environment(),
      stdin: "null",
    }).output();
    assert.match(
      new TextDecoder().decode(stderr),
      /porthole: ws:\/\/127\.0\.0\.1:\d+\/ answered 403 Forbidden\. These credentials are not allowed in here/,
    );
    assert.equal(code, 255);
  },
});
