/* global document, location, fetch, setTimeout, clearTimeout */

/*
 * Suggestions while a person types into the search field of a page (ARIA 1.2, combobox with a list box). Without this script the
 * form works as a form. It is JavaScript, checked by its own tsconfig.json, so that a node serves it as it lies here.
 */

/** Long enough that a fast typist asks once, short enough to feel at once. */
const PAUSE_MS = 120
const MAX_SUGGESTIONS = 8

/** @typedef {{ readonly name: string, readonly note: string }} Project */

class Suggestions {
  /** @param {HTMLFormElement} form @param {HTMLInputElement} input */
  constructor(form, input) {
    /** From this page to the node's root. */
    this.root = form.dataset['projects'] ?? './'
    this.input = input
    this.list = document.createElement('ul')
    this.list.className = 'suggest'
    this.list.id = 'suggestions'
    this.list.setAttribute('role', 'listbox')
    this.list.setAttribute('aria-label', 'Projects')
    this.list.hidden = true
    /** What a screen reader says. */
    this.said = document.createElement('p')
    this.said.className = 'quiet'
    this.said.setAttribute('role', 'status')
    form.append(this.list, this.said)
    input.setAttribute('role', 'combobox')
    input.setAttribute('aria-autocomplete', 'list')
    input.setAttribute('aria-expanded', 'false')
    input.setAttribute('aria-controls', this.list.id)
    /** @type {readonly Project[]} */
    this.projects = []
    this.chosen = -1
    this.asking = new AbortController()
    this.listen()
  }

  listen() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer
    this.input.addEventListener('input', () => {
      clearTimeout(timer)
      timer = setTimeout(() => void this.ask(), PAUSE_MS)
    })
    this.input.addEventListener('blur', () => {
      this.toggle(false)
    })
    this.input.addEventListener('keydown', (event) => {
      if (this.takesKey(event.key)) event.preventDefault()
    })
    // Before the field loses the focus and the list goes away.
    this.list.addEventListener('mousedown', (event) => {
      event.preventDefault()
      const item = event.target instanceof Element ? event.target.closest('li') : null
      this.open(item === null ? -1 : [...this.list.children].indexOf(item))
    })
  }

  /** @param {string} key */
  takesKey(key) {
    const last = this.projects.length - 1
    if (key === 'Escape') this.toggle(false)
    else if (key === 'Enter') return !this.list.hidden && this.open(this.chosen)
    else if ((key === 'ArrowDown' || key === 'ArrowUp') && last >= 0) {
      this.toggle(true)
      const step = key === 'ArrowDown' ? 1 : -1
      const next = this.chosen + step
      this.choose(next > last ? 0 : next < 0 ? last : next)
      return true
    }
    return false
  }

  async ask() {
    this.asking.abort()
    this.asking = new AbortController()
    const { signal } = this.asking
    const query = this.input.value.trim()
    if (query === '') {
      this.show([])
      this.said.textContent = ''
      return
    }
    try {
      const url = new URL(`${this.root}search/json`, document.baseURI)
      url.searchParams.set('q', query)
      url.searchParams.set('limit', String(MAX_SUGGESTIONS))
      const answer = await fetch(url, { signal })
      if (!answer.ok) return
      // The node's own answer.
      // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment
      const body = /** @type {{ readonly projects: readonly Project[] }} */ (await answer.json())
      if (!signal.aborted) this.show(body.projects)
    } catch {
      // Overtaken by the next key, or the node is gone: the form still works.
    }
  }

  /** @param {readonly Project[]} found */
  show(found) {
    this.projects = found
    this.list.replaceChildren(...found.map((project, index) => itemOf(project, index)))
    this.toggle(found.length > 0 && document.activeElement === this.input)
    this.said.textContent =
      found.length === 0 ? 'No project found' : `${found.length} projects, choose with the arrow keys`
  }

  /** @param {boolean} isOpen */
  toggle(isOpen) {
    this.list.hidden = !isOpen
    this.input.setAttribute('aria-expanded', String(isOpen))
    if (!isOpen) this.choose(-1)
  }

  /** @param {number} index */
  choose(index) {
    this.chosen = index
    for (const [at, item] of [...this.list.children].entries())
      item.setAttribute('aria-selected', String(at === index))
    const item = this.list.children[index]
    if (item === undefined) {
      this.input.removeAttribute('aria-activedescendant')
      return
    }
    this.input.setAttribute('aria-activedescendant', item.id)
    item.scrollIntoView({ block: 'nearest' })
  }

  /** Whether there is such a project to open. @param {number} index */
  open(index) {
    const project = this.projects[index]
    if (project === undefined) return false
    location.assign(new URL(`${this.root}project/${encodeURIComponent(project.name)}`, document.baseURI))
    return true
  }
}

/**
 * @param {Project} project
 * @param {number} index
 */
function itemOf({ name, note }, index) {
  const item = document.createElement('li')
  item.id = `suggestion-${index}`
  item.setAttribute('role', 'option')
  item.setAttribute('aria-selected', 'false')
  const [title, words] = [document.createElement('span'), document.createElement('small')]
  // Names come from strangers: text, never markup.
  title.textContent = name
  words.textContent = note
  item.append(title, words)
  return item
}

for (const form of document.querySelectorAll('form.search')) {
  const input = form.querySelector('input')
  if (form instanceof HTMLFormElement && input !== null) new Suggestions(form, input)
}
