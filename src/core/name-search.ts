/** How well a name fits what was typed: what begins with it comes first, then a later word of the name, then anything. */
type Rank = 0 | 1 | 2 | 3

/** Names of one rank that are looked at before the best of them are chosen: a short query fits half of all names. */
const MAX_CANDIDATES = 2_000

/**
 * Finds project names by a part of them, as somebody types. Holds the names in one text beside the sorted list, since one scan of
 * a long text is much faster than a million of short ones.
 */
export class NameSearch {
  readonly #names: readonly string[]
  readonly #text: string

  /** Normalised by PEP 503 and sorted by code unit. */
  constructor(names: readonly string[]) {
    this.#names = names
    this.#text = `\n${names.join('\n')}\n`
  }

  /** At most `limit` names, the best first; `prefers`: those that go before others of their rank. */
  find(query: string, limit: number, prefers: (name: string) => boolean): readonly string[] {
    const wanted = query
      .trim()
      .toLowerCase()
      .replaceAll(/[-_.\s]+/g, '-')
    if (wanted === '') return []
    const ranked = new Map<string, Rank>()
    for (const name of this.#beginningWith(wanted)) ranked.set(name, name === wanted ? 0 : 1)
    for (const name of this.#holding(`-${wanted}`)) if (!ranked.has(name)) ranked.set(name, 2)
    if (ranked.size < limit)
      for (const name of this.#holding(wanted)) if (!ranked.has(name)) ranked.set(name, 3)
    return [...ranked]
      .map(([name, rank]) => ({ name, rank, later: prefers(name) ? 0 : 1 }))
      .sort(
        (a, b) =>
          a.rank - b.rank || a.later - b.later || a.name.length - b.name.length || (a.name < b.name ? -1 : 1)
      )
      .slice(0, limit)
      .map(({ name }) => name)
  }

  *#beginningWith(wanted: string): Iterable<string> {
    let [low, high] = [0, this.#names.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#names[middle] ?? '') < wanted) low = middle + 1
      else high = middle
    }
    for (let at = low; at < low + MAX_CANDIDATES; at++) {
      const name = this.#names[at]
      if (name?.startsWith(wanted) !== true) return
      yield name
    }
  }

  *#holding(wanted: string): Iterable<string> {
    let at = this.#text.indexOf(wanted)
    for (let found = 0; at !== -1 && found < MAX_CANDIDATES; found++) {
      const end = this.#text.indexOf('\n', at)
      yield this.#text.slice(this.#text.lastIndexOf('\n', at) + 1, end)
      at = this.#text.indexOf(wanted, end)
    }
  }
}
