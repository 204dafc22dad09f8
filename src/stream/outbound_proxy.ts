import { AppError } from "../base/errors.ts";
import { isLoopback } from "./tcp.ts";

/** A proxy between this machine and the world. */
export interface OutboundProxy {
  readonly kind: "http" | "socks5";
  /** IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly credentials?: { readonly username: string; readonly password: string };
  /** The environment variable that named it, for messages. */
  readonly variable: string;
}

/** What the choice depends on. */
export interface OutboundTarget {
  readonly protocol: "ws:" | "wss:";
  /** IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

const DEFAULT_PORT: Readonly<Record<string, number>> = { "http:": 80, "socks5:": 1080, "socks5h:": 1080 };

/**
 * The proxy that the environment asks for: HTTPS_PROXY for wss, HTTP_PROXY for ws, else ALL_PROXY; lower case first, as
 * curl does. For ws HTTPS_PROXY comes last: what it names takes CONNECT, which is how both kinds go. None for what NO_PROXY names, nor for this machine's own loopback unless the proxy is on loopback itself: a
 * proxy elsewhere could not reach it.
 *
 * `socks5` and `socks5h` are one: the proxy resolves the name.
 * @throws AppError `config_invalid` for a value that is no proxy URL; the value is not shown, it may hold a password.
 */
export function chooseOutboundProxy(
  target: OutboundTarget,
  env: Readonly<Record<string, string | undefined>>,
): OutboundProxy | undefined {
  const names = target.protocol === "wss:" ? ["https_proxy", "all_proxy"] : ["http_proxy", "all_proxy", "https_proxy"];
  for (const name of names.flatMap((name) => [name, name.toUpperCase()])) {
    const value = env[name]?.trim();
    if (!value) continue;
    if (isExcluded(target, env.no_proxy ?? env.NO_PROXY ?? "")) return undefined;
    const proxy = parseProxyUrl(value, name);
    return isLoopback(target.hostname) && !isLoopback(proxy.hostname) ? undefined : proxy;
  }
  return undefined;
}

function parseProxyUrl(value: string, variable: string): OutboundProxy {
  // `proxy.corp:3128` without a scheme is what many set: curl takes it as http.
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  let url: URL;
  try {
    // URL gives special schemes alone their host and port apart; the rest of the parsing is the same.
    url = new URL(text.replace(/^socks5h?:/i, "http:"));
  } catch {
    throw invalid(variable, "it is not a URL");
  }
  const scheme = text.slice(0, text.indexOf(":") + 1).toLowerCase();
  const port = DEFAULT_PORT[scheme];
  if (port === undefined) {
    throw invalid(variable, `its scheme is ${JSON.stringify(scheme)}, not http, socks5 or socks5h`);
  }
  return {
    kind: scheme === "http:" ? "http" : "socks5",
    hostname: bareHost(url.hostname),
    port: explicitPort(text) ?? port,
    ...(url.username || url.password ? { credentials: credentialsOf(url, variable) } : {}),
    variable,
  };
}

function credentialsOf(url: URL, variable: string): { username: string; password: string } {
  try {
    return { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    throw invalid(variable, "its user name or password is not percent-encoded rightly");
  }
}

/** The port as written: URL drops 80 behind `http:`, which would turn into 1080 for SOCKS. */
function explicitPort(text: string): number | undefined {
  const digits = /^[^/]*\/\/[^/?#]*:(\d+)(?:[/?#]|$)/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function invalid(variable: string, why: string): AppError {
  return new AppError("config_invalid", `Cannot use the proxy of ${variable}: ${why}`, {
    hint: `Set ${variable} to a URL such as http://proxy.example:3128 or socks5://127.0.0.1:1080, or unset it`,
  });
}

function bareHost(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

/** NO_PROXY as curl and Go read it: `*`, `host` and its subdomains, `.suffix`, `host:port`, addresses, IPv4 CIDR. */
function isExcluded({ hostname, port }: OutboundTarget, list: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  return list.split(/[\s,]+/).some((item) => matchesEntry(item.toLowerCase(), { host, port }));
}

function matchesEntry(entry: string, { host, port }: { host: string; port: number }): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [written, entryPort] = splitPort(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  const name = written.replace(/^\*?\./, "");
  if (name.includes("/")) return matchesCidr(host, name);
  return host === name || (!isAddress(host) && host.endsWith(`.${name}`));
}

/** `[::1]:80`, `[::1]`, `::1`, `host:80` or `host`. */
function splitPort(entry: string): [host: string, port?: number] {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry);
  const plain = /^([^:]*):(\d+)$/.exec(entry);
  const [, host = entry, port] = bracketed ?? plain ?? [];
  return port === undefined ? [host] : [host, Number(port)];
}

function isAddress(host: string): boolean {
  return host.includes(":") || ipv4ToNumber(host) !== undefined;
}

function matchesCidr(host: string, cidr: string): boolean {
  const [base = "", bits = ""] = cidr.split("/");
  const [address, network, length] = [ipv4ToNumber(host), ipv4ToNumber(base), Number(bits)];
  if (address === undefined || network === undefined || !/^\d+$/.test(bits) || length > 32) return false;
  return length === 0 || (address >>> (32 - length)) === (network >>> (32 - length));
}

function ipv4ToNumber(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((number, part) => number * 256 + part, 0);
}
