/** Copies docs/ to .pages/, with the links that leave it led to the repository. */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const REPOSITORY = path.join(import.meta.dirname, '..');
export const DOCS = path.join(REPOSITORY, 'docs');
export const PAGES = path.join(import.meta.dirname, '.pages');
/** That of the page of the service. */
export const ICON = 'favicon.svg';

/** Where the source is to be read; undefined while package.json names no repository. */
export function sourceUrl(): string | undefined {
  const { repository } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));
  const url: string | undefined = typeof repository === 'string' ? repository : repository?.url;
  return url?.replace(/^git\+/, '').replace(/\.git$/, '');
}

/** Forges show README.md for a folder, a site index.html. */
const asIndex = (file: string): string => file.replace(/README\.md/, 'index.md');

function forSite(page: string, text: string, source: string | undefined): string {
  return text.replaceAll(/\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, label: string, target: string) => {
    if (/^([a-z]+:|#)/i.test(target)) return whole;
    const to = path.join('docs', path.dirname(page), target);
    if (to.startsWith('docs/')) return `[${label}](${asIndex(target)})`;
    return source === undefined ? label : `[${label}](${source}/blob/main/${to})`;
  });
}

export function copyPages(): void {
  rmSync(PAGES, { recursive: true, force: true });
  const source = sourceUrl();
  for (const file of globSync('**/*.md', { cwd: DOCS })) {
    const to = path.join(PAGES, asIndex(file));
    mkdirSync(path.dirname(to), { recursive: true });
    writeFileSync(to, forSite(file, readFileSync(path.join(DOCS, file), 'utf8'), source));
  }
  cpSync(path.join(DOCS, 'img'), path.join(PAGES, 'img'), { recursive: true });
  cpSync(path.join(REPOSITORY, 'src/web/page/public', ICON), path.join(PAGES, 'public', ICON));
}

if (import.meta.main) copyPages();
