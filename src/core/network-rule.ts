/**
 * `name=host`: a host that the builds of a project may reach, `*.` before one whose subdomains are meant. A name, with a dot in it: a
 * number or `localhost` would be this machine or its neighbours.
 */
export const NETWORK_RULE =
  /^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)=((?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,10}[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)$/
