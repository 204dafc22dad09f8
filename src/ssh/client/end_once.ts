import type { ClientChannel } from "../ssh2_adapter.ts";

/**
 * Keeps ssh2 from ending a channel a second time when it destroys it, which every channel comes to: each time an error
 * with its stack is made for nobody, 7 percent of what a short command on many hosts costs (measured).
 */
export function endOnce(channel: ClientChannel): void {
  const end = channel.end;
  channel.end = function (this: ClientChannel, ...args: unknown[]) {
    return channel.writableEnded && args.length === 0 ? channel : Reflect.apply(end, channel, args);
  } as ClientChannel["end"];
}
