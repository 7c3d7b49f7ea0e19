/** Reports as self-contained HTML pages: no scripts, no fonts, no external resources. */

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --faint: #66707d; --paper: #fff; --rule: #dde2e8; --ours: #0b6bcb; --baseline: #c2410c; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --faint: #9aa5b1; --paper: #12161c; --rule: #2c343e; --ours: #5aa9ff; --baseline: #ff9d5c; --bad: #ff8a80; }
}
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
.words { text-align: left; }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; fill: var(--ink); }
.faint { fill: var(--faint); font-size: 11px; }
.grid { stroke: var(--rule); }
.ours { fill: var(--ours); }
`;

export const escapedHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** @param body HTML. @param style in addition to the style of all reports. Images may only be data. */
export function htmlPage({ title, body, style }: { title: string; body: string; style: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapedHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
<h1>${escapedHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** @param words columns with words, which are aligned to the left. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly string[],
): string {
  const alignment = (at: number) => (words.includes(head[at] ?? '') ? ' class="words"' : '');
  const heads = head.map((each, at) => `<th scope="col"${alignment(at)}>${escapedHtml(each)}</th>`).join('');
  const line = (row: readonly string[]) =>
    `<tr>${row.map((each, at) => `<td${alignment(at)}>${escapedHtml(each)}</td>`).join('')}</tr>`;
  return `<div class="wide" tabindex="0"><table><thead><tr>${heads}</tr></thead><tbody>\n${rows.map(line).join('\n')}\n</tbody></table></div>`;
}
