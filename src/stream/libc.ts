/**
 * Functions of Linux's C library; dispose it when they are done.
 *
 * Declare them `nonblocking`, to be called on another thread: for calls on this one Deno compiles a bridge, which takes
 * 4 MiB (measured).
 * @throws Error where there is no such library, or it may not be loaded
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Disposable & { readonly symbols: Deno.DynamicLibrary<S>["symbols"] } {
  const library = Deno.dlopen("libc.so.6", symbols);
  return { symbols: library.symbols, [Symbol.dispose]: () => library.close() };
}
