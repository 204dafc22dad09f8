import { AppError, describeError } from "../../../base/errors.ts";

/** Waits on a loopback port for the browser to come back. Dispose it to close the port. */
export interface RedirectListener extends AsyncDisposable {
  /** The query of the first request for the redirect URI. */
  readonly redirect: Promise<URLSearchParams>;
}

/**
 * Listens where `redirectUri` points to; other paths get 404.
 *
 * @throws AppError `config_invalid` for a URI that is not on this machine, `already_exists` when its port is taken.
 */
export function listenForRedirect(redirectUri: string): RedirectListener {
  const { protocol, hostname, port, pathname } = new URL(redirectUri);
  if (protocol !== "http:" || !["localhost", "127.0.0.1", "[::1]"].includes(hostname)) {
    throw new AppError(
      "config_invalid",
      `Cannot wait for a log-in at ${JSON.stringify(redirectUri)}: not on this machine`,
      {
        hint: "porthole auth login --device",
      },
    );
  }
  const { promise, resolve } = Promise.withResolvers<URLSearchParams>();
  const handler = (request: Request) => answer(request, { pathname, resolve });
  const servers = serveLoopback(handler, { hostname, port: Number(port || 80) });
  return {
    redirect: promise,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  };
}

function serveLoopback(
  handler: (request: Request) => Response,
  { hostname, port }: { hostname: string; port: number },
): readonly Deno.HttpServer[] {
  const serve = (address: string) => Deno.serve({ hostname: address, port, onListen: () => {} }, handler);
  if (hostname === "[::1]") return [serveOrExplain(() => serve("::1"), port)];
  const first = serveOrExplain(() => serve("127.0.0.1"), port);
  if (hostname !== "localhost") return [first];
  try {
    return [first, serve("::1")]; // Browsers try both addresses of localhost, some of them this one first.
  } catch {
    return [first]; // No IPv6 here: the browser falls back.
  }
}

function serveOrExplain(serve: () => Deno.HttpServer, port: number): Deno.HttpServer {
  try {
    return serve();
  } catch (error) {
    throw new AppError("already_exists", `Cannot wait for the log-in on port ${port}: ${describeError(error)}`, {
      hint: "Another log-in may be waiting there: end it, or porthole auth login --device",
      cause: error,
    });
  }
}

function answer(
  request: Request,
  { pathname, resolve }: { pathname: string; resolve: (query: URLSearchParams) => void },
): Response {
  const url = new URL(request.url);
  if (url.pathname !== pathname) return new Response("Not found\n", { status: 404 });
  resolve(url.searchParams);
  const said = url.searchParams.has("code") ? "You are logged in." : "The log-in was refused.";
  return new Response(`<!doctype html><title>porthole</title><p>${said} You can close this window.</p>\n`, {
    headers: { "content-type": "text/html; charset=utf-8", connection: "close", "cache-control": "no-store" },
  });
}
