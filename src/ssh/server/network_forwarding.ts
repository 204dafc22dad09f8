import type { ConnectionHandlers, RemoteListener } from "./handlers.ts";
import { acceptAll } from "../../stream/accept_all.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { dialTcp, streamFromConn, type TcpAddress } from "../../stream/tcp.ts";

/** Forwarding as the job's own network sees it: any host and port, any unix socket, and listeners for `-R`. */
export const forwarding: Required<Pick<ConnectionHandlers, "directTcp" | "directUnix" | "listenTcp" | "listenUnix">> = {
  directTcp: (target, { signal }) => dialTcp({ ...target, signal }),
  directUnix: async (path) => streamFromConn(await Deno.connect({ transport: "unix", path })),
  listenTcp: (address, accept) => Promise.resolve(listenTcp(address, accept)),
  listenUnix: (path, accept) => Promise.resolve(listenUnix(path, accept)),
};

function listenTcp(
  { hostname, port }: TcpAddress,
  accept: (stream: ByteStream, origin: TcpAddress) => void,
): RemoteListener {
  const listener = Deno.listen({ hostname: bindHost(hostname), port });
  acceptAll(listener, (conn) => {
    const origin = conn.remoteAddr as Deno.NetAddr;
    accept(streamFromConn(conn), { hostname: origin.hostname, port: origin.port });
  });
  return { port: (listener.addr as Deno.NetAddr).port, [Symbol.dispose]: () => listener.close() };
}

function listenUnix(path: string, accept: (stream: ByteStream) => void): Disposable {
  const listener = Deno.listen({ transport: "unix", path });
  // sshd's StreamLocalBindMask, 0177: whatever the job's umask is, the client's end is for nobody else.
  if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o600);
  acceptAll(listener, (conn) => accept(streamFromConn(conn)));
  return {
    [Symbol.dispose]() {
      listener.close();
      try {
        Deno.removeSync(path);
      } catch {
        // Removed by somebody else: it is as gone as it is to be.
      }
    },
  };
}

/** RFC 4254 7.1: what the names stand for. Loopback alone for `localhost`; sshd asks for GatewayPorts for the rest. */
function bindHost(hostname: string): string {
  if (hostname === "localhost") return "127.0.0.1";
  if (hostname === "" || hostname === "*") return "0.0.0.0";
  return hostname;
}
