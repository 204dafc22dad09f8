import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeError } from "../src/base/errors.ts";
import {
  heavyImports,
  importCircles,
  importsOfTop,
  longFiles,
  packagesOutsideAdapter,
  upwardImports,
  type Violation,
} from "./imports/rules.ts";
import { readSourceGraph } from "./imports/source_graph.ts";

/** Where the path of `porthole proxy` begins: what these load, every connection waits for. */
const HOT_ENTRIES = ["main.ts", "src/proxy/run_from_args.ts", "src/providers/load_proxy_target.ts"];

/** Every violation of the rules on imports and on the size of files, in the tree at `top`, by file and line. */
export async function checkImports(top: string): Promise<Violation[]> {
  const program = [...await sourceFiles(top, "src"), ...await isFile(join(top, "main.ts")) ? ["main.ts"] : []];
  const graph = await readSourceGraph(top, program);
  const lines = new Map<string, number>();
  for (const file of [...program, ...await sourceFiles(top, "scripts"), ...await sourceFiles(top, "tests")]) {
    lines.set(file, (await Deno.readTextFile(join(top, file))).split("\n").length - 1);
  }
  const found = [
    ...graph.broken.map((each) => ({ ...each, line: 1 })),
    ...upwardImports(graph),
    ...importsOfTop(graph),
    ...importCircles(graph),
    ...packagesOutsideAdapter(graph),
    ...heavyImports(graph, HOT_ENTRIES),
    ...longFiles(lines),
  ];
  return found.sort((a, b) => a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
}

async function sourceFiles(top: string, folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(top, folder))) {
    if (isDirectory) files.push(...await sourceFiles(top, `${folder}/${name}`));
    else if (name.endsWith(".ts")) files.push(`${folder}/${name}`);
  }
  return files.sort();
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isFile, () => false);
}

if (import.meta.main) {
  const top = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");
  const lines = await checkImports(top).then(
    (violations) => violations.map(({ file, line, message }) => `${file}:${line}: ${message}\n`),
    (error: unknown) => [`${describeError(error)}\n`],
  );
  const text = lines.join("") || "Imports run downward, no file is too long\n";
  await Deno.stderr.write(new TextEncoder().encode(text));
  Deno.exitCode = lines.length ? 1 : 0;
}
