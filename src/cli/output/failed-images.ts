import type { ErrorCode, ImageError } from '../../core/model/outcome.ts';
import { plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';

/** Images that are named with their reasons; the others are counted. */
const SHOWN = 10;

/** The images of a job that have an error: the first ones, and how many there are of each code. */
export class FailedImages {
  count = 0;
  readonly #first: { name: string; error: ImageError }[] = [];
  readonly #codes = new Set<ErrorCode>();

  add({ name, error }: { name: string; error: ImageError }): void {
    this.count++;
    this.#codes.add(error.code);
    if (this.#first.length < SHOWN) this.#first.push({ name, error });
  }

  /** What failed, why, and what to do: the lines of an error, and of its hint. */
  report(job: string): { message: string; hint: string } {
    const lines = this.#first.map(
      ({ name, error }) => `  ${plainName(name)}: ${error.message} (${error.code})`,
    );
    const others = this.count - this.#first.length;
    if (others > 0) lines.push(`  and ${others} more: imgcls results ${job} --errors`);
    const ways = new Set([...this.#codes].map((code) => WAYS_OUT[code](job)));
    return {
      message: [`${pluralize(this.count, 'image')} failed:`, ...lines].join('\n'),
      hint: [...ways].join('\n'),
    };
  }
}

const retry = (before: string) => (job: string) => `${before} "imgcls retry ${job}".`;
const restore = retry('Replace or restore the file, then run');
const again = retry('To try again, run');

/** What a person can do about an image with this error. */
const WAYS_OUT: Readonly<Record<ErrorCode, (job: string) => string>> = {
  not_an_image: restore,
  truncated: restore,
  missing: restore,
  unreadable: retry('Replace the file or make it readable, then run'),
  changed: restore,
  unsupported_format: () => 'Convert files of other formats to JPEG or PNG, and label them again.',
  too_large: retry('Raise the limit that the reason names (see "imgcls config"), then run'),
  model_unavailable: again,
  worker_crash: again,
  deadline: again,
};
