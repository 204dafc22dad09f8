import { Buffer } from "node:buffer";
import { AppError } from "../../base/errors.ts";
import { BaseAgent } from "../ssh2_adapter.ts";
import { connectSsh, type ConnectSshOptions } from "./connect.ts";

/** Options of {@link isKeyAccepted}. */
export interface ProbePublicKeyOptions extends Omit<ConnectSshOptions, "credentials"> {
  /** RFC 4253 6.6. */
  readonly publicBlob: Uint8Array;
}

/**
 * True when the server would take a log-in with the key, asked without its private half (RFC 4252 7, the query without
 * a signature).
 *
 * @throws AppError as `connectSsh`, but for the refusal that is the answer.
 */
export async function isKeyAccepted({ publicBlob, ...options }: ProbePublicKeyOptions): Promise<boolean> {
  const agent = new PublicHalfAgent(Buffer.from(publicBlob));
  try {
    const connection = await connectSsh({ ...options, credentials: { agent } });
    await connection.close();
    return true;
  } catch (error) {
    if (agent.wasAskedToSign) return true;
    if (error instanceof AppError && error.code === "auth_denied") return false;
    throw error;
  }
}

/** An agent with the public half alone: that it is asked for a signature is the server's yes. */
class PublicHalfAgent extends BaseAgent<Buffer> {
  wasAskedToSign = false;

  constructor(private readonly publicBlob: Buffer) {
    super();
  }

  override getIdentities(done: (error: Error | undefined, keys?: Buffer[]) => void): void {
    done(undefined, [this.publicBlob]);
  }

  override sign(_key: unknown, _data: Buffer, ...rest: readonly unknown[]): void {
    this.wasAskedToSign = true;
    const done = rest.at(-1);
    if (typeof done === "function") done(new Error("the private half is not here"));
  }
}
