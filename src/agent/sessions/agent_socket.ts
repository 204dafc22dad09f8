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
 * channel made by `open`. Disposing removes it.
 */
export async function listenForAgent(open: () => Promise<ByteStream>): Promise<AgentSocket> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-agent-" });
  const path = join(folder, "agent.sock");
  const listener = Deno.listen({ transport: "unix", path });
  acceptAll(listener, (conn) => void carry(streamFromConn(conn), open));
  return {
    path,
    [Symbol.dispose]() {
      listener.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

async function carry(stream: ByteStream, open: () => Promise<ByteStream>): Promise<void> {
  try {
    await pump(stream, await open());
  } catch {
    // The client refused or left: the program that asks sees its connection closed.
    stream[Symbol.dispose]();
  }
}
