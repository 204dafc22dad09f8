import assert from "node:assert/strict";
import { growPipe } from "../../../src/stream/pipe_size.ts";

const isLinux = Deno.build.os === "linux";

Deno.test({
  name: "growPipe lets a child's stdin take 256 KiB before anybody reads",
  ignore: !isLinux,
  async fn() {
    const child = new Deno.Command("sleep", { args: ["60"], stdin: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await growPipe(0, child.pid);
    // Would wait for ever in a pipe of 64 KiB.
    await writer.write(new Uint8Array(256 * 1024));
    child.kill("SIGKILL");
    await child.status;
    await writer.abort();
  },
});

Deno.test({
  name: "growPipe leaves what is no pipe, and who is gone, alone",
  ignore: !isLinux,
  async fn() {
    const child = new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
    assert.equal(await growPipe(0, child.pid), undefined);
    child.kill("SIGKILL");
    await child.status;
    assert.equal(await growPipe(0, child.pid), undefined);
  },
});
