import assert from "node:assert/strict";
import { parseScpCommand } from "../../../../src/ssh/scp/scp_command.ts";
import { wordText } from "../../../../src/ssh/scp/shell_words.ts";

Deno.test("parseScpCommand reads role, options and paths", () => {
  assert.deepEqual(parseScpCommand("scp -v -r -p -d -t -- -odd"), {
    role: "sink",
    isRecursive: true,
    keepsTimes: true,
    needsFolder: true,
    isVerbose: true,
    paths: [[..."-odd"].map((char) => ({ char, isQuoted: false }))],
  });
  const command = parseScpCommand("/usr/bin/scp -prf a 'b c'");
  assert.equal(command?.role, "source");
  assert.equal(command.keepsTimes && command.isRecursive, true);
  assert.deepEqual(command.paths.map(wordText), ["a", "b c"]);
});

Deno.test("parseScpCommand takes quotes off as a POSIX shell does", () => {
  const words: Record<string, string> = {
    "a\\ b": "a b",
    "'a  b'c": "a  bc",
    '"a\'b"': "a'b",
    '"a\\"b\\\\c\\d"': 'a"b\\c\\d',
    "'it'\\''s'": "it's",
    "a#b": "a#b",
    "\\*x": "*x",
    "''": "",
    "a=b": "a=b",
  };
  for (const [line, text] of Object.entries(words)) {
    assert.deepEqual(parseScpCommand(`scp -t ${line}`)?.paths.map(wordText), [text], line);
  }
});

Deno.test("parseScpCommand leaves to a shell what needs one, and what is not the far side of scp", () => {
  const others = [
    "scp a b:c",
    "scp -t -f x",
    "scp -f",
    "scp -t x; rm -rf y",
    "scp -t x && y",
    "scp -t $HOME",
    'scp -t "$HOME"',
    'scp -t "`id`"',
    "scp -t `id`",
    "scp -t x > y",
    "scp -t x # y",
    "scp -t {a,b}",
    "scp -t (a)",
    "scp -t 'x",
    'scp -t "x',
    "scp -t x\\",
    "scp -t x\ny",
    "scp -f [[:alpha:]]*",
    "scp -t -o x",
    "scp -S evil -t x",
    "FOO=1 scp -t x",
    "./scp -t x",
    "sudo scp -t x",
    "",
    "  ",
  ];
  for (const line of others) assert.equal(parseScpCommand(line), null, line);
});
