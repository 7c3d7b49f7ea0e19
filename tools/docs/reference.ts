/** The pages of docs/reference that are made from code: npm run docs:reference */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { commandsPage } from './commands.ts';
import { errorsPage } from './errors.ts';
import { libraryPage, libraryProgram } from './library.ts';
import { logEventsPage } from './log-events.ts';
import { restPage } from './rest.ts';
import { settingsPage } from './settings.ts';

export const REFERENCE = path.join(import.meta.dirname, '../../docs/reference');

/** The text of each page, by its file; but for that of the library, which takes a compiler some seconds. */
export const referencePages = async (): Promise<Readonly<Record<string, string>>> => ({
  'commands.md': await commandsPage(),
  'settings.md': settingsPage(),
  'rest.md': await restPage(),
  'errors.md': errorsPage(),
  'log-events.md': logEventsPage(),
});

if (import.meta.main) {
  const pages = { ...(await referencePages()), 'library.md': libraryPage(libraryProgram()) };
  for (const [file, text] of Object.entries(pages)) await writeFile(path.join(REFERENCE, file), text);
}
