import type { Question } from './compare.ts'

/** What there is to ask for. */
export interface Inventory {
  readonly projects: readonly string[]
  readonly wheels: readonly { readonly sha256: string; readonly filename: string; readonly size: number }[]
  readonly logs: readonly string[]
  /** A wheel that was exported, and retracted then. */
  readonly retracted?: { readonly sha256: string; readonly filename: string }
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const HTML_TYPE = 'application/vnd.pypi.simple.v1+html'

/** Of pip 23 to 25, uv, poetry, browsers, curl; and what a test of the negotiation would ask. */
const ACCEPTS: readonly (string | undefined)[] = [
  undefined,
  '*/*',
  `${JSON_TYPE}, ${HTML_TYPE}; q=0.1, text/html; q=0.01`,
  `${JSON_TYPE}, ${HTML_TYPE};q=0.2, text/html;q=0.01`,
  JSON_TYPE,
  HTML_TYPE,
  'text/html',
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'application/vnd.pypi.simple.latest+json',
  'application/vnd.pypi.simple.latest+html',
  `${JSON_TYPE};q=0.5, text/html;q=0.5`,
  `${JSON_TYPE};q=0.501, text/html;q=0.5`,
  `text/html;q=0, ${HTML_TYPE};q=0.3, ${JSON_TYPE};q=0.29`,
  `${JSON_TYPE};q=0, */*`,
  'application/*',
  'application/*;q=0.4, text/*;q=0.3',
  `APPLICATION/VND.PYPI.SIMPLE.V1+JSON ; Q=0.9 , text/html ; q=0.8`,
  `${JSON_TYPE};q=2, text/html;q=0.1`,
  `${JSON_TYPE};charset=utf-8;q=0.3, text/html;level=1`,
  'image/png'
]

const ENCODINGS: readonly (string | undefined)[] = [
  undefined,
  'identity',
  'gzip, deflate',
  'gzip;q=0',
  '*',
  'br'
]

/** Every kind of path, with the headers that matter to it. Tags and ranges come by {@link furtherQuestions}. */
export function questionsFor({ projects, wheels, logs, retracted }: Inventory): readonly Question[] {
  const pages = ['/simple/', ...projects.map((project) => `/simple/${project}/`)]
  const files = wheels.flatMap(({ sha256, filename }) =>
    ['', '.metadata'].map((end) => `/files/${sha256}/${encodeURIComponent(filename)}${end}`)
  )
  const others = [...projects.flatMap((project) => [`/project/${project}`, `/project/${project}/json`])]
  return [
    ...pages.flatMap((path) => ACCEPTS.map((accept) => withHeaders(path, { accept }))),
    ...pages.flatMap((path) =>
      ENCODINGS.flatMap((encoding) =>
        [JSON_TYPE, 'text/html'].map((accept) => withHeaders(path, { accept, 'accept-encoding': encoding }))
      )
    ),
    ...files.map((path) => ({ path })),
    ...files.map((path) => withHeaders(path, { 'accept-encoding': 'gzip' })),
    ...logs.flatMap((digest) =>
      ENCODINGS.map((encoding) => withHeaders(`/logs/${digest}`, { 'accept-encoding': encoding }))
    ),
    ...others.map((path) => ({ path })),
    ...[...pages, ...files, ...others].map((path) => ({ method: 'HEAD' as const, path })),
    ...redirects(projects[0] ?? 'demo'),
    ...absences(wheels[0]),
    ...(retracted === undefined
      ? []
      : ['', '.metadata', 'x'].map((end) => ({
          path: `/files/${retracted.sha256}/${retracted.filename}${end}`
        })))
  ]
}

function redirects(project: string): readonly Question[] {
  const odd = [
    project.toUpperCase(),
    project.replaceAll('-', '_'),
    `${project.slice(0, 1)}.-_${project.slice(1)}`,
    'Zope.Interface__and-_-so.On',
    'A.b_C-d.e_F-g.h_I-j--k..L',
    'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
  ].filter((name) => name !== project)
  return [
    { path: '/simple' },
    { path: `/simple/${project}` },
    ...odd.flatMap((name) => [{ path: `/simple/${name}` }, { path: `/simple/${name}/` }]),
    { path: `/project/${project.toUpperCase()}` },
    { path: `/project/${project.toUpperCase()}/json` },
    { path: `/project/${project}/` },
    { path: `/project/${project}/json/` }
  ]
}

function absences(wheel: Inventory['wheels'][number] | undefined): readonly Question[] {
  const none = '0'.repeat(64)
  return [
    ...[
      '/simple/no-such-project/',
      '/simple/-bad-/',
      '/simple/%00/',
      '/simple/a%2fb/',
      '/project/no-such-project'
    ],
    ...[
      '/project/no-such-project/json',
      `/files/${none}/x-1-py3-none-any.whl`,
      '/files/short/x.whl',
      `/logs/${none}`
    ],
    ...[
      '/logs/short',
      '/nothing',
      '/simple/demo/more',
      '/.commonwheel/file',
      '/files/',
      '/files.json',
      '/current'
    ],
    ...(wheel === undefined
      ? []
      : [
          `/files/${wheel.sha256}/another-1.0-py3-none-any.whl`,
          `/files/${wheel.sha256}/.part`,
          `/files/${wheel.sha256}/`
        ])
  ].map((path) => ({ path }))
}

/** What depends on what came: conditional requests and ranges. */
export function furtherQuestions(
  { wheels, logs, projects }: Inventory,
  etagOf: (path: string, headers: Readonly<Record<string, string>>) => string
): readonly Question[] {
  const [project = 'demo'] = projects
  const plain = {}
  const zipped = { 'accept-encoding': 'gzip' }
  const conditional = [
    `/simple/`,
    `/simple/${project}/`,
    ...logs.slice(0, 1).map((digest) => `/logs/${digest}`)
  ]
  const paths = wheels
    .slice(0, 2)
    .flatMap(({ sha256, filename }) => [
      `/files/${sha256}/${encodeURIComponent(filename)}`,
      `/files/${sha256}/${encodeURIComponent(filename)}.metadata`
    ])
  return [
    ...[plain, zipped].flatMap((headers) =>
      [...conditional, ...paths].flatMap((path) => {
        const tag = etagOf(path, headers)
        return [tag, `W/${tag}`, `"other", ${tag}`, '*', '"other"', `${tag.slice(0, -1)}x"`].map((given) => ({
          path,
          headers: { ...headers, 'if-none-match': given }
        }))
      })
    ),
    ...paths.flatMap((path) => {
      const tag = etagOf(path, plain)
      return [
        ...['bytes=0-9', 'bytes=5-', 'bytes=-7', 'bytes=0-0,5-9', 'bytes=99999999-', 'lines=1-2'].map(
          (range) => ({
            path,
            headers: { range }
          })
        ),
        { path, headers: { range: 'bytes=0-9', 'if-range': tag } },
        { path, headers: { range: 'bytes=0-9', 'if-range': '"other"' } },
        { path, headers: { 'if-modified-since': new Date(0).toUTCString() } }
      ]
    }),
    { path: `/simple/${project}/`, headers: { range: 'bytes=0-9' } }
  ]
}

function withHeaders(path: string, headers: Readonly<Record<string, string | undefined>>): Question {
  const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { path, headers: Object.fromEntries(given) }
}
