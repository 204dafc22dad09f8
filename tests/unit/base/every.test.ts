import assert from "node:assert/strict";
import { every } from "../../../src/base/every.ts";

Deno.test("every runs again and again until it is disposed", async () => {
  let count = 0;
  const third = Promise.withResolvers<void>();
  const timer = every(1, () => {
    if (++count === 3) third.resolve();
  });
  // Something must keep the process alive: every does not.
  const alive = setInterval(() => {}, 1000);
  await third.promise;
  timer[Symbol.dispose]();
  timer[Symbol.dispose]();
  clearInterval(alive);
  const seen = count;
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(count, seen);
});

Deno.test("every may be disposed by what it runs", async () => {
  let count = 0;
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 1000);
    const timer = every(1, () => {
      count++;
      timer[Symbol.dispose]();
      clearInterval(alive);
      resolve();
    });
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(count, 1);
});
