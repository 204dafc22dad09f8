import type { AppError } from "../base/errors.ts";
import type { ResolveState, RunReference } from "../targets/resolve_state.ts";
import type { TargetRoute } from "../targets/target.ts";

/** A run as `porthole list` shows it. */
export interface RunSummary {
  readonly provider: string;
  readonly name: string;
  /** The platform's own word for where the run is. */
  readonly phase: string;
  readonly startedAt?: Date;
  readonly command?: string;
  readonly url?: string;
  readonly exitStatus?: number;
  /** False for what `launch` found running already, from an earlier call. */
  readonly isNew?: boolean;
}

/** What `porthole launch` was asked for. A field that a provider has no use for is an error there, never ignored. */
export interface LaunchRequest {
  readonly name?: string;
  readonly command: readonly string[];
  /** Environment added to the job's own. */
  readonly env: Readonly<Record<string, string>>;
  /** The provider's own options, by flag name. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A run whose route was found and then could not be dialled, or did not let us in. */
export interface FailedDial extends RunReference {
  readonly route?: TargetRoute;
  /** The private key that was offered, if it came to that. */
  readonly offeredIdentityFile?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Everything porthole asks of a place where jobs run. Dispose it: it may hold connections. */
export interface Provider extends Disposable {
  readonly name: string;
  /** Starts a job; resolves as soon as the platform took it, not when it is ready. */
  launch(request: LaunchRequest, options: { signal?: AbortSignal | undefined }): Promise<RunSummary>;
  /**
   * Follows a run until it can be dialled; the last state is `ready`.
   * @throws AppError `not_found`, `run_ended` (with the platform's message), `auth_denied`, `provider_failed`.
   */
  resolve(
    run: RunReference,
    options: { signal?: AbortSignal | undefined; pollIntervalMs: number },
  ): AsyncIterable<ResolveState>;
  /** Newest first. */
  list(options: { signal?: AbortSignal | undefined }): AsyncIterable<RunSummary>;
  stop(run: RunReference, options: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Lines of the job's log, from its beginning; with `follow` until the run ends. */
  logs(run: RunReference, options: { signal?: AbortSignal | undefined; follow: boolean }): AsyncIterable<string>;
  /**
   * One sentence when the run is known to have been started for another key than the one in `identityFile`; undefined
   * when it fits, or when nobody can tell. Never throws but for `signal`.
   */
  keyDoubt?(
    run: RunReference,
    options: { identityFile: string; signal?: AbortSignal | undefined },
  ): Promise<string | undefined>;
  /** What `error` means on this platform, with what to do about it there; `error` itself when it knows no better. */
  explain?(error: AppError, failed: FailedDial): Promise<AppError>;
}
