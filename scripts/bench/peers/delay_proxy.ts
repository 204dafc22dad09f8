/**
 * A long line on loopback: delay_proxy.ts TARGET_PORT ROUND_TRIP_MS passes every byte on half a round trip later.
 *
 * For machines whose kernel has no netem. How much is on the way is bounded by its memory alone, as on a fat line.
 */
const [targetPort = "0", roundTripMs = "50"] = Deno.args;
const delayMs = Number(roundTripMs) / 2;
const READ_BYTES = 256 * 1024;
const MAX_ON_THE_WAY = 256 * 1024 * 1024;

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
Deno.stdout.writeSync(new TextEncoder().encode(`listening on ${listener.addr.port}\n`));
for await (const conn of listener) void carry(conn);

async function carry(near: Deno.TcpConn): Promise<void> {
  using far = await Deno.connect({ hostname: "127.0.0.1", port: Number(targetPort) });
  using _near = near;
  near.setNoDelay();
  far.setNoDelay();
  await Promise.allSettled([passOn(near, far), passOn(far, near)]);
}

async function passOn(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const onTheWay: Array<{ readonly dueAt: number; readonly bytes: Uint8Array | null }> = [];
  let size = 0;
  let wake: (() => void) | undefined;
  const arrive = async () => {
    for (;;) {
      const next = onTheWay[0];
      if (!next) {
        await new Promise<void>((resolve) => wake = resolve);
        continue;
      }
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0.5) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        continue;
      }
      onTheWay.shift();
      if (next.bytes === null) return await to.closeWrite();
      for (let at = 0; at < next.bytes.length;) at += await to.write(next.bytes.subarray(at));
      size -= next.bytes.length;
    }
  };
  const arriving = arrive();
  arriving.catch(() => {/* awaited below */});
  for (let bytes: Uint8Array | null = new Uint8Array(0); bytes !== null;) {
    while (size > MAX_ON_THE_WAY) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const buffer = new Uint8Array(READ_BYTES);
    const count: number | null = await from.read(buffer).catch(() => null);
    bytes = count === null ? null : buffer.slice(0, count);
    size += count ?? 0;
    onTheWay.push({ dueAt: performance.now() + delayMs, bytes });
    wake?.();
  }
  await arriving;
}
