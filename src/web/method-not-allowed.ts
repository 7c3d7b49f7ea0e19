import type { FastifyInstance, FastifyPluginCallback, HTTPMethods } from 'fastify';
import { HttpProblem } from './problem.ts';

/**
 * Responds with 405 and the allowed methods if a path exists under another method.
 * Call it before the routes of a scope, and register the plugin that it returns after them.
 */
export function methodNotAllowed(app: FastifyInstance): FastifyPluginCallback {
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
        // Before the body is parsed.
        async onRequest(request) {
          throw new HttpProblem(405, `${request.method} is not allowed here. Allowed: ${allow}.`, {
            headers: { allow },
          });
        },
        handler: async () => {},
      });
    }
    done();
  };
}
