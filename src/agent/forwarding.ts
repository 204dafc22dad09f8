/** The job's own network and unix sockets, for `-L`, `-D`, `-W` and `-R`. */
export { forwarding } from "../ssh/server/network_forwarding.ts";
