import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { OpenAPIV3_1 } from 'openapi-types';
import { HttpProblem } from '../problem.ts';
import { referenceHtml } from '../reference/render.ts';

/** Addresses of the reference, and the way from each to the start page. */
const PATHS = { '/docs': './', '/docs/': '../' };
const PLACE = '<!-- reference -->';
const FIND_PLACE = '<!-- find -->';
const FIND_LINK = '<a href="find">Find</a>';

/** `/docs`: the REST reference, made from the OpenAPI document. */
export function referenceRoutes(
  app: FastifyInstance,
  { folder, hasSearch }: { folder: string; hasSearch: boolean },
): void {
  const file = path.join(folder, 'reference.html');
  const template = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  for (const [url, start] of Object.entries(PATHS)) {
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      if (template === undefined)
        throw new HttpProblem(503, 'The page is not built.', { hint: 'npm run build' });
      const reference = referenceHtml(
        app.swagger() as OpenAPIV3_1.Document,
        `${request.protocol}://${request.host}`,
      );
      const html = template
        .replace('<base href="./"', `<base href="${start}"`)
        .replace(FIND_PLACE, hasSearch ? FIND_LINK : '')
        .replace(PLACE, () => reference);
      return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(html);
    });
  }
}
