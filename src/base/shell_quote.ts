/** `word` as one word of a POSIX shell (POSIX.1-2017, 2.2.2). */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
