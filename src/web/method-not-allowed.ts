import type { FastifyInstance, FastifyPluginCallback, HTTPMethods } from 'fastify';
import { HttpProblem } from './problem.ts';

/**
 * Answers 405 with what is allowed where an address is there under another method.
 * To be called before the routes of a scope; what it answers is to be registered after them.
 */
export function watchMethods(app: FastifyInstance): FastifyPluginCallback {
  const byUrl = new Map<string, Set<HTTPMethods>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = byUrl.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each as HTTPMethods);
    byUrl.set(url, methods);
  });
  return (scope, _options, done) => {
    for (const [url, methods] of [...byUrl]) {
      const allow = [...methods].join(', ');
      scope.route({
        method: (scope.supportedMethods as HTTPMethods[]).filter((method) => !methods.has(method)),
        url,
        schema: { hide: true },
        // Before a body is looked at.
        async onRequest(request) {
          throw new HttpProblem(405, `${request.method} is not for this address.`, { headers: { allow } });
        },
        handler: async () => {},
      });
    }
    done();
  };
}
