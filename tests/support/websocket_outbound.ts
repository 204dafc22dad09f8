import { BufferedSource, readExactly } from "../../src/stream/buffered_source.ts";
import { headerValue, type HttpHead, readHttpHead } from "../../src/stream/http_head.ts";
import { CannedServer, httpAnswer, writeText } from "./websocket_canned.ts";

/** What both kinds of proxy are told. */
export interface OutboundServerOptions {
  /** Where names really lead: `jobs.example:443` to a loopback port. A target that is not here is refused. */
  readonly places: Readonly<Record<string, number>>;
  readonly credentials?: { readonly username: string; readonly password: string };
}

/** An HTTP proxy that knows CONNECT. `seen` has what was asked for. */
export function httpProxy({ places, credentials }: OutboundServerOptions): CannedServer & { seen: HttpHead[] } {
  const seen: HttpHead[] = [];
  const server = new CannedServer(async (conn) => {
    const source = new BufferedSource(conn);
    const request = await readHttpHead(source);
    if (!request) return;
    seen.push(request);
    const [method, authority = ""] = request.startLine.split(" ");
    if (method !== "CONNECT") return await writeText(conn, httpAnswer("405 Method Not Allowed"));
    const wanted = credentials && `Basic ${btoa(`${credentials.username}:${credentials.password}`)}`;
    if (wanted !== undefined && headerValue(request, "proxy-authorization") !== wanted) {
      const challenge = { "Proxy-Authenticate": 'Basic realm="corp"' };
      return await writeText(conn, httpAnswer("407 Proxy Authentication Required", challenge));
    }
    const port = places[authority];
    if (port === undefined) return await writeText(conn, httpAnswer("403 Forbidden"));
    await writeText(conn, "HTTP/1.1 200 Connection established\r\n\r\n");
    await join(conn, port);
  });
  return Object.assign(server, { seen });
}

/** A SOCKS5 proxy (RFC 1928, 1929). `seen` has the places asked for. */
export function socksProxy({ places, credentials }: OutboundServerOptions): CannedServer & { seen: string[] } {
  const seen: string[] = [];
  const server = new CannedServer(async (conn) => {
    const source = new BufferedSource(conn);
    const take = async (length: number) => await readExactly(source, length) ?? new Uint8Array(length);
    const [, methodCount = 0] = await take(2);
    const methods = await take(methodCount);
    const method = credentials ? 2 : 0;
    if (!methods.includes(method)) return void await conn.write(new Uint8Array([5, 255]));
    await conn.write(new Uint8Array([5, method]));
    if (credentials) {
      const text = async (length: number) => new TextDecoder().decode(await take(length));
      const username = await text((await take(2))[1] ?? 0);
      const password = await text((await take(1))[0] ?? 0);
      const isRight = username === credentials.username && password === credentials.password;
      await conn.write(new Uint8Array([1, isRight ? 0 : 1]));
      if (!isRight) return;
    }
    const [, , , kind] = await take(4);
    const host = kind === 3
      ? new TextDecoder().decode(await take((await take(1))[0] ?? 0))
      : [...await take(kind === 4 ? 16 : 4)].join(".");
    const [high = 0, low = 0] = await take(2);
    const authority = `${host}:${high * 256 + low}`;
    seen.push(authority);
    const port = places[authority];
    await conn.write(new Uint8Array([5, port === undefined ? 5 : 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    if (port !== undefined) await join(conn, port);
  });
  return Object.assign(server, { seen });
}

async function join(conn: Deno.Conn, port: number): Promise<void> {
  using far = await Deno.connect({ hostname: "127.0.0.1", port });
  const copy = async (from: Deno.Conn, to: Deno.Conn) => {
    const buffer = new Uint8Array(65_536);
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
    }
    await to.closeWrite();
  };
  // One direction that fails ends both: the far side would not hear of it otherwise.
  await Promise.all([copy(conn, far), copy(far, conn)]);
}
