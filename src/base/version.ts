/** The version of this program, as `porthole --version` and the SSH identification string tell it. */
export const VERSION = "0.1.0";

/** The version of the JSON that `/.well-known/porthole` answers; raised when a field changes its meaning. */
export const PROTOCOL_VERSION = 1;
