// The policy under which a script's address may be used. The page's only such addresses are those of its own workers:
// the engine's and the one that takes the pictures. Markup and script text are allowed from nowhere.

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): unknown;
}

(globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("default", {
  createScriptURL(address) {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) throw new TypeError(`a script from ${url.origin} was refused`);
    return url.href;
  },
});
