import assert from "node:assert/strict";
import { answerControlLine } from "../../../src/testing/control.ts";
import { testServer } from "../../../src/testing/mod.ts";

Deno.test("answerControlLine does what a line asks, and names the request in its reply", async () => {
  const server = testServer();
  const ask = (request: unknown) => answerControlLine(server, JSON.stringify(request));
  assert.deepEqual(await ask({ id: 7, do: "addFile", path: "/a", content: "x" }), {
    event: "reply",
    id: 7,
    result: null,
  });
  assert.equal(server.files.entry("/a")?.size, 1);
  assert.deepEqual(await ask({ do: "uploads" }), { event: "reply", id: null, result: [] });
});

Deno.test("answerControlLine tells what is wrong with a line, and what there is", async () => {
  const cases: [string, RegExp, RegExp | undefined][] = [
    ["nonsense", /^A request must be one JSON object a line: got "nonsense"$/, undefined],
    ['{"do":"dance"}', /^There is nothing called "dance" to do$/, /^There are uploaded, /],
    ['{"do":"toString"}', /^There is nothing called "toString" to do$/, /^There are uploaded, /],
    ['{"do":"waitFor","type":"log-in"}', /^There is no event "log-in"$/, /^There are connection, .*, login, /],
    ['{"do":"onExec","pattern":"("}', /^pattern must be a regular expression: got "\(": /, undefined],
    ['{"do":"addFault","fault":{"name":"drop","times":"2"}}', /times must be a whole number: got "2"$/, undefined],
  ];
  for (const [line, message, hint] of cases) {
    const { error } = await answerControlLine(testServer(), line) as {
      error: { code: string; message: string; hint?: string };
    };
    assert.equal(error.code, "usage", line);
    assert.match(error.message, message);
    if (hint) assert.match(error.hint ?? "", hint);
  }
});
