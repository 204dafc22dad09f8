import { AppError } from "../base/errors.ts";
import { hostPort } from "../base/host_port.ts";
import { oneLine } from "../base/printable.ts";
import type { BufferedSource } from "./buffered_source.ts";
import { headerValue, readHttpHead } from "./http_head.ts";
import type { OutboundProxy } from "./outbound_proxy.ts";
import type { TcpAddress } from "./tcp.ts";

/** One connection to a proxy while the way through it is being asked for. */
export interface ProxyConversation {
  readonly source: BufferedSource;
  send(bytes: Uint8Array): Promise<void>;
}

/**
 * Asks an HTTP proxy for a way to `target` (RFC 9110 9.3.6), with Basic credentials if there are any (RFC 7617).
 *
 * Ours because nothing that Deno or npm offers gives a raw connection that TLS can be started on: `Deno.createHttpClient`
 * hands out none, and the agents on npm hold Node sockets.
 * @throws AppError `auth_denied` for 407, `dial_failed` for any other refusal
 */
export async function connectThroughHttp(
  { source, send }: ProxyConversation,
  target: TcpAddress,
  proxy: OutboundProxy,
): Promise<void> {
  const authority = hostPort(target.hostname, target.port);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (proxy.credentials) lines.push(`Proxy-Authorization: Basic ${basic(proxy.credentials)}`);
  await send(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const head = await readHttpHead(source, { mustStartWith: "HTTP/1." });
  const place = `${proxy.hostname}:${proxy.port}`;
  if (!head) {
    throw new AppError("dial_failed", `The proxy ${place} closed the connection when asked for ${authority}`, {
      hint: `Check ${proxy.variable}, or add the host to NO_PROXY`,
    });
  }
  const status = Number(head.startLine.split(" ")[1]);
  if (status >= 200 && status < 300) return;
  const answer = oneLine(head.startLine.replace(/^HTTP\/1\.\d /, ""), 60);
  if (status === 407) {
    throw new AppError("auth_denied", `The proxy ${place} wants credentials: it answered ${answer}`, {
      hint: proxy.credentials
        ? `It refused those of ${proxy.variable}: check user name and password (${
          offered(headerValue(head, "proxy-authenticate"))
        })`
        : `Put USER:PASSWORD@ before the host in ${proxy.variable}`,
      details: { status, proxy: place },
    });
  }
  throw new AppError("dial_failed", `The proxy ${place} does not connect to ${authority}: it answered ${answer}`, {
    hint: `Ask whoever runs the proxy to allow ${authority}, or add the host to NO_PROXY`,
    details: { status, proxy: place },
  });
}

function offered(challenge: string | undefined): string {
  const scheme = oneLine(challenge?.split(" ")[0] ?? "", 30);
  return scheme ? `it offers ${scheme}; porthole speaks Basic` : "porthole speaks Basic";
}

function basic({ username, password }: { username: string; password: string }): string {
  return new TextEncoder().encode(`${username}:${password}`).toBase64();
}
