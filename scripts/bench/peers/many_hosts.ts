/**
 * Hundreds of SSH hosts in one process, for those who run commands on many: real sshds would be a process a connection.
 *
 * many_hosts.ts PORT AUTHORIZED_KEY_FILE HOST_KEY_FILE CHANGED_KEY_FILE NAMES... where a name is an IPv4 address of this
 * machine, with `/hanging` or `/changed` behind it for a host that never says a word, or shows the other key.
 */
import { streamFromConn } from "../../../src/stream/tcp.ts";
import { createSshServer, type SshServer } from "../../../src/ssh/server/server.ts";
import { parsePublicKey } from "../../../src/ssh/keys/public_key.ts";

const ANSWER = new TextEncoder().encode("the answer\n");

const [port = "0", authorizedKeyFile = "", hostKeyFile = "", changedKeyFile = "", ...names] = Deno.args;
const authorized = parsePublicKey(await Deno.readTextFile(authorizedKeyFile)).blob.toBase64();
const [usual, changed] = await Promise.all([hostKeyFile, changedKeyFile].map(async (path) => {
  const hostKeys = [await Deno.readTextFile(path)];
  return createSshServer({
    hostKeys,
    ident: "bench",
    authenticate: (attempt) => attempt.method === "publickey" && attempt.key.blob.toBase64() === authorized,
    handlers: () => ({
      async session(session) {
        await session.write(ANSWER);
        session.exit(0);
      },
    }),
  });
}));

/** Who hangs keeps the connection and says nothing. */
const silent: Deno.Conn[] = [];

for (const name of names) {
  const [hostname = "", way] = name.split("/");
  const listener = Deno.listen({ hostname, port: Number(port) });
  void serve(listener, way === "hanging" ? undefined : way === "changed" ? changed : usual);
}
Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));

async function serve(listener: Deno.Listener, server: SshServer | undefined): Promise<void> {
  for await (const conn of listener) {
    if (server) server.accept(streamFromConn(conn));
    else silent.push(conn);
  }
}
