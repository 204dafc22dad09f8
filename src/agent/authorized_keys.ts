import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { USER_KEY_TYPES } from "../ssh/algorithms.ts";
import { isSameBytes, parsePublicKey } from "../ssh/keys/public_key.ts";

/** What the options of an authorized_keys line leave a key (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
export interface KeyRestrictions {
  readonly allowsPty: boolean;
  readonly allowsPortForwarding: boolean;
  readonly allowsAgentForwarding: boolean;
  /** Runs instead of whatever the client asks for. */
  readonly command: string | undefined;
  readonly expiresAt: Date | undefined;
}

/** A key that may log in. */
export interface AuthorizedKey {
  readonly type: string;
  readonly blob: Uint8Array;
  readonly comment: string;
  readonly restrictions: KeyRestrictions;
}

/** What {@link parseAuthorizedKeys} made of a text. */
export interface AuthorizedKeys {
  readonly keys: readonly AuthorizedKey[];
  /** Why each line that is no key was left out. */
  readonly refused: readonly string[];
}

type MutableRestrictions = { -readonly [K in keyof KeyRestrictions]: KeyRestrictions[K] };

/** Switches off and on again; `no-x` and `x` behind `restrict`. */
const SWITCHES: Readonly<Record<string, keyof Omit<KeyRestrictions, "command" | "expiresAt">>> = {
  pty: "allowsPty",
  "port-forwarding": "allowsPortForwarding",
  "agent-forwarding": "allowsAgentForwarding",
};
/** What they switch does not exist here. */
const WITHOUT_EFFECT = new Set(["no-x11-forwarding", "x11-forwarding", "no-user-rc", "user-rc"]);

/**
 * The keys of an authorized_keys text. `where` names it in messages: `--authorized-keys "/etc/keys"`.
 *
 * A restriction is either kept or its line is refused: `from=`, for one, would be measured against the address of the
 * ingress in front of the job and mean nothing.
 */
export function parseAuthorizedKeys(text: string, where: string): AuthorizedKeys {
  const keys: AuthorizedKey[] = [];
  const refused: string[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    try {
      keys.push(parseLine(trimmed));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      refused.push(`line ${index + 1} of ${where}: ${error.message}`);
    }
  });
  return { keys, refused };
}

/** The restrictions of the key `blob` if it may log in now. */
export function findAuthorizedKey(
  keys: readonly AuthorizedKey[],
  { type, blob, now }: { type: string; blob: Uint8Array; now: Date },
): KeyRestrictions | undefined {
  return keys.find((key) =>
    key.type === type && isSameBytes(key.blob, blob) &&
    !(key.restrictions.expiresAt && key.restrictions.expiresAt <= now)
  )?.restrictions;
}

function parseLine(line: string): AuthorizedKey {
  const { options, rest } = splitOptions(line);
  const { type, blob, comment } = parsePublicKey(rest, "key");
  if (!USER_KEY_TYPES.includes(type)) {
    throw new AppError("key_invalid", `keys of type ${JSON.stringify(oneLine(type, 60))} are not supported`);
  }
  return { type, blob, comment, restrictions: parseOptions(options) };
}

/** Options stand before the key's type, which is how their absence shows. Quoted values may hold spaces and commas. */
function splitOptions(line: string): { options: readonly string[]; rest: string } {
  const first = /^\S+/.exec(line)?.[0] ?? "";
  if (/^(?:ssh|ecdsa|sk)-[\w@.-]+$/.test(first)) return { options: [], rest: line };
  const match = /^((?:[^\s"]|"(?:\\"|\\(?!")|[^"\\])*")+)\s+(\S.*)$/.exec(line);
  if (!match) throw new AppError("key_invalid", "neither a key nor options with a key behind them");
  const options = match[1]?.match(/(?:[^,"]|"(?:\\"|\\(?!")|[^"\\])*")+/g) ?? [];
  return { options, rest: match[2] ?? "" };
}

function parseOptions(options: readonly string[]): KeyRestrictions {
  const restrictions: MutableRestrictions = {
    allowsPty: true,
    allowsPortForwarding: true,
    allowsAgentForwarding: true,
    command: undefined,
    expiresAt: undefined,
  };
  for (const option of options) applyOption(restrictions, option);
  return restrictions;
}

function applyOption(restrictions: MutableRestrictions, option: string): void {
  const equals = option.indexOf("=");
  const name = (equals < 0 ? option : option.slice(0, equals)).toLowerCase();
  const value = equals < 0 ? undefined : unquote(option.slice(equals + 1));
  const isNegated = name.startsWith("no-");
  const switched = SWITCHES[isNegated ? name.slice(3) : name];
  if (WITHOUT_EFFECT.has(name) && value === undefined) return;
  if (name === "restrict" && value === undefined) {
    restrictions.allowsPty = restrictions.allowsPortForwarding = restrictions.allowsAgentForwarding = false;
  } else if (switched && value === undefined) restrictions[switched] = !isNegated;
  else if (name === "command" && value !== undefined) restrictions.command = value;
  else if (name === "expiry-time" && value !== undefined) restrictions.expiresAt = parseExpiry(value);
  else throw new AppError("key_invalid", `the option ${JSON.stringify(oneLine(name, 60))} is not supported here`);
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll('\\"', '"') : value;
}

/** `YYYYMMDD[Z]` or `YYYYMMDDHHMM[SS][Z]`; local time without the Z. */
function parseExpiry(text: string): Date {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(text);
  if (!match) throw new AppError("key_invalid", `expiry-time ${JSON.stringify(oneLine(text, 40))} is no time`);
  const [, year, month, day, hour = "00", minute = "00", second = "00", zone] = match;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  if (Number.isNaN(date.getTime())) throw new AppError("key_invalid", `expiry-time ${JSON.stringify(text)} is no time`);
  return date;
}
