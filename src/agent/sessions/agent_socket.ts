import { join } from "node:path";
import { acceptAll } from "../../stream/accept_all.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { pump } from "../../stream/pump.ts";
import { streamFromConn } from "../../stream/tcp.ts";

/** A unix socket behind which the client's key agent answers. */
export interface AgentSocket extends Disposable {
  /** For SSH_AUTH_SOCK. */
  readonly path: string;
}

/**
 * Listens on a unix socket in a fresh folder that only its owner can enter (0700), and carries every connection to a
 * channel made by `open`. Disposing removes it. A job's TMPDIR may be missing, read-only or too long for a socket's path
 * (108 bytes): then it is /tmp, where sshd has it always.
 */
export async function listenForAgent(open: () => Promise<ByteStream>): Promise<AgentSocket> {
  const { folder, path, listener } = await listenIn().catch(() => listenIn("/tmp"));
  acceptAll(listener, (conn) => void carry(streamFromConn(conn), open));
  return {
    path,
    [Symbol.dispose]() {
      listener.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

async function listenIn(dir?: string): Promise<{ folder: string; path: string; listener: Deno.UnixListener }> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-agent-", ...(dir === undefined ? {} : { dir }) });
  const path = join(folder, "agent.sock");
  try {
    return { folder, path, listener: Deno.listen({ transport: "unix", path }) };
  } catch (error) {
    await Deno.remove(folder);
    throw error;
  }
}

async function carry(stream: ByteStream, open: () => Promise<ByteStream>): Promise<void> {
  try {
    await pump(stream, await open());
  } catch {
    // The client refused or left: the program that asks sees its connection closed.
    stream[Symbol.dispose]();
  }
}
