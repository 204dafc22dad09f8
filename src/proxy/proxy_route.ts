import type { HeaderFields } from "../stream/header_fields.ts";

/** How the far end is reached; what a target record keeps under `route` fits. */
export type ProxyRoute =
  /** A WebSocket that carries SSH; `headersFile` and `caFile` are read at every dial. */
  | {
    readonly kind: "websocket";
    readonly url: string;
    readonly headersFile?: string;
    readonly caFile?: string;
    /** Never through a proxy of the environment: a job on this very machine. */
    readonly isDirect?: boolean;
  }
  /** Plain TCP to an SSH server. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** Fresh credentials for one dial, by header name; called anew for each. */
export type CredentialSource = (
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<Readonly<Record<string, string>>>;

/** What an alias stands for. */
export interface ProxyTarget {
  readonly route: ProxyRoute;
  readonly credential?: CredentialSource | undefined;
}

/** Finds what an alias stands for; the alias was checked before. @throws AppError `not_found`, `config_invalid` */
export type TargetLoader = (alias: string) => Promise<ProxyTarget>;

/** Options of a dial that the command line gives besides the route. */
export interface RouteExtras {
  readonly headersFile?: string | undefined;
  readonly headers?: HeaderFields;
  readonly caFile?: string | undefined;
}
