import { join } from "node:path";

/** A secret that was found where it must not be. */
export interface Leak {
  /** The name that the test gave the secret; never its value. */
  readonly secret: string;
  /** `cmdline of 123`, `stderr of porthole list`, `.porthole/x (0644)`. */
  readonly where: string;
}

/** Secrets by a name for each, asked for anew at every look: servers issue more on the way. */
export type Secrets = () => ReadonlyMap<string, string>;

/** Looks at every process that was started with `home` as its HOME, again and again until it is disposed. */
export class ProcessWatch implements AsyncDisposable {
  readonly leaks: Leak[] = [];
  /** How many looks at processes there were: a watch that saw none has proved nothing. */
  looks = 0;
  readonly #watching: Promise<void>;
  #isOver = false;

  constructor(private readonly home: string, private readonly secrets: Secrets) {
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      for await (const { name } of Deno.readDir("/proc")) if (/^\d+$/.test(name)) await this.#look(name);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #look(pid: string): Promise<void> {
    const [environ, cmdline] = await Promise.all(
      // A process that has ended meanwhile, or is somebody else's.
      ["environ", "cmdline"].map((file) => Deno.readTextFile(`/proc/${pid}/${file}`).catch(() => "")),
    );
    if (!environ?.includes(`HOME=${this.home}\0`)) return;
    this.looks++;
    for (const [place, text = ""] of [["environ", environ], ["cmdline", cmdline]]) {
      const program = cmdline?.split("\0").slice(0, 12).join(" ") ?? "";
      for (const secret of namesIn(text, this.secrets())) this.leaks.push({ secret, where: `${place} of ${program}` });
    }
  }
}

/** The names of the secrets that stand in `text`, as they are, in base64 or percent-encoded. */
export function namesIn(text: string, secrets: ReadonlyMap<string, string>): string[] {
  return [...secrets].filter(([, value]) => formsOf(value).some((form) => text.includes(form))).map(([name]) => name);
}

function formsOf(value: string): string[] {
  // Of base64, the part that does not depend on what stands before and behind it, at each of its three positions.
  const encoded = [0, 1, 2].map((shift) => btoa(" ".repeat(shift) + value).slice(shift === 0 ? 0 : 4, -4));
  return [value, encodeURIComponent(value), ...encoded];
}

/** Every file below `folder` in which one of the secrets stands, with its mode. */
export async function filesWith(folder: string, secrets: ReadonlyMap<string, string>): Promise<Leak[]> {
  const found: Leak[] = [];
  for await (const path of walk(folder)) {
    const text = await Deno.readTextFile(path);
    const mode = ((await Deno.stat(path)).mode ?? 0) & 0o777;
    const where = `${path.slice(folder.length + 1)} (${mode.toString(8).padStart(4, "0")})`;
    found.push(...namesIn(text, secrets).map((secret) => ({ secret, where })));
  }
  return found;
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    if (isDirectory) yield* walk(join(folder, name));
    else if (isFile) yield join(folder, name);
  }
}
