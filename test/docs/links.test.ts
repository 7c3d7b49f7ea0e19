import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, linksOf, pages, repository } from './pages.ts';

const anchors = new Map(pages.map((page) => [page.file, anchorsOf(page)]));

/** Why a reader would not arrive. */
function brokenLink(from: string, target: string): string | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined;
  const [file = '', anchor] = target.split('#');
  const to = file === '' ? from : path.join(path.dirname(from), decodeURI(file));
  if (to.startsWith('..')) return `${target} leaves the repository`;
  if (!existsSync(path.join(repository, to))) return `there is no file ${to}`;
  if (anchor === undefined) return undefined;
  const known = anchors.get(to);
  if (known === undefined) return `${to} is no page that has anchors`;
  return known.has(anchor) ? undefined : `${to} has no heading #${anchor}`;
}

describe('links between pages', () => {
  it('are found', () => {
    expect(pages.flatMap(linksOf).length).toBeGreaterThan(200);
  });

  it.each(pages.map((page) => [page.file, page] as const))('of %s lead somewhere', (file, page) => {
    const broken = linksOf(page).flatMap(({ line, target }) => {
      const why = brokenLink(file, target);
      return why === undefined ? [] : [`${file}:${line}: ${why}`];
    });
    expect(broken).toEqual([]);
  });

  it('lead from docs/README.md or docs/decisions/README.md to every page of docs', () => {
    const linked = (index: string) => {
      const page = pages.find(({ file }) => file === index);
      if (page === undefined) throw new Error(`There is no page ${index}.`);
      return linksOf(page).map(({ target }) => path.join(path.dirname(index), target.split('#')[0] ?? ''));
    };
    const found = new Set([
      'docs/README.md',
      ...linked('docs/README.md'),
      ...linked('docs/decisions/README.md'),
    ]);
    const lost = pages.map(({ file }) => file).filter((file) => file.startsWith('docs/') && !found.has(file));
    expect(lost).toEqual([]);
  });
});
