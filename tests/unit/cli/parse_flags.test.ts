import assert from "node:assert/strict";
import { defineCommand } from "../../../src/cli/command.ts";
import { asksForJson, parseCommandLine } from "../../../src/cli/parse_flags.ts";

const sample = defineCommand({
  name: "sample",
  summary: "Do it",
  flags: {
    timeout: { kind: "duration", default: "30s", summary: "How long" },
    wait: { kind: "boolean", default: true, summary: "Wait" },
    env: { kind: "list", short: "e", summary: "Variables" },
    count: { kind: "integer", short: "n", min: 1, max: 9, summary: "How many" },
    mode: { kind: "string", choices: ["fast", "slow"], summary: "How" },
  },
  positionals: [{ name: "ALIAS", summary: "Which" }],
  rest: { name: "COMMAND", summary: "What" },
  async *run() {},
  format: () => "",
});

const parse = (...args: string[]) => parseCommandLine(sample, args);

Deno.test("parseCommandLine gives flags their types and defaults", () => {
  assert.deepEqual(parse("-e", "a=b", "--env=c", "-n5", "--no-wait", "here").input, {
    flags: {
      timeout: 30_000,
      wait: false,
      env: ["a=b", "c"],
      count: 5,
      mode: undefined,
      help: undefined,
      json: undefined,
    },
    positionals: ["here"],
    rest: [],
  });
});

Deno.test("parseCommandLine leaves every word behind the positionals alone, flags too", () => {
  assert.deepEqual(parse("here", "ls", "-la", "--json", "--", "x").input.rest, ["ls", "-la", "--json", "--", "x"]);
  assert.deepEqual(parse("here", "--", "--json").input.rest, ["--json"]);
});

Deno.test("asksForJson tells the command's own --json, wherever its other words are wrong", () => {
  const asks = (...args: string[]) => asksForJson(sample, args);
  assert.deepEqual([asks("here", "ls", "--json"), asks("here", "--", "--json"), asks()], [false, false, false]);
  assert.deepEqual([asks("--json", "here", "ls"), asks("--json", "--tmeout"), asks("-nx", "--json")], [
    true,
    true,
    true,
  ]);
  const { rest: _, ...plain } = sample;
  assert.equal(asksForJson(plain, ["here", "surplus", "--json"]), true);
});

Deno.test("parseCommandLine takes flags among words that are no command line", () => {
  const words = { ...sample, rest: { name: "WHAT...", summary: "What", hasFlags: () => true } };
  const args = ["here", "one", "--json", "two", "-n5", "--", "--three"];
  const { input } = parseCommandLine(words, args);
  assert.deepEqual([input.rest, input.flags.count], [["one", "two", "--three"], 5]);
  assert.equal(asksForJson(words, args), true);
  assert.throws(() => parseCommandLine(words, ["here", "one", "--nonsense"]), { code: "usage" });
});

Deno.test("parseCommandLine names what it cannot use", () => {
  const table: [string[], string, string | undefined][] = [
    [["--tmeout", "1s", "a"], "Cannot use --tmeout: porthole sample has no such flag", "Did you mean --timeout?"],
    [["-x", "a"], "Cannot use -x: porthole sample has no such flag", "porthole sample --help"],
    [["--timeout", "soon", "a"], 'Cannot parse --timeout as a duration such as "30s": got "soon"', undefined],
    [["-n", "10", "a"], 'Cannot parse -n as a whole number from 1 to 9: got "10"', undefined],
    [["-n", "x", "a"], 'Cannot parse -n as a whole number from 1 to 9: got "x"', undefined],
    [["--mode", "warp", "a"], 'Cannot use --mode "warp": it must be fast or slow', undefined],
    [["--wait=yes", "a"], 'Cannot give --wait a value: it is a switch, got "yes"', undefined],
    [["--mode"], "Cannot use --mode without a value", undefined],
    [[], "Cannot run porthole sample without ALIAS: Which", "porthole sample --help"],
  ];
  for (const [args, message, hint] of table) {
    assert.throws(() => parse(...args), (error: unknown) => {
      const { code, message: got, hint: gotHint } = error as { code: string; message: string; hint?: string };
      assert.equal(code, "usage");
      assert.equal(got, message);
      if (hint !== undefined) assert.equal(gotHint, hint);
      return true;
    });
  }
});
