import { join } from "node:path";

/** Variables that would lead a child back to the real user's keys, configuration, agent or temporary files. */
const LEADING_OUT = [
  "SSH_AUTH_SOCK",
  "SSH_AGENT_PID",
  "XDG_CONFIG_HOME",
  "XDG_RUNTIME_DIR",
  "PORTHOLE_AUTHORIZED_KEYS",
];

/** A home folder of its own for the children of one test. */
export interface TempHome extends AsyncDisposable {
  /** The home folder, 0700. */
  readonly path: string;
  /** `PORTHOLE_HOME` inside it; not made yet. */
  readonly portholeHome: string;
  /**
   * The whole environment for a child that must not see the real home: spawn it with `clearEnv: true`.
   * `extra` is added to it.
   */
  environment(extra?: Readonly<Record<string, string>>): Record<string, string>;
}

/** Makes a temporary home; disposing it removes all that is in it. */
export async function makeTempHome(): Promise<TempHome> {
  // Short, since a Unix socket's path inside it may have 107 bytes at most (unix(7)); macOS has a long temp folder.
  const path = await Deno.makeTempDir({ prefix: "ph-" });
  const portholeHome = join(path, ".porthole");
  return {
    path,
    portholeHome,
    environment: (extra = {}) => ({ ...inherited(), ...homeVariables(path), PORTHOLE_HOME: portholeHome, ...extra }),
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true }).catch((error: unknown) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    },
  };
}

function inherited(): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !LEADING_OUT.includes(name) && !name.startsWith("PORTHOLE_") && !/^_F_|_proxy$/i.test(name)
  );
  // Children that are run from the source need the cache that this process already filled.
  return { ...Object.fromEntries(kept), DENO_DIR: denoFolder(), DENO_NO_UPDATE_CHECK: "1" };
}

function homeVariables(path: string): Record<string, string> {
  return Deno.build.os === "windows" ? { HOME: path, USERPROFILE: path } : { HOME: path };
}

/** Where this Deno keeps its cache (docs.deno.com, "DENO_DIR"): named for children, whose HOME is another one. */
function denoFolder(): string {
  const given = Deno.env.get("DENO_DIR");
  if (given) return given;
  const home = Deno.env.get("HOME") ?? "";
  if (Deno.build.os === "windows") return join(Deno.env.get("LOCALAPPDATA") ?? "", "deno");
  if (Deno.build.os === "darwin") return join(home, "Library", "Caches", "deno");
  return join(Deno.env.get("XDG_CACHE_HOME") || join(home, ".cache"), "deno");
}

/** Calls `use` with an empty folder, which is removed with all that is in it. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
