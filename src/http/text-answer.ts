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

/** What is only read here cannot be written (RFC 9110 §15.5.6). */
export function methodNotAllowed(): Response {
  return textAnswer(405, 'This can only be read: GET or HEAD.\n', { allow: 'GET, HEAD' })
}
