/** The part of a page of docs that a command makes. It is between two comments. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const END = '<!-- End of what it made. -->\n';

export class MadePart {
  readonly #page: string;
  readonly #begin: string;

  /** @param page its path in the repository. */
  constructor(page: string, command: string) {
    this.#page = path.join(import.meta.dirname, '..', page);
    this.#begin = `<!-- Made by: ${command} -->\n`;
  }

  /** True if the page has this text there. */
  async is(text: string): Promise<boolean> {
    return (await readFile(this.#page, 'utf8')).includes(`${this.#begin}${text}${END}`);
  }

  async write(text: string): Promise<void> {
    const page = await readFile(this.#page, 'utf8');
    const at = page.indexOf(this.#begin);
    if (at < 0) throw new Error(`${this.#page} has no line ${this.#begin}`);
    const after = page.slice(page.indexOf(END, at));
    await writeFile(this.#page, `${page.slice(0, at)}${this.#begin}${text}${after}`);
  }
}
