import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isKnownVersion, prefersHtml } from '../negotiation.ts';
import { HttpProblem } from '../problem.ts';

/**
 * Paths of the page's views, and the way from each to the start page. All return index.html, so that each can be shared and
 * reloaded. Its addresses are relative to the start page, so the service need not know below which path a proxy has it.
 */
const VIEWS = { '/': './', '/find': './', '/jobs': './', '/jobs/:id': '../', '/fleet': './' };

/** The page with the way from the address of one of its views to the start page. */
const withStart = (html: string, start: string): string =>
  html.replace('<base href="./"', `<base href="${start}"`);

/** Browsers get the page, which says that there is nothing here; programs get a problem document. */
const answerUnknown =
  (html: string | undefined) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (html === undefined || !prefersHtml(request)) throw new HttpProblem(404, 'Path not found.');
    const [pathname = ''] = request.url.split('?');
    const start = '../'.repeat(pathname.split('/').length - 2) || './';
    return reply.code(404).type(HTML_TYPE).send(withStart(html, start));
  };

const HTML_TYPE = 'text/html; charset=utf-8';

/** The page's files. They need no token, as they contain nothing about jobs. */
export async function pageRoutes(
  app: FastifyInstance,
  { folder, samplesDir }: { folder: string; samplesDir: string },
): Promise<void> {
  const index = path.join(folder, 'index.html');
  const html = existsSync(index) ? readFileSync(index, 'utf8') : undefined;
  const open = { config: { isPublic: true }, schema: { hide: true } };
  app.addHook('onRoute', (route) => {
    if (!/^\/(assets|samples)\//.test(route.url)) return;
    route.config = { ...route.config, isPublic: true, rateLimit: false };
    route.schema = { ...route.schema, hide: true };
  });
  await app.register(fastifyStatic, {
    root: samplesDir,
    prefix: '/samples/',
    decorateReply: html === undefined,
    maxAge: '1d',
  });
  if (html !== undefined) {
    // Immutable: Vite puts a hash of the content into the names of assets.
    await app.register(fastifyStatic, {
      root: path.join(folder, 'assets'),
      prefix: '/assets/',
      preCompressed: true,
      immutable: true,
      maxAge: '365d',
    });
    for (const file of ['favicon.svg', 'THIRD-PARTY-NOTICES.txt'])
      app.get(`/${file}`, open, async (_request, reply) =>
        reply.sendFile(file, folder, { immutable: false, maxAge: 0 }),
      );
  }
  for (const [url, start] of Object.entries(VIEWS)) {
    const view = html && withStart(html, start);
    const etag = `"${createHash('sha256')
      .update(view ?? '')
      .digest('base64url')}"`;
    app.get(url, open, async (request, reply) => {
      if (view === undefined) throw new HttpProblem(503, 'The page is not built.', { hint: 'npm run build' });
      reply.headers({ etag, 'cache-control': 'no-cache' });
      if (isKnownVersion(request, etag)) return reply.code(304).send();
      return reply.type(HTML_TYPE).send(view);
    });
  }
  app.setNotFoundHandler(answerUnknown(html));
}
