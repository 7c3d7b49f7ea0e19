/** Parts of the pages that are made from code. */

/** Text that Markdown shows as it is, also in a cell of a table. */
export const escaped = (text: string): string =>
  text.replaceAll(/[\\`*<>[\]|]/g, '\\$&').replaceAll(/\s+/g, ' ');

/** Code in a cell of a table. */
export const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** A page that says of itself where it comes from. */
export const page = (title: string, ...parts: readonly string[]): string =>
  ['<!-- Made by: npm run docs:reference. Change the code, not this page. -->', `# ${title}`, ...parts, '']
    .join('\n\n')
    .trimEnd()
    .concat('\n');
