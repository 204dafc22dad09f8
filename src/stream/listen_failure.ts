import { AppError } from "../base/errors.ts";
import { hostPort } from "../base/host_port.ts";
import type { TcpAddress } from "./tcp.ts";

/** The runtime has no class for a name that does not resolve. */
const NAME_FAILURE = /failed to lookup address/i;

/** What to throw for an `error` of listening: `config_invalid` where it is the address's fault, else the error itself. */
export function listenFailure(error: unknown, { hostname, port }: TcpAddress, hint: string): unknown {
  const { AddrInUse, AddrNotAvailable, PermissionDenied } = Deno.errors;
  const isAddress = error instanceof AddrInUse || error instanceof AddrNotAvailable ||
    error instanceof PermissionDenied || (error instanceof Error && NAME_FAILURE.test(error.message));
  if (!isAddress) return error;
  const place = JSON.stringify(hostPort(hostname, port));
  return new AppError("config_invalid", `Cannot listen on ${place}: ${error.message}`, { hint, cause: error });
}
