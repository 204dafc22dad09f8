import type { Route } from "../stream/dial_route.ts";

/** How the far end is reached. */
export type TargetRoute = Route;

/**
 * All that the proxy needs to reach one attempt of one run, and no secret: `$PORTHOLE_HOME/targets/<alias>.json`, 0600.
 */
export interface TargetRecord {
  readonly version: 1;
  readonly alias: string;
  readonly provider: string;
  readonly runName: string;
  readonly actionName: string;
  readonly attempt: number;
  readonly route: TargetRoute;
  readonly user: string;
  readonly identityFile: string;
  /** The name that the host key is filed under in our known_hosts: one per run and attempt. */
  readonly hostKeyAlias: string;
  /** `yes` where the route told its host keys, `accept-new` where a foreign server cannot. */
  readonly hostKeyCheck: "yes" | "accept-new";
  /** RFC 3339. */
  readonly createdAt: string;
  /**
   * Names the provider's credential that a dial must carry, if any: never the credential itself.
   * `{ provider: "union", config: "/home/me/.flyte/config.yaml" }`.
   */
  readonly credential?: Readonly<Record<string, string>>;
}
