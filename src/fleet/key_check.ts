import type { AppError } from "../base/errors.ts";
import { fingerprint } from "../ssh/keys/public_key.ts";
import { type Fleet, scheduleOf } from "./fleet.ts";
import { toHostError } from "./host_error.ts";
import { readPublicKey } from "./public_key_source.ts";
import type { HostResult } from "./results.ts";
import { runOnHosts } from "./schedule.ts";

/** Whether a host would take a key. */
export interface SSHKeyCheckResult extends HostResult {
  readonly user: string;
  readonly accepted: boolean;
  readonly fingerprint: string;
}

/** Options of `keyCheck`. */
export interface KeyCheckOptions {
  /** Else whom the client logs in as. */
  readonly user?: string;
  /** Told of each host as it is done. */
  readonly onResult?: (result: SSHKeyCheckResult) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Asks every host of a client, without logging in. @throws AppError for a key that cannot be read. */
export async function checkKeyOnAll(
  fleet: Fleet,
  key: string,
  { user: givenUser, onResult, signal: callSignal }: KeyCheckOptions = {},
): Promise<SSHKeyCheckResult[]> {
  const { blob } = await readPublicKey(key, fleet.settings.environment);
  const print = await fingerprint(blob);
  return await fleet.withConnector(callSignal, ({ connector, signal }) =>
    runOnHosts(fleet.hosts, {
      async run(host) {
        const startedAt = performance.now();
        let user = givenUser ?? "";
        const common = () => ({
          host: host.host,
          user,
          dryRun: false,
          fingerprint: print,
          durationMs: elapsed(startedAt),
        });
        try {
          const settings = await connector.resolve(givenUser === undefined ? host : { ...host, user: givenUser });
          user = settings.user;
          const accepted = await connector.isKeyAccepted(settings, { publicBlob: blob, signal });
          return { ...common(), ok: true, accepted };
        } catch (error) {
          return { ...common(), ok: false, accepted: false, error: toHostError(error) };
        }
      },
      skip: ({ host }, _at, why: AppError) =>
        Promise.resolve({
          host,
          user: givenUser ?? "",
          ok: false,
          dryRun: false,
          accepted: false,
          fingerprint: print,
          error: toHostError(why),
          durationMs: 0,
        }),
      isOk: ({ ok }) => ok,
      onResult,
    }, scheduleOf(fleet.settings, signal)));
}

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
