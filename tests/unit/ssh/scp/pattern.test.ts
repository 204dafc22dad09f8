import assert from "node:assert/strict";
import { matchesPattern, parsePattern } from "../../../../src/ssh/scp/pattern.ts";
import { splitShellWords } from "../../../../src/ssh/scp/shell_words.ts";

function matches(pattern: string, name: string): boolean {
  return matchesPattern(parsePattern(splitShellWords(pattern)?.[0] ?? []), name);
}

Deno.test("matchesPattern matches as a shell does", () => {
  const cases: [string, string[], string[]][] = [
    ["*", ["a", "abc", "ü"], [".hidden"]],
    ["*.txt", ["a.txt", "a.txt.txt"], ["a.txt2", ".txt"]],
    [".*", [".a"], ["a"]],
    ["?", ["a", "😀"], ["", "ab", "."]],
    ["a*b*c", ["abc", "aXbbYc"], ["ab", "acb"]],
    ["[abc]x", ["ax", "cx"], ["dx", "x"]],
    ["[!a-c]", ["d", "-"], ["a", "b"]],
    ["[^a]", ["b"], ["a"]],
    ["[]x]", ["]", "x"], ["["]],
    ["[a-]", ["a", "-"], ["b"]],
    ["[ab", ["[ab"], ["a"]],
    ["\\*", ["*"], ["a"]],
    ["'*'?", ["*a"], ["ba"]],
    ["[a'-'c]", ["a", "-", "c"], ["b"]],
    ["[!x]", [], [".", "x"]],
  ];
  for (const [pattern, yes, no] of cases) {
    for (const name of yes) assert.equal(matches(pattern, name), true, `${pattern} ${name}`);
    for (const name of no) assert.equal(matches(pattern, name), false, `${pattern} ${name}`);
  }
});

Deno.test("matchesPattern takes no exponential time for many stars", () => {
  assert.equal(matches("*a".repeat(60) + "b", "a".repeat(255)), false);
});
