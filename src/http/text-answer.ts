/** A short answer for people, never kept by a cache. */
export function textAnswer(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {}
): Response {
  return new Response(text, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers }
  })
}

/** Relative, so that a node behind a proxy under some path redirects rightly. */
export function redirectTo(location: string): Response {
  return new Response(null, { status: 301, headers: { location, 'cache-control': 'max-age=3600' } })
}
