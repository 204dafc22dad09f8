/** Flags of `porthole launch` for jobs of this machine, as data: what their agent takes. */
export const LOCAL_LAUNCH_FLAGS = {
  hold: {
    kind: "string",
    choices: ["never", "on-failure", "always"],
    summary: "Whether the job stays reachable after its command ended: local only",
  },
  "hold-for": { kind: "string", placeholder: "DURATION", summary: "For how long at most: local only" },
  "idle-timeout": {
    kind: "string",
    placeholder: "DURATION",
    summary: "End after so long without a session: local only",
  },
  "max-uptime": { kind: "string", placeholder: "DURATION", summary: "End after so long in any case: local only" },
} as const;
