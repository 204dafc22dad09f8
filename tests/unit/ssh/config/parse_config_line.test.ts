import assert from "node:assert/strict";
import { AppError } from "../../../../src/base/errors.ts";
import { parseConfigLine, splitArguments } from "../../../../src/ssh/config/parse_config_line.ts";
import { parseJumps } from "../../../../src/ssh/config/parse_jumps.ts";
import { parseKnownHosts } from "../../../../src/ssh/known_hosts/known_hosts_line.ts";

Deno.test("splitArguments knows both quotes, escapes and comments", () => {
  assert.deepEqual(splitArguments(`a "b c" 'd "e' f\\ g "h\\"i" j\\k l"m"n # o`, "x"), [
    "a",
    "b c",
    'd "e',
    "f g",
    'h"i',
    "j\\k",
    "lmn",
  ]);
  assert.deepEqual(splitArguments(`"" a#b "#c"`, "x"), ["", "a#b", "#c"]);
  assert.throws(() => splitArguments("'a", '"config" line 3'), {
    code: "config_invalid",
    message: `Cannot read "config" line 3: the quote ' is not closed`,
  });
});

Deno.test("parseConfigLine keeps the rest of the line as it stands", () => {
  assert.deepEqual(parseConfigLine("\tProxyCommand = nc  -x 'a'  %h # not a comment to a shell\r", "x"), {
    keyword: "proxycommand",
    args: ["nc", "-x", "a", "%h"],
    rest: "nc  -x 'a'  %h # not a comment to a shell",
    place: "x",
  });
  assert.equal(parseConfigLine("  # a comment", "x"), undefined);
  assert.equal(parseConfigLine(" \t ", "x"), undefined);
});

Deno.test("parseJumps reads hosts, users, ports, addresses and URIs", () => {
  assert.deepEqual(parseJumps("a@b:22, ssh://c@[::1]:24/,::1,d", "x"), [
    { host: "b", user: "a", port: 22 },
    { host: "::1", user: "c", port: 24 },
    { host: "::1" },
    { host: "d" },
  ]);
  for (const text of ["", "a,", "@b", "a:", "a:70000", "[::1", "a@:22"]) {
    assert.throws(() => parseJumps(text, "x"), { code: "config_invalid" });
  }
});

Deno.test("the parsers of ssh_config and known_hosts take any text: a result or an AppError, at once", () => {
  const pieces = [
    "Host ",
    "|1|",
    "=",
    '"',
    "'",
    "\\",
    " ",
    "\t",
    "#",
    "@revoked",
    ",",
    "!",
    "*",
    "[",
    "]:",
    "ssh-rsa ",
    "AAAA",
    "\u2028",
    "\r",
    "\u0000",
  ];
  let state = 7;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random(40) }, () => pieces[random(pieces.length)] ?? "").join("");
    for (const parse of [parseConfigLine, parseJumps, parseKnownHosts]) {
      try {
        parse(text, "x");
      } catch (error) {
        assert.ok(error instanceof AppError, JSON.stringify(text));
      }
    }
  }
  const blanks = " ".repeat(500_000);
  parseKnownHosts(`a${blanks}\u2028${blanks}b`, "x");
  parseConfigLine(`Host${blanks}\u2028${blanks}b`, "x");
});
