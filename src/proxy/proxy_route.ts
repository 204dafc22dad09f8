import type { CredentialSource, Route } from "../stream/dial_route.ts";

/** What an alias stands for. */
export interface ProxyTarget {
  readonly route: Route;
  readonly credential?: CredentialSource | undefined;
}

/** Finds what an alias stands for; the alias was checked before. @throws AppError `not_found`, `config_invalid` */
export type TargetLoader = (alias: string) => Promise<ProxyTarget>;
