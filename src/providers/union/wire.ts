/** A message of the Connect protocol's JSON: field names in lowerCamelCase, what is at its default left out. */
export type Message = Readonly<Record<string, unknown>>;

/** What `text` says as JSON; undefined for what is none. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Status and content type tell the rest.
  }
}

/** `value` as a message; anything else, null and absence included, is the empty message. */
export function asMessage(value: unknown): Message {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** A field by its lowerCamelCase name; the proto's own snake_case spelling, which servers may be set to send, too. */
export function field(message: Message, name: string): unknown {
  return message[name] ?? message[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

/** A message field, empty when absent. */
export function messageField(message: Message, name: string): Message {
  return asMessage(field(message, name));
}

/** A string field, empty when absent: proto3 does not tell the two apart. */
export function textField(message: Message, name: string): string {
  const value = field(message, name);
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** A bool field; false when absent. */
export function boolField(message: Message, name: string): boolean {
  return field(message, name) === true;
}

/** An integer field: a number, or a string as 64-bit integers are written; 0 when absent. */
export function countField(message: Message, name: string): number {
  const value = Number(field(message, name) ?? 0);
  return Number.isFinite(value) ? value : 0;
}

/** A repeated message field. */
export function messagesField(message: Message, name: string): readonly Message[] {
  const value = field(message, name);
  return Array.isArray(value) ? value.map(asMessage) : [];
}

/** A repeated string field. */
export function textsField(message: Message, name: string): readonly string[] {
  const value = field(message, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A timestamp field; undefined when absent or unreadable. */
export function timeField(message: Message, name: string): Date | undefined {
  const milliseconds = Date.parse(textField(message, name));
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds);
}

/**
 * An enum field by its name without `prefix`, given as name or number.
 *
 * `names` are in the order of their numbers. A name that is not among them comes back as it is and a number beyond
 * them as `UNKNOWN_<n>`: newer servers know more values than this program.
 */
export function enumField(
  message: Message,
  name: string,
  { names, prefix = "" }: { readonly names: readonly string[]; readonly prefix?: string },
): string {
  const value = field(message, name) ?? 0;
  if (typeof value === "string") return value.startsWith(prefix) ? value.slice(prefix.length) : value;
  return names[Number(value)] ?? `UNKNOWN_${String(value)}`;
}
