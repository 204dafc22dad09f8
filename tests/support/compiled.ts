import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's top folder. */
export const TOP = fileURLToPath(new URL("../..", import.meta.url));

/** What a test against the compiled program finds: the program, or why there is none to test. */
export type CompiledProgram =
  | { readonly path: string; readonly reason?: undefined }
  | { readonly path?: undefined; readonly reason: string };

/**
 * The compiled porthole to test: `PORTHOLE_TEST_BINARY`, else `dist/porthole` unless a source changed after it was made.
 *
 * A test's title comes from `compiledTitle` and its `ignore` is `path === undefined`, so that a skip tells its reason.
 * @throws Error when `PORTHOLE_TEST_BINARY` names no file: then the test was asked for and must not be skipped.
 */
export function findCompiled(): CompiledProgram {
  const given = Deno.env.get("PORTHOLE_TEST_BINARY");
  if (given) {
    if (changedAt(given) === 0) throw new Error(`PORTHOLE_TEST_BINARY names no file: ${JSON.stringify(given)}`);
    return { path: given };
  }
  const path = join(TOP, "dist", Deno.build.os === "windows" ? "porthole.exe" : "porthole");
  const madeAt = changedAt(path);
  if (madeAt === 0) return { reason: "needs dist/porthole: deno task compile" };
  const sources = ["main.ts", "deno.json", "deno.lock", "src"].map((name) => newestBelow(join(TOP, name)));
  if (Math.max(...sources) > madeAt) return { reason: "dist/porthole is older than its sources: deno task compile" };
  return { path };
}

/** The path of the compiled porthole, null where there is none or it is older than its sources. */
export function compiledPorthole(): string | null {
  return findCompiled().path ?? null;
}

/** `title` with the reason for which it will be skipped, if it will be. */
export function compiledTitle(title: string, { reason }: CompiledProgram): string {
  return reason === undefined ? title : `${title} (${reason})`;
}

function newestBelow(path: string): number {
  if (!Deno.statSync(path).isDirectory) return changedAt(path);
  const inside = [...Deno.readDirSync(path)].map(({ name }) => newestBelow(join(path, name)));
  return Math.max(0, ...inside);
}

/** When a file was last written, in milliseconds; 0 when there is none. */
function changedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
