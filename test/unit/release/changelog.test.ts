import { describe, expect, it } from 'vitest';
import { notesOf, released } from '../../../tools/release/changelog.ts';

const BEFORE = '# Changelog\n\n## Unreleased\n\n- A line.\n- Another one.\n';
const EARLIER = '## 0.1.0 - 2026-01-31\n\n- Began.\n';

describe('the changelog of a release', () => {
  it('has its lines under the version and the date, before those of earlier releases', () => {
    expect(released(`${BEFORE}\n${EARLIER}`, '0.2.0', '2026-11-30')).toBe(
      `# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-30\n\n- A line.\n- Another one.\n\n${EARLIER}`,
    );
  });

  it('has what changesets wrote as well, and the first release needs no other', () => {
    const written = '## 0.2.0\n\n### Minor Changes\n\n- 0123abc: From a changeset.\n';
    expect(released(`${BEFORE}\n${written}\n${EARLIER}`, '0.2.0', '2026-11-30')).toBe(
      `# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-30\n\n- A line.\n- Another one.\n\n### Minor Changes\n\n- 0123abc: From a changeset.\n\n${EARLIER}`,
    );
    expect(released(`# Changelog\n\n${written}\n## Unreleased\n`, '0.2.0', '2026-11-30')).toBe(
      `# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-30\n\n### Minor Changes\n\n- 0123abc: From a changeset.\n`,
    );
  });

  it('is not made of nothing', () => {
    expect(() => released(`# Changelog\n\n## Unreleased\n\n${EARLIER}`, '0.2.0', '2026-11-30')).toThrow(
      'CHANGELOG.md says nothing about 0.2.0.',
    );
  });

  it('gives the notes of the release, which needs a date', () => {
    const after = released(`${BEFORE}\n${EARLIER}`, '0.2.0', '2026-11-30');
    expect(notesOf(after, '0.2.0')).toBe('- A line.\n- Another one.\n');
    expect(notesOf(after, '0.1.0')).toBe('- Began.\n');
    expect(() => notesOf(`${BEFORE}\n## 0.2.0\n\n- x\n`, '0.2.0')).toThrow('no section of 0.2.0 with a date');
  });
});
