import assert from "node:assert/strict";
import { join } from "node:path";
import { readSourceGraph } from "../../../scripts/imports/source_graph.ts";

async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  // The real path: deno info tells it, and macOS keeps its temp folder behind a symlink.
  const top = await Deno.realPath(await Deno.makeTempDir());
  for (const [name, text] of Object.entries({ "deno.json": "{}", ...files })) {
    await Deno.writeTextFile(join(top, name), text);
  }
  return top;
}

Deno.test("readSourceGraph tells static, type and lazy imports apart, with their lines", async () => {
  const top = await tree({
    "a.ts": 'import { b } from "./b.ts";\nimport type { C } from "./c.ts";\n' +
      'import "node:path";\nexport const lazy = () => import("./b.ts");\nexport const c: C = b;\n',
    "b.ts": "export const b = 1;\n",
    "c.ts": "export type C = number;\n",
  });
  const { edges } = await readSourceGraph(top, ["a.ts", "b.ts", "c.ts"]);
  assert.deepEqual(edges, [
    { from: "a.ts", line: 1, to: "b.ts", kind: "code" },
    { from: "a.ts", line: 2, to: "c.ts", kind: "type" },
    { from: "a.ts", line: 3, to: "node:path", kind: "code" },
  ]);
  await Deno.remove(top, { recursive: true });
});

Deno.test("readSourceGraph names a file that an import leads to and that is not there", async () => {
  const top = await tree({ "a.ts": 'import "./missing.ts";\n' });
  const { broken } = await readSourceGraph(top, ["a.ts"]);
  assert.deepEqual(broken.map(({ file }) => file), ["missing.ts"]);
  await Deno.remove(top, { recursive: true });
});

Deno.test("readSourceGraph refuses a bare specifier that stands for nothing", async () => {
  const top = await tree({ "a.ts": 'import "nothing";\n' });
  await assert.rejects(readSourceGraph(top, ["a.ts"]), /^Error: a\.ts:1: .*nothing/);
  await Deno.remove(top, { recursive: true });
});
