import type { ImportEdge, SourceGraph } from "./source_graph.ts";

/** A place where a rule of the house is broken. */
export interface Violation {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** Rooms side by side: none of them may import another, what two need moves down. */
const SIBLINGS = ["proxy", "agent", "fleet", "testing", "targets"];
const BELOW_SIBLINGS = ["base", "stream", "ssh"];

/** Which rooms of `src/` each room may import besides itself; `cli` may import every one. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  stream: ["base"],
  ssh: ["base", "stream"],
  ...Object.fromEntries(SIBLINGS.map((room) => [room, BELOW_SIBLINGS])),
  providers: [...BELOW_SIBLINGS, ...SIBLINGS],
};

/** Imports between rooms that do not run downward. */
export function upwardImports({ edges }: SourceGraph): Violation[] {
  return edges.flatMap((edge) => {
    const [from, to] = [roomOf(edge.from), roomOf(edge.to)];
    if (from === undefined || to === undefined || from === to || from === "cli") return [];
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) {
      return [
        violation(edge, `src/${from} is a room without a place in the order: give it one in scripts/imports/rules.ts`),
      ];
    }
    if (allowed.includes(to)) return [];
    const may = allowed.length ? `it may import ${allowed.join(", ")}` : "it may import no other room";
    return [violation(edge, `src/${from} must not import src/${to} (${edge.to}): ${may}`)];
  });
}

/** Files of a room that reach for the program's top (`main.ts`, `src/mod.ts`). */
export function importsOfTop({ edges }: SourceGraph): Violation[] {
  return edges
    .filter(({ from, to }) => roomOf(from) !== undefined && (to === "main.ts" || to === "src/mod.ts"))
    .map((edge) => violation(edge, `${edge.to} stands above every room: nothing in one may import it`));
}

/** Circles of files that import each other when loaded; each is told once, at its first file by name. */
export function importCircles({ files, edges }: SourceGraph): Violation[] {
  const circles: Violation[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly ImportEdge[]): void => {
    const start = path.findIndex((edge) => edge.from === file);
    if (start >= 0) {
      const circle = path.slice(start);
      const [first] = circle;
      if (first) {
        circles.push(violation(first, `a circle of imports: ${[...circle.map((e) => e.from), file].join(" > ")}`));
      }
      return;
    }
    if (done.has(file)) return;
    for (const edge of edges) if (edge.from === file && edge.kind !== "lazy") visit(edge.to, [...path, edge]);
    done.add(file);
  };
  for (const file of [...files].sort()) visit(file, []);
  return circles;
}

/** Imports of an npm package in a second file: a package is known to its one adapter alone. */
export function packagesOutsideAdapter({ edges }: SourceGraph): Violation[] {
  const adapterOf = new Map<string, string>();
  const order = [...edges].sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : a.line - b.line);
  return order.flatMap((edge) => {
    const name = packageName(edge.to);
    if (name === undefined || !edge.from.startsWith("src/")) return [];
    const adapter = adapterOf.get(name) ?? edge.from;
    adapterOf.set(name, adapter);
    return adapter === edge.from
      ? []
      : [violation(edge, `npm:${name} is imported in ${adapter} already: use what that file exports`)];
  });
}

/**
 * Modules of npm or of Node that are loaded when one of `entries` is, and so cost every start of a `porthole proxy`.
 *
 * Measured: 13 to 22 ms for a `node:` module's first import, 50 ms and more for ssh2.
 */
export function heavyImports({ files, edges }: SourceGraph, entries: readonly string[]): Violation[] {
  const heavy: Violation[] = [];
  const via = new Map<string, string>();
  for (const entry of entries) {
    if (files.includes(entry)) via.set(entry, entry);
    else heavy.push({ file: entry, line: 1, message: "is missing: the path of porthole proxy starts here" });
  }
  // A Map also hands out what is added while it is walked: this visits everything that can be reached.
  for (const [file, path] of via) {
    for (const edge of edges) {
      if (edge.from !== file || edge.kind !== "code") continue;
      if (/^(?:npm|node):/.test(edge.to)) {
        heavy.push(violation(edge, `${edge.to} is loaded at every start of porthole proxy: ${path}`));
      } else if (!via.has(edge.to)) via.set(edge.to, `${path} > ${edge.to}`);
    }
  }
  return heavy;
}

/** Files of more than `maxLines` lines: past that they hold two ideas. `lines` counts them by file. */
export function longFiles(lines: ReadonlyMap<string, number>, maxLines = 300): Violation[] {
  return [...lines].filter(([, count]) => count > maxLines).map(([file, count]) => ({
    file,
    line: maxLines + 1,
    message: `has ${count} lines, ${maxLines} at most: split it where its second idea begins`,
  }));
}

/** The folder below `src/` that a file lives in; undefined for `src/mod.ts` and all that is elsewhere. */
function roomOf(file: string): string | undefined {
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

/** `ssh2` of `npm:ssh2@1.17.0`, `@lydell/node-pty` of `npm:/@lydell/node-pty@1.1.0/lib`. */
function packageName(specifier: string): string | undefined {
  return /^npm:\/?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier)?.[1];
}

function violation({ from, line }: ImportEdge, message: string): Violation {
  return { file: from, line, message };
}
