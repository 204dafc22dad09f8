import assert from "node:assert/strict";
import { AnswerOrder } from "../../../../src/ssh/sftp/answer_order.ts";

Deno.test("AnswerOrder passes answers on in the order of their requests", () => {
  const sent: number[] = [];
  const order = new AnswerOrder(([first = 0]) => sent.push(first));
  const packet = (number: number) => new Uint8Array([number]);
  order.answer(packet(1));
  assert.deepEqual(sent, [1]);
  const second = order.reserve();
  order.answer(packet(3));
  const fourth = order.reserve();
  fourth(packet(4));
  order.answer(packet(5));
  assert.deepEqual(sent, [1]);
  assert.ok(order.waitingBytes > 3);
  second(packet(2));
  assert.deepEqual(sent, [1, 2, 3, 4, 5]);
  assert.equal(order.waitingBytes, 0);
});
