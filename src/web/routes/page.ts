import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { HttpProblem } from '../problem.ts';

/** Paths of the page's views. All return index.html, so that each can be shared and reloaded. */
const VIEWS = ['/', '/jobs', '/jobs/:id', '/fleet'];

/** The page's files. They need no token, as they contain nothing about jobs. */
export async function pageRoutes(app: FastifyInstance, { folder }: { folder: string }): Promise<void> {
  const isBuilt = existsSync(path.join(folder, 'index.html'));
  const open = { config: { isPublic: true }, schema: { hide: true } };
  if (isBuilt) {
    app.addHook('onRoute', (route) => {
      if (!route.url.startsWith('/assets/')) return;
      route.config = { ...route.config, isPublic: true, rateLimit: false };
      route.schema = { ...route.schema, hide: true };
    });
    // Immutable: Vite puts a hash of the content into the names of assets.
    await app.register(fastifyStatic, {
      root: path.join(folder, 'assets'),
      prefix: '/assets/',
      immutable: true,
      maxAge: '365d',
    });
    app.get('/favicon.svg', open, async (_request, reply) =>
      reply.sendFile('favicon.svg', folder, { immutable: false, maxAge: 0 }),
    );
  }
  for (const url of VIEWS) {
    app.get(url, open, async (_request, reply) => {
      if (!isBuilt) throw new HttpProblem(503, 'The page is not built.', { hint: 'npm run build' });
      return reply.sendFile('index.html', folder, { immutable: false, maxAge: 0 });
    });
  }
}
