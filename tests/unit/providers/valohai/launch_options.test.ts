import assert from "node:assert/strict";
import { parseLaunch, parseParameterValue } from "../../../../src/providers/valohai/launch_options.ts";

const VALUES: readonly (readonly [string, unknown])[] = [
  ["5", 5],
  ["-0.5", -0.5],
  ["1e-4", 0.0001],
  ["true", true],
  ["false", false],
  ["True", "True"],
  ["007", "007"],
  ["1.2.3", "1.2.3"],
  ["", ""],
  ["12345678901234567890", "12345678901234567890"],
  ['"5"', "5"],
  ['"a', '"a'],
  ["s3://bucket/x", "s3://bucket/x"],
  ["1e999", "1e999"],
];

for (const [text, value] of VALUES) {
  Deno.test(`parseParameterValue reads ${text || "nothing"} as ${typeof value}`, () => {
    assert.deepEqual(parseParameterValue(text), value);
  });
}

const parse = (options: Record<string, unknown>, more = {}) => parseLaunch({ command: [], env: {}, options, ...more });

Deno.test("parseLaunch needs a step and refuses a command", () => {
  assert.throws(() => parse({}), { code: "usage", message: "Cannot launch on Valohai without a step" });
  assert.throws(() => parse({ step: "train" }, { command: ["python", "x.py"] }), {
    code: "usage",
    message: 'Cannot run "python x.py" on Valohai: a step has its own command',
  });
});

Deno.test("parseLaunch refuses what Valohai has no option for, and takes --name as the title", () => {
  assert.throws(() => parse({ step: "train", hold: "always" }), { code: "usage" });
  assert.equal(parse({ step: "train", hold: undefined, rsa: false }, { name: "night" }).title, "night");
  assert.throws(() => parse({ step: "train", title: "a" }, { name: "b" }), { code: "usage" });
});

Deno.test("parseLaunch rejects a parameter or an input without a value", () => {
  for (const options of [{ param: ["epochs"] }, { param: ["=5"] }, { input: ["data"] }]) {
    assert.throws(() => parse({ step: "train", ...options }), { code: "usage" });
  }
});

Deno.test("parseLaunch keeps a parameter called __proto__ a parameter", () => {
  assert.deepEqual(Object.keys(parse({ step: "train", param: ["__proto__=1", "a=2"] }).parameters), ["__proto__", "a"]);
});
