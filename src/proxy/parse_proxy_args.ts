import { parseDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { assertHeaderField, type HeaderFields } from "../stream/header_fields.ts";
import { parseWebSocketUrl } from "../stream/websocket_url.ts";

/** What `porthole proxy` was asked for. */
export interface ProxyArgs {
  readonly destination:
    | { readonly kind: "url"; readonly url: string }
    | { readonly kind: "alias"; readonly alias: string };
  readonly headersFile?: string;
  readonly headers: HeaderFields;
  readonly caFile?: string;
  readonly waitMs: number;
  /** How long a session is tried to be got back after its connection was lost; 0 never, as with `--no-resume`. */
  readonly resumeForMs: number;
  /** The same while a port of this machine refuses every try, where somebody has said so: else that ends it sooner. */
  readonly nobodyHereMs?: number;
  /** A connection so old is replaced by a new one, without a gap. */
  readonly maxConnectionAgeMs?: number;
}

/** The options as the command table shows them. */
export const PROXY_FLAGS = {
  "headers-file": {
    kind: "string",
    placeholder: "FILE",
    summary: "Send the headers of FILE, one `Name: value` a line; read anew at every dial, must be 0600",
  },
  header: {
    kind: "list",
    placeholder: "NAME=VALUE",
    summary: "Send one more header; every process on this machine can see it, so never a token",
  },
  "ca-file": {
    kind: "string",
    placeholder: "FILE",
    summary: "Trust the certificates of FILE (PEM) besides the usual ones; SSL_CERT_FILE does the same",
  },
  wait: {
    kind: "duration",
    default: "0s",
    summary: "Wait this long for a route that is not up yet (404, 429, 502, 503, 504)",
  },
  "resume-for": {
    kind: "duration",
    default: "15m",
    summary: "Try for so long to get a session back whose connection was lost; needs a porthole agent",
  },
  "no-resume": { kind: "boolean", summary: "End with the connection, as with an agent that is not porthole's" },
  "max-connection-age": {
    kind: "duration",
    summary: "Replace a connection by a new one, without a gap, before it is so old",
  },
} as const;

/** `--json` is what every command has: see `proxyMain`. */
const SWITCHES = new Set(["no-resume", "json"]);
/** An alias is a file name and stands in ssh_config; `%h` of a hostile URL may be anything else. */
const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const HINT = "porthole proxy [--headers-file FILE] [--ca-file FILE] [--wait 60s] WSS-URL|ALIAS";

/** Reads the words behind `porthole proxy`. Loads nothing: each millisecond here is one of every connection. @throws AppError `usage` */
export function parseProxyArgs(args: readonly string[]): ProxyArgs {
  const given = new Map<string, string[]>();
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const [, name = "", inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name !== "json" && !Object.hasOwn(PROXY_FLAGS, name)) {
      throw usage(`Unknown option ${JSON.stringify(nameOf(arg))}`);
    }
    const isSwitch = SWITCHES.has(name);
    if (isSwitch && inline !== undefined) throw usage(`The option --${name} takes no value`);
    const value = isSwitch ? "" : inline ?? args[++at];
    if (value === undefined) throw usage(`The option --${name} needs a value`);
    const values = given.get(name);
    if (values && name !== "header") throw usage(`The option --${name} was given twice`);
    if (values) values.push(value);
    else given.set(name, [value]);
  }
  const [headersFile] = given.get("headers-file") ?? [];
  const [caFile] = given.get("ca-file") ?? [];
  const maxAgeMs = parseDuration(given.get("max-connection-age")?.[0] ?? "0s", "--max-connection-age");
  const resumeForMs = parseDuration(given.get("resume-for")?.[0] ?? PROXY_FLAGS["resume-for"].default, "--resume-for");
  return {
    destination: parseDestination(words),
    headers: (given.get("header") ?? []).map(parseHeaderOption),
    waitMs: parseDuration(given.get("wait")?.[0] ?? PROXY_FLAGS.wait.default, "--wait"),
    ...(headersFile === undefined ? {} : { headersFile }),
    ...(caFile === undefined ? {} : { caFile }),
    resumeForMs: given.has("no-resume") ? 0 : resumeForMs,
    ...(given.has("resume-for") ? { nobodyHereMs: resumeForMs } : {}),
    ...(maxAgeMs === 0 ? {} : { maxConnectionAgeMs: maxAgeMs }),
  };
}

/** @throws AppError `usage` unless `text` may be an alias: a letter or digit first, at most 63 of `A-Za-z0-9._-`. */
export function assertAlias(text: string): void {
  if (ALIAS.test(text)) return;
  throw new AppError(
    "usage",
    `${JSON.stringify(text.slice(0, 80))} is neither a ws:// or wss:// URL nor an alias`,
    { hint: "An alias begins with a letter or digit and has at most 63 of A-Z a-z 0-9 . _ -" },
  );
}

/** One `NAME=VALUE`. @throws AppError `usage`, `config_invalid`; the value is not shown. */
export function parseHeaderOption(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw usage("The option --header needs NAME=VALUE");
  const field = [text.slice(0, equals).trim(), text.slice(equals + 1).trim()] as const;
  assertHeaderField(field, "--header");
  return field;
}

/** A URL or an alias. @throws AppError `usage` */
export function parseDestination(words: readonly string[]): ProxyArgs["destination"] {
  const [word] = words;
  if (word === undefined || words.length > 1) {
    throw usage(`porthole proxy takes one URL or alias: got ${words.length}`);
  }
  if (!word.includes("://")) {
    assertAlias(word);
    return { kind: "alias", alias: word };
  }
  parseWebSocketUrl(word);
  return { kind: "url", url: word };
}

function usage(message: string): AppError {
  return new AppError("usage", message, { hint: HINT });
}

/** An option without its value, which may be a secret that was typed in the wrong place. */
function nameOf(arg: string): string {
  return arg.split("=", 1)[0]?.slice(0, 40) ?? "";
}
