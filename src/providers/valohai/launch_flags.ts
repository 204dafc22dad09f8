/** Flags of `porthole launch --on valohai`, as data: what they are called, take and do. */
export const VALOHAI_LAUNCH_FLAGS = {
  step: { kind: "string", placeholder: "NAME", summary: "Valohai: the step of valohai.yaml to run" },
  commit: { kind: "string", placeholder: "ID", summary: "Valohai: the commit to run (default: the newest)" },
  environment: { kind: "string", placeholder: "SLUG", summary: "Valohai: the environment to run in, by slug or id" },
  image: { kind: "string", placeholder: "IMAGE", summary: "Valohai: the container image in place of the step's own" },
  title: { kind: "string", placeholder: "TEXT", summary: "Valohai: the execution's title" },
  param: {
    kind: "list",
    placeholder: "NAME=VALUE",
    summary: 'Valohai: a parameter; true, false and numbers are sent as such, "\\"5\\"" as text',
  },
  input: { kind: "list", placeholder: "NAME=URL", summary: "Valohai: an input; again for more files of it" },
  tag: { kind: "list", placeholder: "TAG", summary: "Valohai: a tag of the execution" },
  "debug-port": {
    kind: "integer",
    placeholder: "PORT",
    summary: "Valohai: the port of the SSH server (default: 2222)",
  },
  "debug-key-file": {
    kind: "string",
    placeholder: "FILE.pub",
    summary: "Valohai: the public key to let in (default: porthole's own)",
  },
  rsa: { kind: "boolean", summary: "Valohai: let in a 4096-bit RSA key instead of an ed25519 one" },
} as const;
