/**
 * The one place that imports ssh2, for the server and for the client.
 *
 * What it makes good: a slow chacha20-poly1305 that leaks native memory (load_addon.ts), the same leak with AES-CTR (call
 * {@link releaseCiphers} for each connection), fresh memory for every packet (call {@link packInPlace}), and TCP_NODELAY,
 * which ssh2 never sets (give it transports made by {@link toDuplex}).
 */
import "./cipher/load_addon.ts";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";

export const Client = ssh2.Client;
export type Client = ssh2.Client;
export const Server = ssh2.Server;
export type Server = ssh2.Server;
/** `parseKey`, `generateKeyPairSync`: reading keys of every format that ssh2 knows. */
export const utils = ssh2.utils;
/** The base of an agent of one's own, for `agent:` of a client. */
export const BaseAgent = ssh2.BaseAgent;
export type BaseAgent = ssh2.BaseAgent;

/** The agent at a socket or a named pipe. */
export const createAgent = ssh2.createAgent;

// @ts-types="@types/ssh2"
export type {
  AcceptConnection,
  Algorithms,
  AuthContext,
  ClientChannel,
  ConnectConfig,
  Connection,
  KeyboardAuthContext,
  ParsedKey,
  PasswordAuthContext,
  PublicKeyAuthContext,
  RejectConnection,
  ServerChannel,
  ServerConfig,
  Session,
  SFTPWrapper,
} from "ssh2";

export { releaseCiphers } from "./cipher_release.ts";
export { packInPlace } from "./pack_in_place.ts";
export { type StreamDuplex, toDuplex, type ToDuplexOptions } from "./stream_duplex.ts";
