import assert from "node:assert/strict";
import { compileArguments } from "../../../scripts/compile/compile_program.ts";

const OPTIONS = { top: "/src", entry: "/src/main.ts", output: "/out/porthole" };

Deno.test("compileArguments asks for nothing at run time and keeps no code cache that others could write", () => {
  const args = compileArguments(OPTIONS);
  assert.ok(args.includes("--no-prompt"));
  assert.ok(args.includes("--no-code-cache"));
});

Deno.test("compileArguments ends with output and entry, and names the target only when there is one", () => {
  assert.deepEqual(compileArguments(OPTIONS).slice(-3), ["--output", "/out/porthole", "/src/main.ts"]);
  assert.ok(!compileArguments(OPTIONS).includes("--target"));
  const args = compileArguments({ ...OPTIONS, target: "aarch64-apple-darwin" });
  assert.equal(args[args.indexOf("--target") + 1], "aarch64-apple-darwin");
});
