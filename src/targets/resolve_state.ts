import { AppError } from "../base/errors.ts";
import type { TargetRoute } from "./target.ts";

/** The action that a run begins with, on platforms whose runs have actions. */
export const ROOT_ACTION = "a0";

/** Which run, of those a provider knows. */
export interface RunReference {
  readonly runName: string;
  readonly actionName: string;
}

/** The run's name, on a platform whose runs have no actions. @throws AppError `usage` where one is named. */
export function nameWithoutAction({ runName, actionName }: RunReference, platform: string): string {
  if (actionName === ROOT_ACTION) return runName;
  throw new AppError(
    "usage",
    `Cannot use the action ${JSON.stringify(actionName)} on ${platform}: runs have none there`,
    {
      hint: `Name the run ${JSON.stringify(runName)} alone`,
    },
  );
}

/** All that a provider knows of a run that can be reached. */
export interface ResolvedRoute {
  readonly route: TargetRoute;
  readonly runName: string;
  readonly actionName: string;
  /** What ssh is to call it where nobody says so; else the run's name. */
  readonly alias?: string;
  /** Counts a run's attempts from 0: a retried run is another machine with another host key. */
  readonly attempt: number;
  /** The login user that the platform wants, if it wants one. */
  readonly user?: string;
  /** The private key that fits the key which the run was started with, if the provider knows. */
  readonly identityFile?: string;
  /** How long a dial may fail before more of it is pointless; as long as the caller waits unless told otherwise. */
  readonly dialPatienceMs?: number;
  /** What the record keeps to name the credential that a dial must carry: see `TargetRecord.credential`. */
  readonly credential?: Readonly<Record<string, string>>;
}

/** One step of a run on its way to a route. */
export type ResolveState =
  /** Not there yet. `phase` is the platform's own word, `message` its latest sentence about it. */
  | { readonly kind: "waiting"; readonly phase: string; readonly message?: string }
  /** It can be dialled. Always the last one. `phase` and `message` as above, where the platform has such words. */
  | { readonly kind: "ready"; readonly resolved: ResolvedRoute; readonly phase?: string; readonly message?: string };
