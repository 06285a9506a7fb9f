import { ask, compare, type Difference, type KnownDifference, type Question } from './compare.ts'
import { furtherQuestions, type Inventory, questionsFor } from './questions.ts'

export interface SameAnswers {
  readonly questions: number
  readonly known: ReadonlyMap<KnownDifference, number>
  readonly amiss: readonly Difference[]
}

/** Every kind of question, to a node and to its mirror. */
export async function sameAnswers(node: string, mirror: string, inventory: Inventory): Promise<SameAnswers> {
  const questions = [
    ...questionsFor(inventory),
    ...(await conditionalOnes(node, inventory)),
    ...drawn(inventory)
  ]
  return { questions: questions.length, ...(await compare(node, mirror, questions)) }
}

async function conditionalOnes(node: string, inventory: Inventory): Promise<readonly Question[]> {
  const asked = new Set<string>()
  const nameOf = (path: string, headers: object): string => `${path} ${JSON.stringify(headers)}`
  const questions = new Map<string, Question>()
  furtherQuestions(inventory, (path, headers) => {
    questions.set(nameOf(path, headers), { path, headers })
    asked.add(path)
    return '""'
  })
  const tags = new Map<string, string>()
  for (const [name, question] of questions) {
    tags.set(name, String((await ask(node, question)).headers.etag))
  }
  return furtherQuestions(inventory, (path, headers) => tags.get(nameOf(path, headers)) ?? '""')
}

const DRAWN = 400
const TYPES = [
  'text/html',
  'text/*',
  '*/*',
  'application/*',
  'application/json',
  'application/vnd.pypi.simple.v1+json',
  'application/vnd.pypi.simple.v1+html'
]
const QUALITIES = [
  '',
  '',
  ';q=1',
  ';q=1.0',
  ';q=0',
  ';q=0.0',
  ';q=0.5',
  '; q=0.9',
  ';q=0.85',
  ' ;q=0.123',
  ';q=7',
  ';v=1'
]
const CODINGS = ['gzip', 'x-gzip', '*', 'br', 'identity', 'deflate']
const NAME_LETTERS = ['a', 'b', 'y', 'z', 'A', 'M', 'Z', '0', '1', '9', '-', '_', '.']

/** Headers and names that nobody thought of, the same ones each time. */
function drawn({ projects: [project = 'demo'] }: Inventory): readonly Question[] {
  let state = 17
  const draw = (below: number): number => {
    // Numerical Recipes' linear congruential generator: enough to mix.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const pick = <T>(list: readonly T[]): T => list[draw(list.length)]!
  const listOf = (values: readonly string[]): string => {
    const count = 1 + draw(4)
    const parts = Array.from({ length: count }, () => pick(values) + pick(QUALITIES))
    return parts.join(pick([',', ', ']))
  }
  const name = (): string => Array.from({ length: 1 + draw(14) }, () => pick(NAME_LETTERS)).join('')
  return Array.from({ length: DRAWN }, () => [
    {
      path: `/simple/${project}/`,
      headers: { accept: listOf(TYPES), 'accept-encoding': listOf(CODINGS) }
    },
    { path: `/simple/${name()}${pick(['', '/'])}` }
  ]).flat()
}
