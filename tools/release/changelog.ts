// The changelog, in which each release has a section with its date. Pure.

const UNRELEASED = '## Unreleased\n';

/**
 * Makes the section of a release: what stands under "Unreleased", then what changesets wrote about the version. "Unreleased" is
 * empty afterwards.
 */
export function released(changelog: string, version: string, date: string): string {
  const own = split(changelog, `## ${version}\n`);
  const { before, section: unreleased, after } = split(`${own.before}${own.after}`, UNRELEASED);
  const lines = [unreleased, own.section].map((text) => text.trim()).filter((text) => text !== '');
  if (lines.length === 0) throw new Error(`CHANGELOG.md says nothing about ${version}.`);
  const sections = [UNRELEASED.trim(), `## ${version} - ${date}`, ...lines, after.trim()];
  return `${[before.trim(), ...sections].filter((text) => text !== '').join('\n\n')}\n`;
}

/** What changed in a release. @throws if it has no section with a date. */
export function notesOf(changelog: string, version: string): string {
  const heading = changelog.split('\n').find((line) => line.startsWith(`## ${version} - `));
  if (heading === undefined)
    throw new Error(`CHANGELOG.md has no section of ${version} with a date. Run "npm run release:version".`);
  return `${split(changelog, `${heading}\n`).section.trim()}\n`;
}

/** The section below a heading of the second level. Without the heading it is empty, and everything comes after it. */
function split(text: string, heading: string): { before: string; section: string; after: string } {
  const at = `\n${text}`.indexOf(`\n${heading}`);
  if (at < 0) return { before: '', section: '', after: text };
  const rest = text.slice(at + heading.length);
  const next = `\n${rest}`.indexOf('\n## ');
  return next < 0
    ? { before: text.slice(0, at), section: rest, after: '' }
    : { before: text.slice(0, at), section: rest.slice(0, next), after: rest.slice(next) };
}
