import assert from "node:assert/strict";
import { OutputGroups } from "../../../src/fleet/group_outputs.ts";
import { lineSplitter } from "../../../src/fleet/line_splitter.ts";
import { localNames } from "../../../src/fleet/local_names.ts";
import { createOutputStore, hostFileName } from "../../../src/fleet/output_store.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function readerOf(...pieces: readonly string[]) {
  const left = pieces.map(bytes);
  return { read: () => Promise.resolve(left.shift() ?? null), discard: () => {} };
}

Deno.test("lineSplitter keeps a character that is cut in two, and the last line without an end", () => {
  const splitter = lineSplitter();
  const [first, second] = [bytes("a\r\nb€").subarray(0, 5), bytes("a\r\nb€").subarray(5)];
  assert.deepEqual([...splitter.push(first), ...splitter.push(second), ...splitter.end()], ["a", "b€"]);
  assert.deepEqual(splitter.end(), []);
});

Deno.test("lineSplitter gives a line without an end in pieces", () => {
  const splitter = lineSplitter();
  assert.deepEqual(splitter.push(bytes("x".repeat(100_000))).map((line) => line.length), [100_000]);
});

Deno.test("OutputGroups puts equal outputs together, the majority first", () => {
  const groups = new OutputGroups();
  for (const [host, text] of [["a", "x"], ["b", "y"], ["c", "y"]] as const) groups.add(host, text);
  assert.deepEqual(groups.sorted(), [{ hosts: ["b", "c"], text: "y" }, { hosts: ["a"], text: "x" }]);
});

Deno.test("createOutputStore bounds what all outputs together keep, and writes the whole of a longer one to a file", async () => {
  const folder = await Deno.makeTempDir();
  const store = createOutputStore({ maxOutputBytes: 5, maxTotalBytes: 7, spoolFolder: () => Promise.resolve(folder) });
  const first = await store.collect(readerOf("abc", "de"), { fileName: "one" });
  assert.deepEqual(first, { text: "abcde", isTruncated: false });
  const second = await store.collect(readerOf("f", "ghi"), { fileName: "two" });
  assert.deepEqual(second, { text: "fg", isTruncated: false, file: `${folder}/two` });
  assert.equal(await Deno.readTextFile(`${folder}/two`), "fghi");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("createOutputStore without a folder drops the rest and says so", async () => {
  const store = createOutputStore({ maxOutputBytes: 2, maxTotalBytes: 100 });
  assert.deepEqual(await store.collect(readerOf("abc"), { fileName: "x" }), { text: "ab", isTruncated: true });
});

Deno.test("hostFileName makes a name of anything, and no way out of a folder", () => {
  assert.equal(hostFileName("me@web-1.example:22", "linux"), "me@web-1.example:22");
  assert.equal(hostFileName("me@web-1.example:22", "windows"), "me@web-1.example%3A22");
  assert.equal(hostFileName("../x/y"), "..%2Fx%2Fy");
  assert.equal(hostFileName(".."), "%2E%2E");
  assert.equal(hostFileName("[::1]", "linux"), "[::1]");
  assert.equal(hostFileName("[::1]", "windows"), "%5B%3A%3A1%5D");
});

Deno.test("localNames appends the host only where there are several, and never names one file twice", () => {
  const options = { src: "/var/log/app.log", dst: "logs/", isFolder: true };
  assert.deepEqual(localNames(["web1"], options), ["logs/app.log"]);
  assert.deepEqual(localNames(["web1", "Web1", "web1"], options), [
    "logs/app.log.web1",
    "logs/app.log.Web1.2",
    "logs/app.log.web1.3",
  ]);
  assert.deepEqual(localNames(["a", "b"], { ...options, dst: "x.log", isFolder: false }), ["x.log.a", "x.log.b"]);
});
