import type { TestPublicKey } from "./credentials.ts";
import type { Fault } from "./faults.ts";
import type { ForwardingPolicy } from "./forwarding_policy.ts";

/** Options of `testServer`. */
export interface TestServerOptions {
  /** The one login name that is let in; `testuser`. */
  readonly user?: string;
  /** Empty for none, which is the default. */
  readonly password?: string;
  /** A key that may log in: what `testKey()` gave, or a public key line. */
  readonly key?: TestPublicKey;
  /** Further public key lines. */
  readonly authorizedKeys?: readonly string[];
  /** 127.0.0.1; another loopback address makes another host of it. */
  readonly hostname?: string;
  /** A free one. */
  readonly port?: number;
  /** Text of a private key that the server shows; a fresh ed25519 key. */
  readonly hostKey?: string;
  /** Fails `shutdown()` when a client ran a command that no handler was for; built-in commands are not known then. */
  readonly strict?: boolean;
  /** True, which allows loopback addresses. */
  readonly forwarding?: ForwardingPolicy;
  readonly faults?: readonly Fault[];
  /** Where sessions and relative paths begin; `/home/USER`. */
  readonly home?: string;
  /** Whether files may be written where their folder is missing, which is made then; true. */
  readonly createsFolders?: boolean;
  /** Shown to clients before they log in. */
  readonly banner?: string;
  /** What the server calls itself, behind `SSH-2.0-`; `porthole_test_VERSION`. */
  readonly ident?: string;
  /** Refused attempts to log in until a connection is closed; 6. */
  readonly maxAuthTries?: number;
  /** Whether the WebSocket front speaks TLS: `wss:`, with a certificate of `tlsAuthority`. */
  readonly tls?: boolean;
}
