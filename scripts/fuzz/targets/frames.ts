import { AppError } from "../../../src/base/errors.ts";
import { parseModes } from "../../../src/ssh/server/request_reader.ts";
import { BufferedSource } from "../../../src/stream/buffered_source.ts";
import { readHttpHead } from "../../../src/stream/http_head.ts";
import { FrameReader } from "../../../src/stream/resume/frame_reader.ts";
import {
  DATA_HEADER_BYTES,
  encodeAck,
  encodeClose,
  encodeFin,
  encodeResume,
  encodeWelcome,
  writeDataHeader,
} from "../../../src/stream/resume/protocol.ts";
import { FrameDecoder, parseClosePayload } from "../../../src/stream/websocket_decoder.ts";
import { encodeFrame, OPCODE } from "../../../src/stream/websocket_frame.ts";
import { type FuzzTarget, mustHold, texts } from "../target.ts";

const UPGRADE = "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\nrest";
const ID = new Uint8Array(32).fill(7);

/** A DATA frame as one end sends it. */
export function dataFrame(sequence: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(DATA_HEADER_BYTES + payload.length);
  writeDataHeader(frame, 0, { sequence, ack: 0, length: payload.length });
  frame.set(payload, DATA_HEADER_BYTES);
  return frame;
}

/** One frame of each kind. */
export const RESUME_SEEDS: readonly Uint8Array[] = [
  encodeResume({ id: ID, received: 5 }),
  encodeWelcome({ id: ID, received: 0, holdSeconds: 900 }),
  encodeAck(1),
  encodeFin({ sequence: 3, ack: 1 }),
  encodeClose(1),
  dataFrame(0, new Uint8Array(3)),
  dataFrame(3, new Uint8Array(300)),
];

/** Decoders of frames and heads, which must give the same however the bytes are cut. */
export const FRAME_TARGETS: readonly FuzzTarget[] = [
  ...(["client", "server"] as const).map((role): FuzzTarget => {
    const mask = role === "server" ? 0x01020304 : undefined;
    return {
      name: `websocket-decoder-${role}`,
      seeds: [OPCODE.binary, OPCODE.text, OPCODE.ping, OPCODE.close, OPCODE.continuation].flatMap((opcode) =>
        [0, 5, 125, 126, 70_000].filter((length) => opcode < OPCODE.close || length <= 125)
          .map((length) => encodeFrame(opcode, new Uint8Array(length).fill(3), mask))
      ),
      run(input, random) {
        const whole = decodeAll(role, [input.slice()]);
        const cut = decodeAll(role, random.cut(input));
        mustHold(whole === cut, `cut otherwise it gives otherwise: ${whole.slice(-200)} and ${cut.slice(-200)}`);
      },
    };
  }),
  {
    name: "resume-frame-reader",
    seeds: RESUME_SEEDS,
    run(input, random) {
      const whole = readFrames([input]);
      const cut = readFrames(random.cut(input));
      mustHold(whole === cut, `cut otherwise it gives otherwise: ${whole.slice(-200)} and ${cut.slice(-200)}`);
    },
  },
  {
    name: "http-head",
    seeds: texts(UPGRADE, "GET / HTTP/1.1\n\n", "HTTP/1.1 200 OK\r\nA: b\r\nA: c\r\n\r\nbody"),
    tokens: texts("\r\n", "\n", "\r", ": ", "\0", "HTTP/1.1", "\r\n\r\n"),
    async run(input, random) {
      const pieces = random.cut(input);
      const source = new BufferedSource({ read: (into) => Promise.resolve(readPiece(pieces, into)) });
      const head = await readHttpHead(source, random.once(2) ? { mustStartWith: "HTTP/" } : {});
      mustHold(head === null || source.buffered.length <= input.length, "more than there was");
    },
  },
  {
    name: "small-frames",
    seeds: [new Uint8Array([3, 232, 65, 66]), new Uint8Array([1, 0, 0, 0, 3, 53, 0, 0, 0, 1, 0])],
    run(input) {
      parseModes(input);
      parseClosePayload(input);
    },
  },
];

function readPiece(pieces: Uint8Array[], into: Uint8Array): number | null {
  const piece = pieces.shift();
  if (!piece) return null;
  const taken = piece.subarray(0, into.length);
  into.set(taken);
  if (taken.length < piece.length) pieces.unshift(piece.subarray(taken.length));
  return taken.length;
}

/** What came out, as text to compare: payload, control frames, and how it ended. */
function decodeAll(role: "client" | "server", pieces: readonly Uint8Array[]): string {
  const payload: string[] = [];
  const controls: string[] = [];
  const decoder = new FrameDecoder({
    role,
    maxFrameBytes: 100_000,
    onControl: (opcode, bytes) => controls.push(`${opcode}:${bytes.toHex()}`),
  });
  try {
    for (const piece of pieces) payload.push(decoder.decode(piece).toHex());
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // What came in front of the fault is handed out or not, as it was cut: only that it ended so is the same.
    return `${controls} ${error.message}`;
  }
  return `${payload.join("")} ${controls} ${decoder.isBetweenFrames}`;
}

function readFrames(pieces: readonly Uint8Array[]): string {
  const reader = new FrameReader();
  const seen: string[] = [];
  let payload = "";
  try {
    for (const piece of pieces) {
      reader.feed(piece);
      for (let frame = reader.next(); frame; frame = reader.next()) {
        if (frame.kind === "data") payload += frame.payload.toHex();
        else seen.push(JSON.stringify({ ...frame, id: "id" in frame ? frame.id.toHex() : "" }), payload);
        if (frame.kind !== "data") payload = "";
      }
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    seen.push(error.message);
  }
  return `${seen} ${payload}`;
}
