import assert from "node:assert/strict";
import { parseTestScript } from "../../../src/testing/test_script.ts";

Deno.test("parseTestScript reads users, files, handlers and faults", () => {
  const script = parseTestScript(
    JSON.stringify({
      user: "ci",
      password: "p",
      strict: true,
      files: [{ path: "/a", content: "x", mode: "0600", mtime: 5 }, { path: "/b", base64: "AAE=" }],
      exec: [{ command: "a", stdout: "b", code: 3 }, { pattern: "^c", output: [{ delay: "5ms" }, { stderr: "e" }] }],
      faults: [{ name: "drop", times: 1 }],
    }),
    "s.json",
  );
  assert.deepEqual([script.user, script.password, script.strict], ["ci", "p", true]);
  assert.deepEqual(script.files, [
    { path: "/a", content: "x", options: { mode: "0600", mtime: 5 } },
    { path: "/b", content: new Uint8Array([0, 1]), options: {} },
  ]);
  assert.deepEqual(script.exec, [
    { matcher: "a", reply: { stdout: "b", code: 3 } },
    { matcher: /^c/, reply: { output: [{ delay: "5ms" }, { stderr: "e" }] } },
  ]);
  assert.deepEqual(script.faults, [{ name: "drop", times: 1 }]);
});

Deno.test("parseTestScript says what is wrong, and in which file", () => {
  const cases: [string, RegExp][] = [
    ["{", /^Cannot use the script "s\.json": /],
    ["[]", /the script must be an object: got \[\]/],
    ['{"file": []}', /the script has no field "file": it may have user, /],
    ['{"files": [{}]}', /a file needs "path"/],
    ['{"files": [{"path": "/a", "mode": "rw"}]}', /A mode must be octal such as "0644": got "rw"/],
    ['{"exec": [{"command": "x", "code": "1"}]}', /code must be a number: got "1"/],
    ['{"exec": [{"command": "x", "delay": "5"}]}', /Cannot parse delay as a duration/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseTestScript(text, "s.json"), { code: "config_invalid", message }, text);
  }
});
