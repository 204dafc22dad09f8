import { AppError } from "../base/errors.ts";
import type { ForwardSpec } from "./forward_spec.ts";

/** A tunnel with the local port that it really has. */
export interface Tunnel extends ForwardSpec {
  /** The port that was wanted and is busy, if another was taken in its place. */
  readonly busyPort?: number;
}

/** Local ends of tunnels are for this machine alone. */
export const LOCAL_ADDRESS = "127.0.0.1";

/**
 * `specs` with local ports that are free: the wanted one, else any other, no two the same.
 *
 * Between this look and the moment the tunnel listens somebody may be quicker: whoever opens it must look again then.
 * @throws AppError `already_exists` when a local port that was named is busy, or may not be listened on.
 */
export function chooseLocalPorts(specs: readonly ForwardSpec[]): readonly Tunnel[] {
  const held: Deno.Listener[] = [];
  try {
    const tunnels = new Map<ForwardSpec, Tunnel>();
    // Those that were named come first, so that none of the others takes their place.
    for (const spec of specs.toSorted((a, b) => Number(b.isLocalPortFixed) - Number(a.isLocalPortFixed))) {
      const listener = tryListen(spec.localPort) ?? (spec.isLocalPortFixed ? undefined : tryListen(0));
      if (!listener) throw busy(spec);
      held.push(listener);
      const { port } = listener.addr as Deno.NetAddr;
      const wanted = spec.localPort;
      tunnels.set(spec, { ...spec, localPort: port, ...(wanted === 0 || wanted === port ? {} : { busyPort: wanted }) });
    }
    return specs.map((spec) => tunnels.get(spec) ?? spec);
  } finally {
    for (const listener of held) listener.close();
  }
}

function tryListen(port: number): Deno.Listener | undefined {
  try {
    return Deno.listen({ hostname: LOCAL_ADDRESS, port });
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied;
    if (!isTaken) throw error;
    return undefined;
  }
}

function busy({ name, localPort, remotePort }: ForwardSpec): AppError {
  return new AppError("already_exists", `Cannot forward ${JSON.stringify(name)}: the local port ${localPort} is busy`, {
    hint: `Name another, such as ${localPort + 1 < 65_536 ? localPort + 1 : 1024}:${remotePort}, or only ${remotePort}`,
    details: { localPort },
  });
}
