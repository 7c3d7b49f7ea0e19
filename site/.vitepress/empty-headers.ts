/** A cell above a column without a title is no header: screen readers would announce one that says nothing. */
import type { MarkdownRenderer } from 'vitepress';

export function emptyHeaders({ core }: MarkdownRenderer): void {
  core.ruler.push('empty-headers', ({ tokens }) => {
    for (const [at, { type, content }] of tokens.entries()) {
      const [open, close] = [tokens[at - 1], tokens[at + 1]];
      if (type !== 'inline' || content !== '' || open?.type !== 'th_open' || close === undefined) continue;
      open.tag = 'td';
      close.tag = 'td';
    }
  });
}
