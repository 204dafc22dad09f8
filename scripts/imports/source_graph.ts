import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** One import statement: which file says it, and what it leads to. */
export interface ImportEdge {
  /** Path from the repository's top, with forward slashes: `src/base/home.ts`. */
  readonly from: string;
  /** The line of `from` it stands on, counted from 1. */
  readonly line: number;
  /** Another such path, or the full specifier of what is not a file of ours: `npm:ssh2@1.17.0`, `node:path`. */
  readonly to: string;
  /** `type` is gone at run time, `lazy` is an `import()`. */
  readonly kind: "code" | "type" | "lazy";
}

/** Every file of a program and every import between them. */
export interface SourceGraph {
  readonly files: readonly string[];
  readonly edges: readonly ImportEdge[];
  /** Files that could not be read or parsed, and why. */
  readonly broken: readonly { readonly file: string; readonly message: string }[];
}

/** The parts of `deno info --json` (version 1) that are read here. */
interface InfoOutput {
  readonly modules: readonly InfoModule[];
}
interface InfoModule {
  readonly specifier: string;
  readonly dependencies?: readonly InfoDependency[];
  readonly error?: string;
}
interface InfoDependency {
  readonly specifier: string;
  readonly code?: InfoResolution;
  readonly type?: InfoResolution;
  readonly isDynamic?: boolean;
}
interface InfoResolution {
  readonly specifier?: string;
  readonly error?: string;
  readonly span: { readonly start: { readonly line: number } };
}

/**
 * The imports of `files` (paths below `top`) as Deno itself resolves them.
 *
 * @throws Error when a bare specifier stands for nothing in the import map.
 */
export async function readSourceGraph(top: string, files: readonly string[]): Promise<SourceGraph> {
  const { modules } = await denoInfo(top, files);
  const toName = nameBelow(top);
  const edges: ImportEdge[] = [];
  const broken: { file: string; message: string }[] = [];
  for (const module of modules) {
    const from = toName(module.specifier);
    if (module.error) broken.push({ file: from, message: module.error });
    if (files.includes(from)) edges.push(...(module.dependencies ?? []).flatMap((each) => edgesOf(from, each, toName)));
  }
  return { files, edges, broken };
}

function edgesOf(from: string, dependency: InfoDependency, toName: (specifier: string) => string): ImportEdge[] {
  const edge = (resolution: InfoResolution | undefined, kind: ImportEdge["kind"]): ImportEdge[] => {
    if (!resolution) return [];
    const line = resolution.span.start.line + 1;
    if (resolution.specifier === undefined) {
      throw new Error(`${from}:${line}: ${resolution.error ?? `cannot resolve ${dependency.specifier}`}`);
    }
    return [{ from, line, to: toName(resolution.specifier), kind }];
  };
  return [...edge(dependency.code, dependency.isDynamic ? "lazy" : "code"), ...edge(dependency.type, "type")];
}

/** `deno info` takes one root: a file that imports all of them, made for the purpose. */
async function denoInfo(top: string, files: readonly string[]): Promise<InfoOutput> {
  const root = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = files.map((file) => `import ${JSON.stringify(pathToFileURL(join(top, file)).href)};\n`);
    await Deno.writeTextFile(root, imports.join(""));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", join(top, "deno.json"), root],
      cwd: top,
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr).trim()}`);
    return JSON.parse(new TextDecoder().decode(stdout)) as InfoOutput;
  } finally {
    await Deno.remove(root);
  }
}

function nameBelow(top: string): (specifier: string) => string {
  const prefix = `${pathToFileURL(top).href.replace(/\/$/, "")}/`;
  return (specifier) =>
    specifier.startsWith(prefix) ? fileURLToPath(specifier).slice(top.length + 1).replaceAll("\\", "/") : specifier;
}
