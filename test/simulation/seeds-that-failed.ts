/** Seeds that a version of the protocol or of the node once failed, and what each of them found. They are run for ever. */
export const SEEDS_THAT_FAILED: readonly { readonly seed: number; readonly found: string }[] = []
