import assert from "node:assert/strict";
import {
  heavyImports,
  importCircles,
  importsOfTop,
  longFiles,
  packagesOutsideAdapter,
  upwardImports,
} from "../../../scripts/imports/rules.ts";
import type { ImportEdge, SourceGraph } from "../../../scripts/imports/source_graph.ts";

/** A graph of lines such as `src/proxy/a.ts -> src/base/b.ts`; `=>` is a type import, `~>` a lazy one. */
function graph(...lines: readonly string[]): SourceGraph {
  const kinds: Readonly<Record<string, ImportEdge["kind"]>> = { "->": "code", "=>": "type", "~>": "lazy" };
  const edges = lines.map((text, index): ImportEdge => {
    const [from = "", arrow = "", to = ""] = text.split(" ");
    return { from, to, line: index + 1, kind: kinds[arrow] ?? "code" };
  });
  const files = new Set(edges.flatMap(({ from, to }) => [from, to]).filter((name) => !/^(?:npm|node):/.test(name)));
  return { files: [...files], edges, broken: [] };
}

Deno.test("upwardImports accepts what runs downward, and cli importing everything", () => {
  const downward = graph(
    "src/stream/a.ts -> src/base/b.ts",
    "src/proxy/a.ts -> src/stream/a.ts",
    "src/testing/a.ts -> src/ssh/a.ts",
    "src/providers/union/a.ts => src/targets/t.ts",
    "src/providers/local/a.ts -> src/agent/a.ts",
    "src/cli/a.ts ~> src/agent/a.ts",
    "main.ts -> src/cli/a.ts",
    "src/mod.ts -> src/agent/a.ts",
    "src/agent/a.ts -> src/agent/b.ts",
  );
  assert.deepEqual([...upwardImports(downward), ...importsOfTop(downward)], []);
});

Deno.test("upwardImports names file, line and what may be imported instead", () => {
  assert.deepEqual(upwardImports(graph("src/stream/a.ts -> src/proxy/b.ts")), [{
    file: "src/stream/a.ts",
    line: 1,
    message: "src/stream must not import src/proxy (src/proxy/b.ts): it may import base",
  }]);
});

Deno.test("upwardImports refuses siblings, types and lazy imports among them too", () => {
  const siblings = graph(
    "src/proxy/a.ts => src/agent/b.ts",
    "src/fleet/a.ts ~> src/testing/b.ts",
    "src/agent/a.ts -> src/targets/b.ts",
  );
  assert.deepEqual(upwardImports(siblings).map((each) => each.line), [1, 2, 3]);
});

Deno.test("upwardImports asks for a place in the order for a new room", () => {
  const [violation] = upwardImports(graph("src/attic/a.ts -> src/base/b.ts"));
  assert.match(violation?.message ?? "", /src\/attic is a room without a place/);
});

Deno.test("importsOfTop refuses a room that imports main.ts or src/mod.ts", () => {
  const upward = graph("src/cli/a.ts -> main.ts", "src/testing/a.ts => src/mod.ts");
  assert.deepEqual(importsOfTop(upward).map((each) => each.file), ["src/cli/a.ts", "src/testing/a.ts"]);
});

Deno.test("importCircles tells a circle once, at its first file, and the way round", () => {
  const circle = graph(
    "src/base/a.ts -> src/base/b.ts",
    "src/base/b.ts => src/base/c.ts",
    "src/base/c.ts -> src/base/a.ts",
    "src/base/d.ts -> src/base/a.ts",
  );
  assert.deepEqual(importCircles(circle), [{
    file: "src/base/a.ts",
    line: 1,
    message: "a circle of imports: src/base/a.ts > src/base/b.ts > src/base/c.ts > src/base/a.ts",
  }]);
});

Deno.test("importCircles lets a lazy import close a circle", () => {
  assert.deepEqual(importCircles(graph("src/cli/a.ts ~> src/cli/b.ts", "src/cli/b.ts -> src/cli/a.ts")), []);
});

Deno.test("packagesOutsideAdapter refuses the second file that imports a package", () => {
  const twice = graph(
    "src/ssh/ssh2.ts -> npm:ssh2@1.17.0",
    "src/ssh/ssh2.ts => npm:/ssh2@1.17.0/lib/x",
    "src/testing/z.ts => npm:ssh2@1.17.0",
    "src/agent/pty.ts ~> npm:@lydell/node-pty@1.1.0",
  );
  assert.deepEqual(packagesOutsideAdapter(twice), [{
    file: "src/testing/z.ts",
    line: 3,
    message: "npm:ssh2 is imported in src/ssh/ssh2.ts already: use what that file exports",
  }]);
});

Deno.test("heavyImports follows static imports alone, and tells the way to a heavy one", () => {
  const program = graph(
    "main.ts -> src/cli/a.ts",
    "src/cli/a.ts -> src/base/b.ts",
    "src/cli/a.ts ~> src/agent/c.ts",
    "src/cli/a.ts => src/ssh/d.ts",
    "src/agent/c.ts -> npm:ssh2@1.17.0",
    "src/ssh/d.ts -> node:crypto",
    "src/base/b.ts -> node:path",
  );
  assert.deepEqual(heavyImports(program, ["main.ts"]), [{
    file: "src/base/b.ts",
    line: 7,
    message: "node:path is loaded at every start of porthole proxy: main.ts > src/cli/a.ts > src/base/b.ts",
  }]);
});

Deno.test("heavyImports reports an entry that is not there", () => {
  const message = "is missing: the path of porthole proxy starts here";
  assert.deepEqual(heavyImports(graph(), ["main.ts"]), [{ file: "main.ts", line: 1, message }]);
});

Deno.test("longFiles accepts 300 lines and refuses 301", () => {
  const found = longFiles(new Map([["src/a.ts", 300], ["src/b.ts", 301]]));
  assert.deepEqual(found.map(({ file, line }) => `${file}:${line}`), ["src/b.ts:301"]);
});
