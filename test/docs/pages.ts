/** The pages of Markdown that users and contributors read: their links, anchors and blocks of code. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { slugOf } from '../../tools/docs/slug.ts';

export const repository = path.resolve(import.meta.dirname, '../..');

export interface Block {
  language: string;
  /** Of the first line of its text in the page. */
  line: number;
  text: string;
}

export interface Page {
  /** In the repository. */
  file: string;
  text: string;
  blocks: readonly Block[];
  /** The text without its blocks of code, line by line: numbers of lines stay. */
  prose: readonly string[];
}

export const pages: readonly Page[] = globSync(
  ['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'samples/*.md', 'templates/**/*.md', '.github/**/*.md'],
  { cwd: repository, exclude: ['**/node_modules/**'] },
)
  .sort()
  .map(readPage);

function readPage(file: string): Page {
  const text = readFileSync(path.join(repository, file), 'utf8');
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: { indent: string; fence: string; language: string; line: number; lines: string[] } | undefined;
  for (const [at, line] of text.split('\n').entries()) {
    const [, indent = '', fence = '', language = ''] = /^(\s*)(`{3,})(\w*)/.exec(line) ?? [];
    if (open === undefined) {
      prose.push(fence === '' ? line : '');
      if (fence !== '') open = { indent, fence, language, line: at + 2, lines: [] };
      continue;
    }
    prose.push('');
    if (fence === open.fence) {
      blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') });
      open = undefined;
    } else open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
  }
  return { file, text, blocks, prose };
}

/** The anchors of a page. A heading that comes again gets a number. */
export function anchorsOf({ prose }: Page): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const line of prose) {
    for (const [, id = ''] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*$/.exec(line) ?? [];
    if (heading === undefined) continue;
    const slug = slugOf(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

export interface Link {
  line: number;
  target: string;
}

/** Links and pictures, of Markdown and of HTML. */
export function linksOf({ prose }: Page): Link[] {
  return prose.flatMap((line, at) => {
    const plain = line.replaceAll(/`[^`]*`/g, '');
    const found = [...plain.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|\s(?:src|href|srcset)="([^"]+)"/g)];
    return found.map(([, markdown, html]) => ({ line: at + 1, target: markdown ?? html ?? '' }));
  });
}
