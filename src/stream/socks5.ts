import { AppError } from "../base/errors.ts";
import { readExactly } from "./buffered_source.ts";
import type { ProxyConversation } from "./http_connect.ts";
import type { OutboundProxy } from "./outbound_proxy.ts";
import type { TcpAddress } from "./tcp.ts";

/** RFC 1928 6. */
const REPLIES: readonly string[] = [
  "succeeded",
  "general failure",
  "not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "time to live expired",
  "command not supported",
  "address type not supported",
];
const [NO_AUTH, USERNAME_PASSWORD] = [0x00, 0x02];

/**
 * Asks a SOCKS5 proxy for a way to `target` (RFC 1928), with user name and password if there are any (RFC 1929).
 *
 * The name goes to the proxy, which resolves it. Ours for the same reason as `connectThroughHttp`: the packages on npm
 * hold Node sockets, on which Deno cannot start TLS.
 * @throws AppError `auth_denied` for refused or missing credentials, `dial_failed` for any other refusal
 */
export async function connectThroughSocks5(
  conversation: ProxyConversation,
  target: TcpAddress,
  proxy: OutboundProxy,
): Promise<void> {
  const place = `${proxy.hostname}:${proxy.port}`;
  await authenticate(conversation, proxy, place);
  const host = addressBytes(target.hostname);
  await conversation.send(new Uint8Array([5, 1, 0, ...host, target.port >> 8, target.port & 0xff]));
  const [, reply = 1, , kind = 1] = await take(conversation, 4, place);
  if (reply !== 0) {
    throw new AppError(
      "dial_failed",
      `The proxy ${place} does not connect to ${target.hostname}:${target.port}: ${REPLIES[reply] ?? `reply ${reply}`}`,
      { hint: `Check the host name, or add it to NO_PROXY`, details: { reply, proxy: place } },
    );
  }
  // The address that the proxy is bound to has to be read, though it says nothing that we need.
  const length = kind === 1 ? 4 : kind === 4 ? 16 : (await take(conversation, 1, place))[0] ?? 0;
  await take(conversation, length + 2, place);
}

async function authenticate(conversation: ProxyConversation, proxy: OutboundProxy, place: string): Promise<void> {
  const methods = proxy.credentials ? [NO_AUTH, USERNAME_PASSWORD] : [NO_AUTH];
  await conversation.send(new Uint8Array([5, methods.length, ...methods]));
  const [version, method] = await take(conversation, 2, place);
  if (version !== 5) {
    throw new AppError("dial_failed", `The proxy ${place} does not speak SOCKS5`, {
      hint: `Check ${proxy.variable}: is it an http:// proxy?`,
    });
  }
  if (method === NO_AUTH) return;
  if (method !== USERNAME_PASSWORD || !proxy.credentials) {
    throw new AppError("auth_denied", `The proxy ${place} wants credentials`, {
      hint: `Put USER:PASSWORD@ before the host in ${proxy.variable}`,
    });
  }
  const encoder = new TextEncoder();
  const [username, password] = [proxy.credentials.username, proxy.credentials.password].map((s) => encoder.encode(s));
  if (!username || !password || username.length > 255 || password.length > 255) {
    throw new AppError(
      "config_invalid",
      `The user name and password of ${proxy.variable} must fit into 255 bytes each`,
    );
  }
  await conversation.send(new Uint8Array([1, username.length, ...username, password.length, ...password]));
  const [, status] = await take(conversation, 2, place);
  if (status !== 0) {
    throw new AppError("auth_denied", `The proxy ${place} refused the user name and password of ${proxy.variable}`, {
      hint: `Check them in ${proxy.variable}`,
    });
  }
}

function addressBytes(hostname: string): number[] {
  const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(hostname);
  if (ipv4) return [1, ...ipv4.slice(1).map(Number)];
  if (hostname.includes(":")) return [4, ...ipv6Bytes(hostname)];
  const name = new TextEncoder().encode(hostname);
  if (name.length > 255) {
    throw new AppError("dial_failed", `The host name is too long for SOCKS5: ${name.length} bytes`);
  }
  return [3, name.length, ...name];
}

/** `hostname` as URL writes it: hexadecimal groups and at most one `::`. */
function ipv6Bytes(hostname: string): number[] {
  const [head = "", tail] = hostname.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const middle = tail === undefined ? [] : new Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...middle, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

async function take({ source }: ProxyConversation, length: number, place: string): Promise<Uint8Array> {
  const bytes = await readExactly(source, length);
  if (bytes) return bytes;
  throw new AppError("dial_failed", `The proxy ${place} closed the connection in the middle of the SOCKS5 handshake`, {
    hint: "Is it a SOCKS5 proxy?",
  });
}
