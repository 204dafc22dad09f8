import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { parseProxyArgs } from "../../../src/proxy/parse_proxy_args.ts";

Deno.test("parseProxyArgs takes a URL or an alias, and options before and behind it", () => {
  assert.deepEqual(parseProxyArgs(["wss://jobs.example/run?x=1"]), {
    destination: { kind: "url", url: "wss://jobs.example/run?x=1" },
    headers: [],
    waitMs: 0,
    resumeForMs: 900_000,
  });
  assert.deepEqual(
    parseProxyArgs([
      "--headers-file",
      "h",
      "--header",
      "A=b=c",
      "train-0.a_b",
      "--header=X= y ",
      "--ca-file=c",
      "--wait",
      "1m30s",
    ]),
    {
      destination: { kind: "alias", alias: "train-0.a_b" },
      headersFile: "h",
      headers: [["A", "b=c"], ["X", "y"]],
      caFile: "c",
      waitMs: 90_000,
      resumeForMs: 900_000,
    },
  );
  assert.deepEqual(parseProxyArgs(["--", "train"]).destination, { kind: "alias", alias: "train" });
  const { resumeForMs, nobodyHereMs } = parseProxyArgs(["--resume-for", "1m", "train"]);
  assert.deepEqual([resumeForMs, nobodyHereMs], [60_000, 60_000]);
});

const HINT = "porthole proxy [--headers-file FILE] [--ca-file FILE] [--wait 60s] WSS-URL|ALIAS";
const ALIAS_HINT = "An alias begins with a letter or digit and has at most 63 of A-Z a-z 0-9 . _ -";
const REFUSED: [args: string[], message: string, hint?: string][] = [
  [[], "porthole proxy takes one URL or alias: got 0", HINT],
  [["a", "b"], "porthole proxy takes one URL or alias: got 2", HINT],
  [["--nope=hunter2", "a"], 'Unknown option "--nope"', HINT],
  [["-oProxyCommand=hunter2"], 'Unknown option "-oProxyCommand"', HINT],
  [["--__proto__=hunter2", "a"], 'Unknown option "--__proto__"', HINT],
  [["a", "--wait"], "The option --wait needs a value", HINT],
  [["--wait", "1s", "--wait", "2s", "a"], "The option --wait was given twice", HINT],
  [["--wait", "60", "a"], 'Cannot parse --wait as a duration such as "30s": got "60"'],
  [["--header", "hunter2", "a"], "The option --header needs NAME=VALUE", HINT],
  [
    ["--header", "X=hunter2\r\nY: 1", "a"],
    'Cannot send the header "X" of --header: its value holds a control character',
  ],
  [["--", "-oX"], '"-oX" is neither a ws:// or wss:// URL nor an alias', ALIAS_HINT],
  [["../x"], '"../x" is neither a ws:// or wss:// URL nor an alias', ALIAS_HINT],
  [["a/b"], '"a/b" is neither a ws:// or wss:// URL nor an alias', ALIAS_HINT],
  [[""], '"" is neither a ws:// or wss:// URL nor an alias', ALIAS_HINT],
  [["x".repeat(64)], `"${"x".repeat(64)}" is neither a ws:// or wss:// URL nor an alias`, ALIAS_HINT],
  [["a\nb"], '"a\\nb" is neither a ws:// or wss:// URL nor an alias', ALIAS_HINT],
  [["$(id)"], '"$(id)" is neither a ws:// or wss:// URL nor an alias', ALIAS_HINT],
  [
    ["https://h/"],
    'Cannot dial a URL with the scheme "https:": it must be wss: or ws:',
    "Write wss: in place of https:",
  ],
  [
    ["wss://u:hunter2@h/"],
    "Cannot dial a URL with a user name or password in it: every process on the machine could see it",
  ],
  [["wss://["], "Cannot parse the URL: it must look like wss://HOST/PATH"],
];
for (const [args, message, hint] of REFUSED) {
  Deno.test(`parseProxyArgs refuses ${JSON.stringify(args)}`, () => {
    assert.throws(() => parseProxyArgs(args), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.message, message);
      if (hint !== undefined) assert.equal(error.hint, hint);
      assert.equal(error.exitStatus, 2);
      assert.doesNotMatch(JSON.stringify(error), /hunter2/);
      return true;
    });
  });
}
