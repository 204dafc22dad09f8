import { OAuthServer, type OAuthServerOptions } from "./union_oauth.ts";
import { answerCall, type Json, type UnionRun, UnionState } from "./union_state.ts";
import { findFault, REQUESTS } from "./union_schema.ts";

export { type Json, PLACE, type UnionRun } from "./union_state.ts";

/** Options of {@link startUnionServer}. */
export interface UnionServerOptions extends Partial<OAuthServerOptions> {
  /** True for a deployment that tells how to log in by the two HTTP documents alone. */
  readonly httpDiscoveryOnly?: boolean;
  /** Where the pod's bridge leads to: a TCP port on 127.0.0.1. */
  readonly podPort?: number;
}

/** One request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const ANONYMOUS = /^(?:flyteidl2\.auth\.AuthMetadataService\/)/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * A control plane with its identity provider and the `/dataplane` ingress, all on one loopback port.
 *
 * It refuses what a real one refuses: unknown paths and fields, missing headers, ended tokens. Faults are queued with
 * `answerNext`.
 */
export class UnionServer extends UnionState implements AsyncDisposable {
  readonly oauth: OAuthServer;
  readonly seen: SeenRequest[] = [];
  /** Answers of the ingress before the route is there: `[404, 502]`. */
  routeFaults: number[] = [];
  readonly endpoint: string;
  private readonly faults: { pattern: string; make: () => Response }[] = [];
  private readonly server: Deno.HttpServer<Deno.NetAddr>;
  private readonly tunnels = new Set<Deno.TcpConn>();

  constructor(private readonly options: UnionServerOptions = {}) {
    super();
    this.oauth = new OAuthServer({ now: Date.now, ...options });
    this.server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.handle(request),
    );
    this.endpoint = `http://127.0.0.1:${this.server.addr.port}`;
  }

  /** The next request whose path holds `pattern` is answered by `make` in place of the server. */
  answerNext(pattern: string, make: () => Response): void {
    this.faults.push({ pattern, make });
  }

  /** The requests for a path that ends with `method`. */
  calls(method: string): readonly SeenRequest[] {
    return this.seen.filter(({ path }) => path.endsWith(method));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tunnel of this.tunnels) tunnel.close();
    await this.server.shutdown();
  }

  private async handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    const isUpgrade = headers.upgrade?.toLowerCase() === "websocket";
    const body = isUpgrade ? "" : await request.text();
    this.seen.push({ method: request.method, path: pathname, headers, body });
    const at = this.faults.findIndex(({ pattern }) => pathname.includes(pattern));
    const [fault] = at < 0 ? [] : this.faults.splice(at, 1);
    if (fault) return fault.make();
    // What an ingress asks before it lets a request through (nginx, `auth_request`).
    if (pathname === "/me") return new Response(null, { status: this.isAuthorized(request) ? 200 : 401 });
    if (pathname.startsWith("/dataplane/")) return this.route(request, isUpgrade);
    if (pathname.startsWith("/oauth2/")) return await this.oauth.handle(request, { path: pathname, body });
    if (this.options.httpDiscoveryOnly) {
      const document = this.httpDocument(pathname);
      if (document) return Response.json(document);
    }
    return this.call(request, { method: pathname.slice(1), body });
  }

  private httpDocument(path: string): Json | undefined {
    if (path === "/.well-known/oauth-authorization-server") {
      const { tokenEndpoint, authorizationEndpoint } = this.oauth.metadata(this.endpoint);
      return { token_endpoint: tokenEndpoint, authorization_endpoint: authorizationEndpoint };
    }
    if (path !== "/config/v1/flyte_client") return undefined;
    const { clientId, redirectUri, scopes, authorizationMetadataKey, audience } = this.oauth.publicClient();
    return {
      client_id: clientId,
      redirect_uri: redirectUri,
      scopes,
      authorization_metadata_key: authorizationMetadataKey,
      audience,
    };
  }

  private call(request: Request, { method, body }: { method: string; body: string }): Response {
    const shape = REQUESTS[method];
    const isAnonymous = ANONYMOUS.test(method);
    if (!shape || (isAnonymous && this.options.httpDiscoveryOnly)) {
      return new Response("<html><title>Console</title></html>", {
        status: 404,
        headers: { "content-type": "text/html" },
      });
    }
    const isStream = method.endsWith("/TailLogs");
    const fault = this.protocolFault(request, isStream);
    if (fault) return connectError(400, "invalid_argument", fault);
    if (!isAnonymous && !this.isAuthorized(request)) {
      return connectError(401, "unauthenticated", "token missing, unknown or expired");
    }
    const message: unknown = JSON.parse(isStream ? unwrap(body) : body);
    const wrong = findFault(message, shape);
    if (wrong) return connectError(400, "invalid_argument", wrong);
    if (method.endsWith("/GetOAuth2Metadata")) return Response.json(this.oauth.metadata(this.endpoint));
    if (method.endsWith("/GetPublicClientConfig")) return Response.json(this.oauth.publicClient());
    return answerCall(this, method, message);
  }

  private protocolFault(request: Request, isStream: boolean): string | undefined {
    const { headers, method } = request;
    const contentType = isStream ? "application/connect+json" : "application/json";
    if (method !== "POST") return `${method} in place of POST`;
    if (headers.get("content-type") !== contentType) return `content-type must be ${contentType}`;
    if (headers.get("connect-protocol-version") !== "1") return "connect-protocol-version must be 1";
    if (!UUID.test(headers.get("x-request-id") ?? "")) return "x-request-id must be a UUID of version 4";
    return undefined;
  }

  private isAuthorized({ headers }: Request): boolean {
    const value = headers.get(this.options.headerKey ?? "authorization") ?? "";
    return value.startsWith("Bearer ") && this.oauth.accepts(value.slice("Bearer ".length));
  }

  /** As nginx with an `auth-signin` does it: an unauthenticated upgrade is sent to the log-in page. */
  private route(request: Request, isUpgrade: boolean): Response {
    if (!this.isAuthorized(request)) {
      return new Response(null, { status: 302, headers: { location: "https://login.example.com/?redirect_url=x" } });
    }
    const fault = this.routeFaults.shift();
    if (fault !== undefined) return new Response("no such route\n", { status: fault });
    if (!isUpgrade || this.options.podPort === undefined) return new Response("ok", { status: 200 });
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    void this.bridge(socket, this.options.podPort);
    return response;
  }

  private async bridge(socket: WebSocket, port: number): Promise<void> {
    const connecting = Deno.connect({ hostname: "127.0.0.1", port });
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    let tail: Promise<unknown> = connecting;
    socket.onopen = () => resolve();
    socket.onmessage = ({ data }) => {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
      tail = tail.then(async () => await writeAll(await connecting, bytes)).catch(() => socket.close());
    };
    // Before the first wait: a client that leaves at once must not leave its pod behind.
    socket.onclose = () => {
      resolve();
      void connecting.then((pod) => this.closeTunnel(pod));
    };
    const pod = await connecting;
    pod.setNoDelay(true);
    this.tunnels.add(pod);
    await opened;
    if (socket.readyState !== WebSocket.OPEN) return this.closeTunnel(pod);
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await pod.read(buffer).catch(() => null);
      if (count === null || socket.readyState !== WebSocket.OPEN) break;
      socket.send(buffer.slice(0, count));
    }
    socket.close();
    this.closeTunnel(pod);
  }

  private closeTunnel(pod: Deno.TcpConn): void {
    if (this.tunnels.delete(pod)) pod.close();
  }
}

async function writeAll(pod: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await pod.write(bytes.subarray(at));
}

/** An error of the Connect protocol. */
export function connectError(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status });
}

/** A page as a console or a log-in serves it. */
export function webPage(title: string, status = 200): Response {
  return new Response(`<!DOCTYPE html><html><head><title>${title}</title></head></html>`, {
    status,
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}

/** A run as `UnionServer.addRun` takes it, with the least that is needed. */
export function aRun(name: string, more: Partial<UnionRun> = {}): UnionRun {
  return { name, looks: { a0: [{}] }, runSpec: {}, taskSpec: { taskTemplate: { id: { name: "t" } } }, ...more };
}

/** The message inside of the envelope that a streaming request is. */
function unwrap(body: string): string {
  return body.slice(body.indexOf("{"));
}
