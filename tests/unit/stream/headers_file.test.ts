import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { parseHeaders, readHeadersFile } from "../../../src/stream/headers_file.ts";

Deno.test("parseHeaders reads Name: value lines and leaves out comments and empty lines", () => {
  const text = "\ufeff# token of today\r\nAuthorization: Bearer a:b c \r\n\r\n  # more\nX-Empty:\nX-Tab:\tv\n";
  assert.deepEqual(parseHeaders(text, "h"), [["Authorization", "Bearer a:b c"], ["X-Empty", ""], ["X-Tab", "v"]]);
});

const REFUSED: [line: string, message: string][] = [
  ["just hunter2", 'Cannot read line 2 of "h": it is not `Name: value`'],
  [": hunter2", 'Cannot read line 2 of "h": it is not `Name: value`'],
  ["Bad Name: hunter2", 'Cannot send the header of line 2 of "h": its name is not a valid HTTP field name'],
  [" Folded: hunter2", 'Cannot send the header of line 2 of "h": its name is not a valid HTTP field name'],
  ["Name : hunter2", 'Cannot send the header of line 2 of "h": its name is not a valid HTTP field name'],
  ["X: hunter2\rY: 1", 'Cannot send the header "X" of line 2 of "h": its value holds a control character'],
  ["X: hunter2\0", 'Cannot send the header "X" of line 2 of "h": its value holds a control character'],
  ["X: hunter2\u{1f511}", 'Cannot send the header "X" of line 2 of "h": its value holds a control character'],
  ["Sec-WebSocket-Key: hunter2", 'Cannot send the header "Sec-WebSocket-Key" of line 2 of "h": porthole sets it'],
  ["Upgrade: hunter2", 'Cannot send the header "Upgrade" of line 2 of "h": porthole sets it'],
];
for (const [line, message] of REFUSED) {
  Deno.test(`parseHeaders refuses ${JSON.stringify(line)} by its line and without its value`, () => {
    assert.throws(() => parseHeaders(`A: b\n${line}\n`, "h"), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "config_invalid");
      assert.equal(error.message, message);
      assert.doesNotMatch(JSON.stringify(error), /hunter2/);
      return true;
    });
  });
}

Deno.test("readHeadersFile refuses a file that others can read, with the chmod to run", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "A: b\n");
    await Deno.chmod(path, 0o644);
    await assert.rejects(readHeadersFile(path), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "unsafe_file");
      assert.match(
        error.message,
        /^The headers file ".*" must be readable by its owner alone \(0600\): its mode is 0644$/,
      );
      assert.equal(error.hint, `chmod 600 ${path}`);
      return true;
    });
    await Deno.chmod(path, 0o600);
    assert.deepEqual(await readHeadersFile(path), [["A", "b"]]);
  } finally {
    await Deno.remove(path);
  }
});
