/** Flags of `porthole launch --on union`, as data: what they are called, take and do. */
export const UNION_LAUNCH_FLAGS = {
  rerun: { kind: "string", placeholder: "RUN", summary: "Union: the run to start again, with a way in" },
  action: {
    kind: "string",
    placeholder: "ACTION",
    summary: "Union: the action of that run to start (default a0); the last word may name it too",
  },
} as const;
