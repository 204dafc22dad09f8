import type { Environment } from "../base/home.ts";

/** Who the sessions run as: the account of this very process. */
export interface Account {
  readonly name: string;
  readonly home: string;
  /** The shell that sessions get. */
  readonly shell: string;
}

/** What {@link readAccount} may look at. */
export interface AccountSources {
  readonly uid: number | null;
  /** The text of /etc/passwd, empty if there is none. */
  readonly passwd: string;
  readonly env: Environment;
  isExecutable(path: string): boolean;
}

interface PasswdEntry {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** Shells that only say no (flyte-sdk#1491). */
const NO_SHELLS: ReadonlySet<string> = new Set(["false", "nologin", "true"]);
const FALLBACK_SHELLS = ["bash", "sh"] as const;
const FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * The account of `uid`: its passwd entry where there is one, else what the environment says (a container's uid often
 * has no entry). The shell is the entry's unless that is missing, not executable or one that only says no; then bash,
 * then sh.
 */
export function readAccount({ uid, passwd, env, isExecutable }: AccountSources): Account {
  const entry = findEntry(passwd, uid);
  return {
    name: entry?.name || env.USER || env.LOGNAME || (uid === 0 || uid === null ? "root" : String(uid)),
    home: entry?.home || env.HOME || "/",
    shell: chooseShell({ wanted: entry?.shell ?? env.SHELL ?? "", path: env.PATH ?? FALLBACK_PATH, isExecutable }),
  };
}

/** The account of this process, as the system tells it. */
export function currentAccount(env: Environment): Account {
  if (Deno.build.os === "windows") {
    return {
      name: env.USERNAME ?? "user",
      home: env.USERPROFILE ?? "C:\\",
      shell: env.ComSpec ?? "C:\\Windows\\System32\\cmd.exe",
    };
  }
  return readAccount({ uid: Deno.uid(), passwd: readPasswd(), env, isExecutable });
}

function readPasswd(): string {
  try {
    return Deno.readTextFileSync("/etc/passwd");
  } catch {
    // An image without it, as those from scratch are: the environment has to do.
    return "";
  }
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    // Not there or not to be seen: it cannot be run either way.
    return false;
  }
}

function findEntry(passwd: string, uid: number | null): PasswdEntry | undefined {
  for (const line of passwd.split("\n")) {
    const [name, , id, , , home, shell] = line.split(":");
    if (name && id !== undefined && uid !== null && Number(id) === uid) {
      return { name, home: home ?? "", shell: shell ?? "" };
    }
  }
  return undefined;
}

function chooseShell(
  { wanted, path, isExecutable }: { wanted: string; path: string; isExecutable(path: string): boolean },
) {
  const baseName = wanted.slice(wanted.lastIndexOf("/") + 1);
  if (wanted.startsWith("/") && !NO_SHELLS.has(baseName) && isExecutable(wanted)) return wanted;
  const folders = [...path.split(":"), ...FALLBACK_PATH.split(":")].filter((folder) => folder.startsWith("/"));
  for (const name of FALLBACK_SHELLS) {
    const found = folders.map((folder) => `${folder}/${name}`).find(isExecutable);
    if (found) return found;
  }
  return "/bin/sh";
}
