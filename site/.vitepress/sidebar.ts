/** The sidebar: the links of docs/README.md in their order, under its headings, by the titles of their pages. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DefaultTheme } from 'vitepress';
import { DOCS } from '../pages.ts';

const read = (file: string): string => readFileSync(path.join(DOCS, file), 'utf8');

const titleOf = (file: string): string => /^# (.*)$/m.exec(read(file))?.[1] ?? file;

/** `## heading` and the pages of docs that are linked below it, each once. */
function groupsOf(index: string): DefaultTheme.SidebarItem[] {
  const seen = new Set<string>();
  return read(index)
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const targets = [...section.matchAll(/\]\(([^)#]+\.md)[^)]*\)/g)].map(([, target = '']) =>
        path.join(path.dirname(index), target),
      );
      const items = targets.filter((file) => !file.startsWith('..') && !seen.has(file) && seen.add(file));
      return {
        text: section.split('\n')[0] ?? '',
        items: items.map((file) => ({
          text: titleOf(file),
          link: `/${file.replace(/README\.md$|\.md$/, '')}`,
        })),
      };
    });
}

export const sidebar: DefaultTheme.SidebarMulti = {
  '/': groupsOf('README.md'),
  '/decisions/': groupsOf('decisions/README.md'),
};
