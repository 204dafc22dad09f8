import assert from "node:assert/strict";
import { readBlocks, type TransferFile, writeBlocks } from "../../../../src/ssh/sftp/client_transfer.ts";

interface Asked {
  readonly position: number;
  readonly length: number;
  answer(): void;
}

/** A far file whose answers come when the test says so. Its byte at `n` is `n % 251`. */
class FakeFile implements TransferFile {
  readonly maxReadBytes = 1000;
  readonly maxWriteBytes = 1000;
  readonly asked: Asked[] = [];
  /** How many requests were under way each time that answers were given. */
  readonly rounds: number[] = [];
  written = 0;

  constructor(readonly size: number, readonly toldSize = size, readonly maxAnswerBytes = Infinity) {}

  read(position: number, length: number): Promise<Uint8Array | null> {
    const end = Math.min(this.size, position + Math.min(length, this.maxAnswerBytes));
    const bytes = Uint8Array.from({ length: Math.max(0, end - position) }, (_, at) => (position + at) % 251);
    return this.#later({ position, length }, bytes.length === 0 ? null : bytes);
  }

  stat(): Promise<{ size: number }> {
    return Promise.resolve({ size: this.toldSize });
  }

  prepareWrite(length: number) {
    const packet = new Uint8Array(length);
    return { packet, data: packet };
  }

  sendWrite(_packet: Uint8Array, { position, length }: { position: number; length: number }): Promise<void> {
    return this.#later({ position, length }, undefined).then(() => {
      this.written += length;
    });
  }

  /** Answers all that is asked, again and again, as one round trip after another, until `work` has ended. */
  async answerUntil<T>(work: Promise<T>, order: (asked: Asked[]) => Asked[] = (asked) => asked): Promise<T> {
    let isOver = false;
    const over = work.finally(() => isOver = true);
    over.catch(() => {/* told below */});
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.asked.length > 0) this.rounds.push(this.asked.length);
      for (const { answer } of order(this.asked.splice(0))) answer();
    }
    return await over;
  }

  #later<T>(place: { position: number; length: number }, value: T): Promise<T> {
    return new Promise((resolve) => this.asked.push({ ...place, answer: () => resolve(value) }));
  }
}

async function collect(file: FakeFile, options: Parameters<typeof readBlocks>[1] = {}): Promise<number[]> {
  const bytes: number[] = [];
  for await (const block of readBlocks(file, options)) bytes.push(...block);
  return bytes;
}

const wanted = (size: number) => Array.from({ length: size }, (_, at) => at % 251);

Deno.test("readBlocks doubles the requests under way with each round trip", async () => {
  const file = new FakeFile(100_000);
  assert.deepEqual(await file.answerUntil(collect(file)), wanted(100_000));
  const [first, second = 0, third = 0] = file.rounds;
  assert.equal(first, 8);
  assert.ok(second >= 15 && third >= 30, String(file.rounds));
  assert.ok(file.rounds.length <= 6, String(file.rounds));
});

Deno.test("readBlocks keeps the bytes under way within their bound", async () => {
  const file = new FakeFile(100_000);
  await file.answerUntil(collect(file, { maxInFlightBytes: 5_500 }));
  assert.equal(Math.max(...file.rounds), 5);
});

Deno.test("readBlocks gives bytes in order whatever order they come in", async () => {
  const file = new FakeFile(50_500);
  assert.deepEqual(await file.answerUntil(collect(file), (asked) => asked.toReversed()), wanted(50_500));
});

Deno.test("readBlocks asks once for what fits one block of known size, and once behind it", async () => {
  const file = new FakeFile(700);
  assert.deepEqual(await file.answerUntil(collect(file, { size: 700 })), wanted(700));
  assert.deepEqual(file.rounds, [2]);
});

Deno.test("readBlocks asks again for the rest of a short answer", async () => {
  const file = new FakeFile(20_000, 20_000, 300);
  assert.deepEqual(await file.answerUntil(collect(file)), wanted(20_000));
});

for (const told of [0, 100, 5_000, 50_000]) {
  Deno.test(`readBlocks reads a file of 5000 bytes whole when the server told ${told}`, async () => {
    const file = new FakeFile(5_000, told);
    assert.deepEqual(await file.answerUntil(collect(file)), wanted(5_000));
  });
}

Deno.test("writeBlocks doubles the requests under way, and ends when all are acknowledged", async () => {
  const file = new FakeFile(0);
  let left = 100_500;
  const source = {
    read: (into: Uint8Array) => {
      const length = Math.min(left, into.length);
      left -= length;
      return Promise.resolve(length || null);
    },
  };
  const progress: number[] = [];
  const onProgress = (doneBytes: number) => progress.push(doneBytes);
  assert.equal(await file.answerUntil(writeBlocks(file, source, { onProgress, startAt: 7 })), 100_500);
  assert.equal(file.written, 100_500);
  assert.equal(progress.at(-1), 100_507);
  assert.ok(file.rounds[0] === 8 && file.rounds.length <= 6, String(file.rounds));
});

Deno.test("writeBlocks fails as soon as a write failed, without reading on to the end", async () => {
  const file = new FakeFile(0);
  let reads = 0;
  const failing: TransferFile = {
    maxReadBytes: 1000,
    maxWriteBytes: 1000,
    read: file.read.bind(file),
    stat: file.stat.bind(file),
    prepareWrite: file.prepareWrite.bind(file),
    sendWrite: () => Promise.reject(new Error("full")),
  };
  const endless = {
    read: (into: Uint8Array) => {
      reads++;
      return Promise.resolve(into.length);
    },
  };
  await assert.rejects(writeBlocks(failing, endless, {}), { message: "full" });
  assert.ok(reads <= 9, String(reads));
});
