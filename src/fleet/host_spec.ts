import { AppError } from "../base/errors.ts";
import { hostPort } from "../base/host_port.ts";

/** A host as it was named, taken apart. What was not said is left to ssh_config and the defaults. */
export interface HostSpec {
  /** The name as given: what results call the host. */
  readonly name: string;
  /** The host part: what ssh_config and dialling get. */
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

const URL_FORM = /^ssh:\/\//i;

/**
 * Reads `host`, `user@host`, `user@host:port`, `[::1]:22`, `::1` or `ssh://user@host:port`.
 *
 * @throws AppError `usage` for an empty name, a name that begins with `-`, white space in it, or a port that is none.
 */
export function parseHostSpec(name: string): HostSpec {
  const text = name.replace(URL_FORM, "").replace(/\/$/, "");
  const at = text.lastIndexOf("@");
  const { host, port } = splitPort(text.slice(at + 1), name);
  if (host === "" || at === 0) throw badHost(name, "a part of it is empty");
  // A program that is given such a name may take it for an option (ssh_config's %h, for one).
  if (host.startsWith("-")) throw badHost(name, 'it begins with "-"');
  // deno-lint-ignore no-control-regex
  if (/[\s\x00-\x1f\x7f]/.test(text)) throw badHost(name, "there is white space in it");
  return { name, host, ...(at > 0 ? { user: text.slice(0, at) } : {}), ...(port === undefined ? {} : { port }) };
}

/** `name` with the port that it is reached at, unless that is 22 or in it already. */
export function withPort(name: string, port: number): string {
  const { host, user, port: own } = parseHostSpec(name);
  if (own !== undefined || port === 22) return name;
  return `${user === undefined ? "" : `${user}@`}${hostPort(host, port)}`;
}

function splitPort(text: string, name: string): { host: string; port?: number } {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  if (bracketed) {
    const [, host = "", port] = bracketed;
    return port === undefined ? { host } : { host, port: parsePort(port, name) };
  }
  const colon = text.indexOf(":");
  // Two colons and no brackets: an IPv6 address, which has no port.
  if (colon < 0 || text.indexOf(":", colon + 1) >= 0) return { host: text };
  return { host: text.slice(0, colon), port: parsePort(text.slice(colon + 1), name) };
}

function parsePort(text: string, name: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535) {
    throw badHost(name, `${JSON.stringify(text)} is no port between 1 and 65535`);
  }
  return port;
}

function badHost(name: string, why: string): AppError {
  return new AppError("usage", `Cannot read ${JSON.stringify(name)} as a host: ${why}`, {
    hint: 'Write it like "user@host:22"',
  });
}
