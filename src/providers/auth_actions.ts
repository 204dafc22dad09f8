/** Options of each of the actions. */
export interface AuthActionOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How things stand with the log-in at a platform; no secret in it. */
export interface AuthStatus {
  readonly provider: string;
  readonly host: string;
  /** How the log-in works there, in the platform's words: `Pkce`, `ClientSecret`, `token`. */
  readonly method: string;
  readonly isLoggedIn: boolean;
  /** RFC 3339; left out where the token does not tell. */
  readonly expiresAt?: string;
  /** True when a token that has ended is renewed without asking anybody. */
  readonly isRenewable?: boolean;
  /** The file that keeps the token. */
  readonly path?: string;
  /** The configuration that said so. */
  readonly config?: string;
}

/** A long-lived key, without its secret. */
export interface ApiKeyItem {
  readonly name: string;
  readonly clientId: string;
  /** The 0600 file that holds it. */
  readonly path: string;
  readonly isNew: boolean;
}

/** What a platform with long-lived keys can do about them; without `name` it is the one that this machine has, or the usual one. */
export interface ApiKeyActions {
  /** @throws AppError `already_exists` when the name is somebody else's. */
  ensure(name: string | undefined, options: AuthActionOptions): Promise<ApiKeyItem>;
  /** The key as an environment variable takes it: a secret, shown only because somebody asks for it. */
  show(name: string | undefined, options: AuthActionOptions): Promise<ApiKeyItem & { readonly key: string }>;
  /** `revoked` is false when the platform knew no such key. */
  revoke(
    name: string | undefined,
    options: AuthActionOptions,
  ): Promise<{ readonly name: string; readonly revoked: boolean }>;
}

/** What `porthole auth` asks of a platform. Dispose it to close its connections. */
export interface AuthActions extends Disposable {
  /** Logs in anew, asking a person if need be. */
  login(options: AuthActionOptions): Promise<AuthStatus>;
  /** Looks at what is stored; nothing is sent. */
  status(options: AuthActionOptions): Promise<AuthStatus>;
  /** Forgets the stored token; false when there was none. */
  logout(options: AuthActionOptions): Promise<boolean>;
  /** Undefined on a platform without such keys. */
  readonly apiKeys: ApiKeyActions | undefined;
}
