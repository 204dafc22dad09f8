import assert from "node:assert/strict";
import type { ByteStream } from "../../src/stream/byte_stream.ts";
import { readAttributes, type SftpAttributes } from "../../src/ssh/sftp/attributes.ts";
import { encodePacket, type Field } from "../../src/ssh/sftp/packets.ts";
import { PacketSplitter } from "../../src/ssh/sftp/packet_splitter.ts";
import { PacketType } from "../../src/ssh/sftp/protocol.ts";
import { WireReader } from "../../src/ssh/sftp/wire_reader.ts";

/** An answer, without its length; `reader` stands behind the number of the request. */
export interface RawAnswer {
  readonly type: number;
  readonly id: number;
  readonly reader: WireReader;
}

/** Speaks SFTP packet by packet, also wrongly, to look at what a server answers. */
export class RawSftpClient {
  readonly #stream: ByteStream;
  readonly #splitter = new PacketSplitter({ maxBytes: 1 << 24 });
  readonly #arrived: Uint8Array[] = [];
  readonly #early = new Map<number, RawAnswer>();
  #nextId = 1;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** The next packet; null at the end. */
  async next(): Promise<Uint8Array | null> {
    while (this.#arrived.length === 0) {
      const chunk = await this.#stream.read();
      if (!chunk) return null;
      for (const packet of this.#splitter.split(chunk)) this.#arrived.push(packet.slice());
    }
    return this.#arrived.shift() ?? null;
  }

  /** Sends INIT; the names of the extensions that VERSION tells. */
  async init(): Promise<string[]> {
    await this.#stream.write(encodePacket(PacketType.init, [{ u32: 3 }]));
    const packet = await this.next();
    assert.ok(packet);
    const reader = new WireReader(packet);
    assert.equal(reader.u8(), PacketType.version);
    assert.equal(reader.u32(), 3);
    const names: string[] = [];
    for (; reader.left > 0; reader.text()) names.push(reader.text());
    return names;
  }

  /** Sends a request without waiting; its number. */
  async send(type: number, fields: readonly Field[]): Promise<number> {
    const id = this.#nextId++;
    await this.#stream.write(encodePacket(type, [{ u32: id }, ...fields]));
    return id;
  }

  /** The answer to request `id`, whatever comes before it. */
  async answer(id: number): Promise<RawAnswer> {
    for (;;) {
      const early = this.#early.get(id);
      if (early) {
        this.#early.delete(id);
        return early;
      }
      const packet = await this.next();
      assert.ok(packet, `the server ended before it answered request ${id}`);
      const reader = new WireReader(packet);
      const answer = { type: reader.u8(), id: reader.u32(), reader };
      this.#early.set(answer.id, answer);
    }
  }

  /** The numbers of the next `count` answers in the order in which they come. */
  async order(count: number): Promise<number[]> {
    const ids: number[] = [];
    while (ids.length < count) {
      const packet = await this.next();
      assert.ok(packet);
      const reader = new WireReader(packet);
      reader.u8();
      ids.push(reader.u32());
    }
    return ids;
  }

  async request(type: number, fields: readonly Field[]): Promise<RawAnswer> {
    return await this.answer(await this.send(type, fields));
  }

  async extended(name: string, fields: readonly Field[]): Promise<RawAnswer> {
    return await this.request(PacketType.extended, [{ string: name }, ...fields]);
  }

  /** The status code and message of an answer that must be a status. */
  async status(type: number, fields: readonly Field[]): Promise<[number, string]> {
    return statusOf(await this.request(type, fields));
  }

  async open(path: string, flags: number, attributes: SftpAttributes = {}): Promise<Uint8Array> {
    return handleOf(await this.request(PacketType.open, [{ string: path }, { u32: flags }, { attributes }]));
  }

  async stat(path: string): Promise<SftpAttributes> {
    const answer = await this.request(PacketType.stat, [{ string: path }]);
    assert.equal(answer.type, PacketType.attrs);
    return readAttributes(answer.reader);
  }

  /** The bytes of a READ, or null at the end of the file. */
  async read(handle: Uint8Array, position: number, length: number): Promise<Uint8Array | null> {
    const answer = await this.request(PacketType.read, [{ string: handle }, { u64: position }, { u32: length }]);
    if (answer.type === PacketType.data) return answer.reader.bytes().slice();
    assert.deepEqual(statusOf(answer)[0], 1);
    return null;
  }
}

/** The status code and message. */
export function statusOf({ type, reader }: RawAnswer): [number, string] {
  assert.equal(type, PacketType.status);
  return [reader.u32(), reader.text()];
}

/** The handle. */
export function handleOf(answer: RawAnswer): Uint8Array {
  if (answer.type !== PacketType.handle) assert.fail(`not a handle: ${statusOf(answer)}`);
  return answer.reader.bytes().slice();
}
