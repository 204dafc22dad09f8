import { Buffer } from "node:buffer";
import { once } from "node:events";
import { Client } from "../../src/ssh/ssh2_adapter.ts";

/** Numbers of messages (RFC 4250 4.1). */
export const MSG = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  kexInit: 20,
  newKeys: 21,
  kexEcdhInit: 30,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  infoResponse: 61,
  globalRequest: 80,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  windowAdjust: 93,
  channelData: 94,
  channelRequest: 98,
} as const;

/** RFC 4251 5: `uint32`. */
export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** RFC 4251 5: `string`. */
export function string(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return joined(uint32(bytes.length), bytes);
}

/** Pieces in one; a number is one byte. */
export function joined(...pieces: ReadonlyArray<Uint8Array | number>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(pieces.flatMap((piece) => typeof piece === "number" ? [piece] : [...piece]));
}

/** A packet as it is before any key is agreed upon (RFC 4253 6). */
export function plainPacket(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const padding = 4 + (16 - (payload.length + 9) % 8) % 8;
  const total = payload.length + padding + 1;
  const fill = (8 - (total + 4) % 8) % 8;
  return joined(uint32(total + fill), padding + fill, payload, new Uint8Array(padding + fill));
}

/** A KEXINIT that any server of ours agrees to (RFC 4253 7.1). */
export function kexInit({ isStrict = false, kex = "curve25519-sha256" } = {}): Uint8Array {
  const cipher = "chacha20-poly1305@openssh.com";
  const mac = "hmac-sha2-256-etm@openssh.com";
  const kexes = isStrict ? `${kex},kex-strict-c-v00@openssh.com` : kex;
  const lists = [kexes, "ssh-ed25519", cipher, cipher, mac, mac, "none", "none", "", ""];
  return joined(MSG.kexInit, new Uint8Array(16), ...lists.map(string), 0, uint32(0));
}

/** A TCP connection that says whatever it is told to. */
export class RawPeer implements Disposable {
  readonly #conn: Deno.TcpConn;
  #read = new Uint8Array(0);

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects; with `greeting` it says what it is, and has read what the server is. */
  static async open(port: number, { greeting = true } = {}): Promise<RawPeer> {
    const conn = await Deno.connect({ port });
    conn.setNoDelay(true);
    const peer = new RawPeer(conn);
    if (!greeting) return peer;
    await peer.send("SSH-2.0-hostile\r\n");
    await peer.until((bytes) => bytes.indexOf(10) + 1 || undefined);
    return peer;
  }

  /** Sends bytes as they are. Rejects when the connection is gone. */
  async send(bytes: Uint8Array | string): Promise<void> {
    const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    for (let at = 0; at < all.length;) at += await this.#conn.write(all.subarray(at));
  }

  /** Sends a packet without encryption. */
  sendPacket(payload: Uint8Array): Promise<void> {
    return this.send(plainPacket(payload));
  }

  /** Reads until `taken` says how many bytes make up what was waited for, and returns them. @throws Error at the end */
  async until(taken: (bytes: Uint8Array) => number | undefined): Promise<Uint8Array> {
    for (;;) {
      const count = taken(this.#read);
      if (count !== undefined) {
        const found = this.#read.slice(0, count);
        this.#read = this.#read.slice(count);
        return found;
      }
      const more = await this.#receive();
      if (!more) throw new Error(`The connection ended behind ${JSON.stringify(new TextDecoder().decode(this.#read))}`);
      this.#read = joined(this.#read, more);
    }
  }

  /** The payload of the next packet that is not encrypted. */
  async readPacket(): Promise<Uint8Array> {
    const packet = await this.until((bytes) => {
      if (bytes.length < 4) return undefined;
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) + 4;
      return bytes.length < length ? undefined : length;
    });
    return packet.subarray(5, packet.length - (packet[4] ?? 0));
  }

  /** All that still comes, as text, once the server has closed. Rejects when that takes longer than `ms`. */
  async rest(ms = 5000): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Still open after ${ms} ms`)), ms);
    });
    try {
      return await Promise.race([this.#readToEnd(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // Closed before.
    }
  }

  async #readToEnd(): Promise<string> {
    let text = new TextDecoder("latin1").decode(this.#read);
    for (;;) {
      const more = await this.#receive();
      if (!more) return text;
      text += new TextDecoder("latin1").decode(more);
    }
  }

  async #receive(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(65_536);
    try {
      const count = await this.#conn.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    } catch {
      // Reset: the other way to close.
      return null;
    }
  }
}

interface PacketWriter {
  readonly allocStart: number;
  alloc(length: number): Uint8Array;
  finalize(packet: Uint8Array): Uint8Array;
}

interface WithProtocol {
  readonly _protocol: {
    readonly _packetRW: { readonly write: PacketWriter };
    readonly _cipher: { encrypt(packet: Uint8Array): void };
    _onPayload(payload: Uint8Array): unknown;
    service(name: string): void;
  };
}

/** A client behind the key exchange, logged in or not, that sends whatever payload it is told to, encrypted. */
export class EncryptedPeer implements Disposable {
  readonly #client: Client;
  readonly received: Uint8Array[] = [];
  readonly closed: Promise<void>;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(client: Client) {
    this.#client = client;
    client.on("error", () => {/* "close" follows */});
    this.closed = new Promise<void>((resolve) => client.once("close", () => resolve())).then(() => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** Logs in with `privateKey`; without one it stops behind the key exchange. */
  static async open(port: number, { privateKey }: { readonly privateKey?: string } = {}): Promise<EncryptedPeer> {
    const client = new Client();
    const peer = new EncryptedPeer(client);
    const key = privateKey === undefined ? {} : { privateKey };
    const event = once(client, privateKey === undefined ? "handshake" : "ready");
    client.connect({ host: "127.0.0.1", port, username: "x", ...key });
    const { _protocol: protocol } = client as unknown as WithProtocol;
    // Without a key it asks for nothing by itself.
    if (privateKey === undefined) protocol.service = () => {};
    // Before the first keys are in use: what takes the messages is chosen then.
    const next = protocol._onPayload;
    let isUp = false;
    protocol._onPayload = (payload) => {
      if (!isUp) return next(payload);
      peer.received.push(payload.slice());
      peer.#wake?.();
      return undefined;
    };
    await event;
    isUp = true;
    return peer;
  }

  /** Sends one message. */
  send(payload: Uint8Array): void {
    const { _protocol: { _packetRW: { write }, _cipher: cipher } } = this.#client as unknown as WithProtocol;
    const packet = write.alloc(payload.length);
    packet.set(payload, write.allocStart);
    cipher.encrypt(write.finalize(packet));
  }

  /** Waits for a message that `isWanted`. @throws Error when the connection closes before */
  async receive(isWanted: (payload: Uint8Array) => boolean): Promise<Uint8Array> {
    for (;;) {
      const at = this.received.findIndex(isWanted);
      if (at >= 0) return this.received.splice(at, 1)[0] ?? Buffer.alloc(0);
      if (this.#isClosed) throw new Error("The connection was closed");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Stops reading, for good. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** What the far side has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  get #socket(): { pause(): void; readonly writableLength: number } {
    return (this.#client as unknown as { readonly _sock: { pause(): void; readonly writableLength: number } })._sock;
  }

  /** Resolves when the far side has closed. Rejects when that takes longer than `ms`. */
  async closedWithin(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Still open after ${ms} ms`)), ms);
    });
    await Promise.race([this.closed, late]).finally(() => clearTimeout(timer));
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}

/** Opens a session channel numbered `sender` on the client's side. */
export function openSession(sender: number, { window = 2 ** 21, packetSize = 32_768 } = {}): Uint8Array {
  return joined(MSG.channelOpen, string("session"), uint32(sender), uint32(window), uint32(packetSize));
}

/** A channel request whose own fields are `fields`. */
export function channelRequest(channel: number, type: string, ...fields: readonly Uint8Array[]): Uint8Array {
  return joined(MSG.channelRequest, uint32(channel), string(type), 1, ...fields);
}
