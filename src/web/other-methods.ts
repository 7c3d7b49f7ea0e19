import type { FastifyInstance, HTTPMethods } from 'fastify';
import { HttpProblem } from './problem.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/**
 * Answers 405 with what is allowed where an address is there under another method.
 * To be called before the routes of a scope; the answer is to be called after them.
 */
export function watchMethods(app: FastifyInstance): () => void {
  const byUrl = new Map<string, Set<HTTPMethods>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = byUrl.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each as HTTPMethods);
    byUrl.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...byUrl]) {
      const allow = [...methods].join(', ');
      app.route({
        method: METHODS.filter((method) => !methods.has(method)),
        url,
        schema: { hide: true },
        // Before a body is looked at.
        async onRequest(request) {
          throw new HttpProblem(405, `${request.method} is not for this address.`, { headers: { allow } });
        },
        handler: async () => {},
      });
    }
  };
}
