import type { CredentialSource, Route } from "../stream/dial_route.ts";

/** What an alias stands for. */
export interface ProxyTarget {
  readonly route: Route;
  readonly credential?: CredentialSource | undefined;
  /** Whether the job is certainly over, where that can be known from here: asked when it cannot be reached. */
  readonly hasEnded?: (() => Promise<boolean>) | undefined;
}

/** Finds what an alias stands for; the alias was checked before. @throws AppError `not_found`, `config_invalid` */
export type TargetLoader = (alias: string) => Promise<ProxyTarget>;
