import { AppError } from "../../base/errors.ts";
import { escapeControls, oneLine } from "../../base/printable.ts";
import type { BaseAgent, ConnectConfig } from "../ssh2_adapter.ts";
import type { Identity } from "./identity.ts";

/** A question for a person: a password, or a prompt of keyboard-interactive (RFC 4256). */
export interface AuthQuestion {
  /** As the server wrote it, made printable. */
  readonly text: string;
  /** Whether what is typed may be shown. */
  readonly isEchoed: boolean;
}

/** With what to log in, tried in this order: keys, agent, keyboard-interactive, password. */
export interface SshCredentials {
  readonly identities?: readonly Identity[] | undefined;
  /** Path of an ssh-agent's socket (or named pipe), or an agent of one's own. */
  readonly agent?: string | BaseAgent | undefined;
  readonly password?: string | undefined;
  /** Answers what neither key nor password answers. */
  readonly ask?: ((question: AuthQuestion) => Promise<string>) | undefined;
}

/** The conversation of one log-in: what ssh2 is given, and what it came to. */
export interface AuthConversation {
  readonly handler: NonNullable<ConnectConfig["authHandler"]>;
  /** True once there was nothing left to try. */
  readonly isExhausted: () => boolean;
  /** The error that tells what was tried and what the server takes. */
  readonly denied: (place: { readonly host: string; readonly user: string; readonly sshWords: string }) => AppError;
  /** Adds a fact to that error: why a method could not even be tried. */
  readonly note: (text: string) => void;
}

/** One attempt, not yet made. */
interface Attempt {
  /** RFC 4252 name, to compare with what the server lets continue. */
  readonly method: string;
  /** What it is called in the error. */
  readonly label: string;
  readonly make: () => Promise<Record<string, unknown>>;
}

type Next = (attempt: unknown) => void;

/** Tries the credentials one after another, each only where the server takes its method; several in a row if it wants. */
export function authConversation(user: string, credentials: SshCredentials): AuthConversation {
  const remaining = listAttempts(user, credentials);
  const tried: string[] = [];
  const notes: string[] = [];
  let methods: readonly string[] | null = null;
  let isExhausted = false;

  const handler = (methodsLeft: readonly string[] | null, _partial: boolean | null, next: Next) => {
    methods = methodsLeft ?? methods;
    const at = remaining.findIndex(({ method }) => methodsLeft === null || methodsLeft.includes(method));
    const [attempt] = at < 0 ? [] : remaining.splice(at, 1);
    if (!attempt) {
      isExhausted = true;
      next(false);
      return;
    }
    tried.push(attempt.label);
    attempt.make().then(next, (error) => {
      notes.push(error instanceof Error ? error.message : String(error));
      handler(methodsLeft, null, next);
    });
  };

  return {
    // ssh2 allows a call back later by returning undefined, which its types leave out.
    handler: handler as unknown as AuthConversation["handler"],
    isExhausted: () => isExhausted,
    note: (text) => notes.push(text),
    denied: ({ host, user, sshWords }) => {
      const what = tried.length ? `tried ${tried.join(", ")}` : "there is no key, agent or password to try";
      const takes = methods?.length ? `; the server takes ${oneLine(methods.join(", "))}` : "";
      const why = notes.length ? ` (${notes.map((note) => oneLine(note)).join("; ")})` : "";
      return new AppError("auth_denied", `Cannot log in to ${JSON.stringify(host)} as ${user}: ${what}${takes}${why}`, {
        hint: `See what ssh says: ssh -v ${sshWords}`,
        details: { tried, serverTakes: methods ?? [] },
      });
    },
  };
}

function listAttempts(
  username: string,
  { identities = [], agent, password, ask }: SshCredentials,
): Attempt[] {
  const attempts: Attempt[] = identities.map(({ source, key }) => ({
    method: "publickey",
    label: `key ${JSON.stringify(source)}`,
    make: () => Promise.resolve({ type: "publickey", username, key }),
  }));
  if (agent) {
    attempts.push({
      method: "publickey",
      label: "the agent's keys",
      make: () => Promise.resolve({ type: "agent", username, agent }),
    });
  }
  if (password !== undefined) {
    attempts.push({
      method: "password",
      label: "password",
      make: () => Promise.resolve({ type: "password", username, password }),
    });
  }
  if (password !== undefined || ask) {
    attempts.push({
      method: "keyboard-interactive",
      label: "keyboard-interactive",
      make: () => Promise.resolve({ type: "keyboard-interactive", username, prompt: answerPrompts({ password, ask }) }),
    });
  }
  if (password === undefined && ask) {
    attempts.push({
      method: "password",
      label: "password",
      make: async () => ({
        type: "password",
        username,
        password: await ask({ text: `${username}'s password: `, isEchoed: false }),
      }),
    });
  }
  // Asked for only where there is nothing else: it costs a round trip, and says which methods the server takes.
  if (attempts.length === 0) {
    attempts.push({ method: "none", label: "none", make: () => Promise.resolve({ type: "none", username }) });
  }
  return attempts;
}

interface Prompt {
  readonly prompt: string;
  readonly echo?: boolean;
}

/** Answers a single hidden prompt with the password, once; everything else is put to `ask`, or left empty. */
function answerPrompts({ password, ask }: Pick<SshCredentials, "password" | "ask">) {
  let unusedPassword = password;
  return (
    _name: string,
    _instructions: string,
    _language: string,
    prompts: readonly Prompt[],
    finish: (answers: string[]) => void,
  ) => {
    const answerAll = async () => {
      const answers: string[] = [];
      for (const { prompt, echo = false } of prompts) {
        if (!echo && unusedPassword !== undefined) {
          answers.push(unusedPassword);
          unusedPassword = undefined;
        } else {
          answers.push(await ask?.({ text: escapeControls(prompt), isEchoed: echo }) ?? "");
        }
      }
      return answers;
    };
    // A question that nobody answers counts as refused: the server then says so.
    answerAll().then(finish, () => finish(prompts.map(() => "")));
  };
}
