import assert from "node:assert/strict";
import { lockFile } from "../../../src/base/file_lock.ts";

Deno.test("lockFile lets one holder in at a time", async () => {
  const path = await Deno.makeTempFile();
  try {
    const order: string[] = [];
    const first = await lockFile(path);
    const second = lockFile(path).then((lock) => {
      order.push("second");
      lock[Symbol.dispose]();
    });
    order.push("first");
    first[Symbol.dispose]();
    await second;
    assert.deepEqual(order, ["first", "second"]);
  } finally {
    await Deno.remove(path);
  }
});
