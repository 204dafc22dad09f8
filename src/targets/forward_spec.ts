import { AppError } from "../base/errors.ts";

/** A tunnel from a local port to one of the far end's. */
export interface ForwardSpec {
  /** As it was asked for: `tensorboard`, `8080`. */
  readonly name: string;
  /** 0 for any that is free. */
  readonly localPort: number;
  readonly remotePort: number;
  /** True when the local port was named: then it is that one or none. */
  readonly isLocalPortFixed: boolean;
  /** True when an answer is an HTTP answer, and its address a URL for a browser. */
  readonly isHttp: boolean;
}

/** The services that are known by name, with the ports that they listen on unless told otherwise. */
export const FORWARD_SERVICES: Readonly<Record<string, { readonly port: number; readonly isHttp: boolean }>> = {
  tensorboard: { port: 6006, isHttp: true },
  jupyter: { port: 8888, isHttp: true },
  debugpy: { port: 5678, isHttp: false },
};

/**
 * The tunnel that `text` asks for: a service of {@link FORWARD_SERVICES}, `PORT` on the far end, or `LOCAL:REMOTE`.
 * A service may have another port: `LOCAL:tensorboard`, `tensorboard:7007` (the far end's).
 *
 * @throws AppError `usage`.
 */
export function parseForward(text: string): ForwardSpec {
  const [first = "", second, ...more] = text.split(":");
  const service = serviceOf(first);
  if (more.length === 0 && service) {
    const remotePort = second === undefined ? service.port : parsePort(second, text);
    return { name: first, localPort: remotePort, remotePort, isLocalPortFixed: false, isHttp: service.isHttp };
  }
  if (more.length > 0 || !/^\d+$/.test(first)) throw unknownForward(text);
  const localPort = parsePort(first, text);
  if (second === undefined) {
    return { name: text, localPort, remotePort: localPort, isLocalPortFixed: false, isHttp: false };
  }
  const named = serviceOf(second);
  const remotePort = named?.port ?? parsePort(second, text);
  return { name: named ? second : text, localPort, remotePort, isLocalPortFixed: true, isHttp: named?.isHttp ?? false };
}

/** All of `texts`. @throws AppError `usage` when two ask for the same local port, or none asks for anything. */
export function parseForwards(texts: readonly string[]): readonly ForwardSpec[] {
  if (texts.length === 0) throw unknownForward("");
  const specs = texts.map(parseForward);
  const fixed = specs.filter(({ isLocalPortFixed }) => isLocalPortFixed).map(({ localPort }) => localPort);
  const twice = fixed.find((port, index) => fixed.indexOf(port) !== index);
  if (twice === undefined) return specs;
  throw new AppError("usage", `Cannot forward the local port ${twice} to two places`, {
    hint: "Give each tunnel a local port of its own, or leave the local port out",
  });
}

/** Own names alone: `constructor` is no service. */
function serviceOf(name: string) {
  return Object.hasOwn(FORWARD_SERVICES, name) ? FORWARD_SERVICES[name] : undefined;
}

/**
 * `spec` for a far end that is this very machine: the same port on both sides would take it from the service, or lead the
 * tunnel into itself.
 */
export function onSameMachine(spec: ForwardSpec): ForwardSpec {
  return spec.isLocalPortFixed ? spec : { ...spec, localPort: 0 };
}

function parsePort(text: string, whole: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new AppError("usage", `Cannot forward ${JSON.stringify(whole)}: ${JSON.stringify(text)} is not a port`, {
    hint: "Ports go from 1 to 65535",
  });
}

function unknownForward(text: string): AppError {
  return new AppError("usage", `Cannot tell what to forward: got ${JSON.stringify(text)}`, {
    hint: `Name ${Object.keys(FORWARD_SERVICES).join(", ")}, a port such as 8080, or LOCAL:REMOTE such as 9000:8080`,
  });
}
