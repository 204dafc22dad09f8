import { type ConnectionPlan, FaultProxy, randomFrom, type Way } from "../../tests/support/fault_proxy.ts";
import { makeSoakStage } from "./stage.ts";
import { echoThrough, SeededBytes } from "./traffic.ts";

/** What one round does. */
export interface SoakOptions {
  /** Connections that are cut before one is left alone. */
  readonly cuts: number;
  /** Sent up and sent back down. */
  readonly bytes: number;
  readonly seed: number;
  /** Flags of `porthole proxy` besides. */
  readonly proxyFlags?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

/** What one round has shown. */
export interface SoakResult {
  readonly isGood: boolean;
  /** Why it is not. */
  readonly faults: readonly string[];
  readonly connections: number;
  readonly tookMs: number;
  /** Peak resident memory in MiB; 0 where /proc does not tell. */
  readonly agentMiB: number;
  readonly proxyMiB: number;
}

/** From the first byte to where the SSH session is up: handshake, WELCOME, key exchange, login. */
const HANDSHAKE_BYTES = 6000;
const MIB = 1024 * 1024;

/** One `ssh host cat` through a proxy that cuts connection after connection at random bytes, both ways in turn. */
export async function runSoak({ cuts, bytes, seed, proxyFlags, onProgress }: SoakOptions): Promise<SoakResult> {
  const startedAt = performance.now();
  const random = randomFrom(seed);
  await using stage = await makeSoakStage();
  await using faults = new FaultProxy({
    target: { hostname: "127.0.0.1", port: stage.agentPort },
    plan: (index) => index < cuts ? planCut(random, 1.6 * bytes / Math.max(1, cuts)) : {},
  });
  const child = stage.ssh("cat", { port: faults.port, ...(proxyFlags ? { proxyFlags } : {}) });
  const peak = new PeakMemory({ agent: stage.agentPid, ssh: child.pid });
  let lastMiB = 0;
  const result = await echoThrough(child, new SeededBytes(seed, bytes), (count) => {
    if (Math.floor(count / MIB / 16) === lastMiB) return;
    lastMiB = Math.floor(count / MIB / 16);
    peak.look();
    onProgress?.(`${Math.round(count / MIB)} MiB back, ${faults.connectionCount} connections`);
  });
  const wrong = [
    ...(result.status === 0 ? [] : [`ssh ended with ${result.status}: ${result.stderr.trim()}`]),
    ...(result.bytesReceived === bytes ? [] : [`${result.bytesReceived} of ${bytes} bytes came back`]),
    ...(result.sent === result.received ? [] : ["the checksums differ"]),
  ];
  return {
    isGood: wrong.length === 0,
    faults: wrong,
    connections: faults.connectionCount,
    tookMs: performance.now() - startedAt,
    agentMiB: peak.agentMiB,
    proxyMiB: peak.proxyMiB,
  };
}

/** One cut in five falls into a handshake, the others anywhere in the traffic. */
function planCut(random: () => number, meanBytes: number): ConnectionPlan {
  const way: Way = random() < 0.5 ? "up" : "down";
  const kind = random() < 0.5 ? "cut" : "reset";
  const atByte = Math.floor(random() < 0.2 ? random() * HANDSHAKE_BYTES : random() * meanBytes);
  return { faults: [{ kind, way, atByte }] };
}

/** The most memory that agent and proxy have taken, as Linux tells it. */
class PeakMemory {
  agentMiB = 0;
  proxyMiB = 0;
  readonly #pids: { readonly agent: number; readonly ssh: number };

  constructor(pids: { readonly agent: number; readonly ssh: number }) {
    this.#pids = pids;
  }

  look(): void {
    this.agentMiB = Math.max(this.agentMiB, peakMiB(this.#pids.agent));
    for (const pid of childrenOf(this.#pids.ssh)) this.proxyMiB = Math.max(this.proxyMiB, peakMiB(pid));
  }
}

function childrenOf(pid: number): number[] {
  const text = readProc(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter((word) => word !== "").map(Number);
}

function peakMiB(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0) / 1024);
}

function readProc(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // Not Linux, or the process has ended: there is nothing to tell.
  }
}
