import { join } from "node:path";
import { nextTurn } from "../../src/base/turns.ts";
import type { LoadTarget } from "./echo_shell.ts";

/** Bulk data through one session, by the system's ssh, until disposed. */
export interface Bulk extends AsyncDisposable {
  /** What has come down, or gone up, until now. */
  readonly bytes: number;
}

const BLOCK = new Uint8Array(256 * 1024);

/** Starts to move bulk data `down` from the agent or `up` to it, as fast as it goes. `folder` is free to be written to. */
export async function startBulk(
  { port, privateKey }: LoadTarget,
  { direction, folder }: { readonly direction: "down" | "up"; readonly folder: string },
): Promise<Bulk> {
  const key = join(folder, "bulk_key");
  await Deno.writeTextFile(key, privateKey, { mode: 0o600 });
  const options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
  const command = direction === "down" ? "exec cat /dev/zero" : "exec cat >/dev/null";
  const child = new Deno.Command("ssh", {
    args: [
      "-F",
      "none",
      "-p",
      String(port),
      "-i",
      key,
      ...options.flatMap((each) => ["-o", each]),
      "x@127.0.0.1",
      command,
    ],
    stdin: direction === "up" ? "piped" : "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let bytes = 0;
  const moving = direction === "down"
    ? (async () => {
      for await (const piece of child.stdout) bytes += piece.length;
    })()
    : feed(child.stdin, () => bytes += BLOCK.length);
  const first = Promise.withResolvers<void>();
  const watch = setInterval(() => bytes > 0 && first.resolve(), 10);
  await first.promise;
  clearInterval(watch);
  return {
    get bytes() {
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await moving;
      if (direction === "up") await child.stdout.cancel();
    },
  };
}

async function feed(stdin: WritableStream<Uint8Array>, onBlock: () => void): Promise<void> {
  const writer = stdin.getWriter();
  writer.closed.catch(() => {/* told by the write */});
  try {
    for (;;) {
      await writer.write(BLOCK);
      onBlock();
      // The keystrokes are measured in this process too.
      await nextTurn();
    }
  } catch {
    // The program was ended: so is the load.
  }
}
