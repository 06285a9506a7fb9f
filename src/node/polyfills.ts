/**
 * What libp2p takes for granted and Node 20 lacks. Must be imported before anything of libp2p runs: first line of
 * cli/main.ts and of every test that makes a host. A no-op from Node 22 on.
 */
interface Resolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (reason: unknown) => void
}

function withResolvers<T>(): Resolvers<T> {
  let resolve: Resolvers<T>['resolve'] | undefined
  let reject: Resolvers<T>['reject'] | undefined
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  // the executor above has run by now: the promise constructor calls it at once
  if (resolve === undefined || reject === undefined) throw new TypeError('Promise did not run its executor')
  return { promise, resolve, reject }
}

if (!('withResolvers' in Promise)) {
  Object.defineProperty(Promise, 'withResolvers', {
    value: withResolvers,
    configurable: true,
    writable: true
  })
}
