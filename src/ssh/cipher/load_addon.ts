import { provideAddon } from "./ssh2_addon.ts";

// Imported before "ssh2", which looks for its addon when it loads and never again.
provideAddon();
