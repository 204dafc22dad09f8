import { type Deadline, deadline, orAbort } from "../../base/abort.ts";
import { AppError, describeError } from "../../base/errors.ts";
import { formatDuration } from "../../base/duration.ts";
import { oneLine } from "../../base/printable.ts";
import { VERSION } from "../../base/version.ts";
import type { ByteStream, Dialer } from "../../stream/byte_stream.ts";
import { clientAlgorithms } from "../algorithms.ts";
import { type Algorithms, Client, packInPlace, releaseCiphers, type StreamDuplex, toDuplex } from "../ssh2_adapter.ts";
import { type AuthConversation, authConversation, type SshCredentials } from "./auth.ts";
import { offerCertificates } from "./certified_host_key.ts";
import { type SshConnection, sshConnection } from "./connection.ts";
import { hostKeyVerifier, type VerifyHostKey } from "./host_key_verifier.ts";

/** Options of {@link connectSsh}. */
export interface ConnectSshOptions {
  readonly dial: Dialer;
  /** What the host is called in errors. */
  readonly host: string;
  /** What a person would give `ssh` to reach it, for hints: `-p 2222 me@host`; `host` unless given. */
  readonly sshWords?: string | undefined;
  readonly user: string;
  readonly credentials: SshCredentials;
  /** There is no default: who wants no check has to say so. */
  readonly verifyHostKey: VerifyHostKey;
  /** Key types to ask for first: those that are known of this host. */
  readonly preferredKeyTypes?: readonly string[] | undefined;
  /** Asks for a certificate of the host key before everything else. */
  readonly wantsCertificate?: boolean | undefined;
  /** Takes no host key of another type than these. */
  readonly onlyKeyTypes?: readonly string[] | undefined;
  /** For dialling, key exchange and log-in together; no more once a person is asked, who takes the time it takes. */
  readonly connectTimeoutMs: number;
  /** 0 sends nothing. */
  readonly keepAliveIntervalMs?: number | undefined;
  /** Unanswered keep-alives until the connection counts as dead. */
  readonly keepAliveMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * An authenticated connection to `host`, the caller's to close.
 *
 * @throws AppError `dial_failed` and what else the dialer throws; `handshake_failed` when what answered speaks no SSH or
 * nothing in common; what `verifyHostKey` throws; `auth_denied`; `timeout`; the signal's reason.
 */
export async function connectSsh(options: ConnectSshOptions): Promise<SshConnection> {
  const { dial, host, connectTimeoutMs, signal } = options;
  signal?.throwIfAborted();
  let phase = "connecting to";
  using limit = deadline(connectTimeoutMs, { signal, reason: () => connectTimeout(host, { phase, connectTimeoutMs }) });
  const stream = await dialWithin(dial, limit.signal);
  phase = "the SSH handshake with";
  const transport = toDuplex(stream);
  try {
    return await handshake(transport, {
      ...options,
      credentials: withoutHurry(options.credentials, limit),
      signal: limit.signal,
      onKeysExchanged: () => phase = "logging in to",
    });
  } catch (error) {
    transport.destroy();
    throw error;
  }
}

function withoutHurry({ ask, ...others }: SshCredentials, limit: Deadline): SshCredentials {
  if (!ask) return others;
  return {
    ...others,
    ask(question) {
      limit.lift();
      return ask(question);
    },
  };
}

/** Dials; a stream that comes after the deadline is closed. */
async function dialWithin(dial: Dialer, signal: AbortSignal): Promise<ByteStream> {
  const dialling = dial({ signal });
  try {
    return await orAbort(dialling, signal);
  } catch (error) {
    dialling.then((late) => late[Symbol.dispose](), () => {/* it is the error that was just thrown */});
    throw signal.aborted ? signal.reason : error;
  }
}

interface HandshakeOptions extends ConnectSshOptions {
  readonly onKeysExchanged: () => void;
}

async function handshake(transport: StreamDuplex, options: HandshakeOptions): Promise<SshConnection> {
  const { host, user, sshWords = host, credentials, verifyHostKey, onKeysExchanged, signal } = options;
  const client = new Client();
  const conversation = authConversation(user, credentials);
  const ready = Promise.withResolvers<void>();
  const hostKey = hostKeyVerifier(client, { host, verifyHostKey });
  let serverSoftware = "";
  let isHandshaken = false;
  client.on("handshake", () => {
    isHandshaken = true;
    serverSoftware = readSoftware(client);
    onKeysExchanged();
  });
  client.on("ready", ready.resolve);
  client.on("error", (error: Error) => {
    if (hostKey.error() !== undefined) ready.reject(hostKey.error());
    else if (conversation.isExhausted()) ready.reject(conversation.denied({ host, user, sshWords }));
    else if (isAboutOneMethod(error)) conversation.note(error.message);
    else ready.reject(asHandshakeError(error, { host, isHandshaken, conversation, user, sshWords }));
  });
  // SSH knows no half-close: a server that sends no more has hung up, and nothing else would tell of it.
  transport.once("end", () => transport.destroy());
  const onClose = () => ready.reject(hungUp({ host, isHandshaken }));
  client.on("close", onClose);
  ready.promise.catch(() => {/* awaited below, or the signal came first */});

  releaseCiphers(client);
  packInPlace(client, transport);
  client.connect({
    sock: transport,
    username: user,
    ident: `porthole_${VERSION}`,
    algorithms: offeredAlgorithms(options),
    readyTimeout: 0,
    keepaliveInterval: options.keepAliveIntervalMs ?? 0,
    keepaliveCountMax: options.keepAliveMax ?? 3,
    authHandler: conversation.handler,
    hostVerifier: hostKey.hostVerifier,
  });
  if (options.wantsCertificate) offerCertificates(client, options.preferredKeyTypes ?? []);
  await orAbort(ready.promise, signal);
  client.off("close", onClose);
  return sshConnection(client, { transport, serverSoftware });
}

/** The client's algorithms, with the key types that are known of the host first, as OpenSSH orders them. */
function offeredAlgorithms(
  { preferredKeyTypes = [], onlyKeyTypes }: Pick<ConnectSshOptions, "preferredKeyTypes" | "onlyKeyTypes">,
): Algorithms {
  const algorithms = clientAlgorithms();
  const offered: readonly string[] = [...algorithms.serverHostKey as readonly string[]];
  const preferred = new Set(preferredKeyTypes.flatMap(signaturesOf));
  const allowed = onlyKeyTypes && new Set(onlyKeyTypes.flatMap(signaturesOf));
  const ordered = [...offered.filter((type) => preferred.has(type)), ...offered.filter((type) => !preferred.has(type))]
    .filter((type) => !allowed || allowed.has(type));
  return { ...algorithms, serverHostKey: ordered as NonNullable<Algorithms["serverHostKey"]> };
}

/** The signature algorithms for a key of `type` (RFC 8332 for RSA). */
function signaturesOf(type: string): string[] {
  return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type];
}

/** An agent that cannot be asked or a key that cannot sign is one method less, not the end. */
function isAboutOneMethod(error: Error): boolean {
  const level = levelOf(error);
  return level === "agent" || level === "client-authentication";
}

function levelOf(error: Error): unknown {
  return "level" in error ? error.level : undefined;
}

function asHandshakeError(
  error: Error,
  { host, user, sshWords, isHandshaken, conversation }: {
    host: string;
    user: string;
    sshWords: string;
    isHandshaken: boolean;
    conversation: AuthConversation;
  },
): AppError {
  // The transport knows best why it ended: a ProxyCommand that failed says so.
  if (error instanceof AppError && error.code !== "tunnel_closed") return error;
  const what = oneLine(describeError(error));
  if (isHandshaken && /too many authentication failures/i.test(what)) {
    conversation.note(what);
    return conversation.denied({ host, user, sshWords });
  }
  if (levelOf(error) === "client-socket") {
    return new AppError("handshake_failed", `The connection to ${JSON.stringify(host)} broke: ${what}`, {
      cause: error,
    });
  }
  if (/lost before handshake/i.test(what)) return hungUp({ host, isHandshaken });
  return new AppError("handshake_failed", `Cannot speak SSH with ${JSON.stringify(host)}: ${what}`, {
    hint: `See whether an SSH server listens there: ssh -v ${sshWords}`,
    cause: error,
  });
}

function hungUp({ host, isHandshaken }: { host: string; isHandshaken: boolean }): AppError {
  const when = isHandshaken ? "during the log-in" : "before the keys were exchanged";
  return new AppError("handshake_failed", `${JSON.stringify(host)} hung up ${when}`, {
    hint: "The server's log says why; a limit such as MaxStartups is a common reason",
  });
}

function connectTimeout(
  host: string,
  { phase, connectTimeoutMs }: { phase: string; connectTimeoutMs: number },
): AppError {
  const limit = formatDuration(connectTimeoutMs);
  return new AppError("timeout", `Gave up ${phase} ${JSON.stringify(host)} after ${limit}`, {
    hint: "Give it more time with --connect-timeout",
    details: { phase },
  });
}

/** ssh2 keeps the server's name for itself; it is worth having in messages. */
function readSoftware(client: Client): string {
  const { _remoteVer } = client as unknown as { readonly _remoteVer?: string };
  return oneLine(_remoteVer ?? "", 80);
}
