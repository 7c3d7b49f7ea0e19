import type { ErrorCode, ImageError } from '../../core/model/outcome.ts';
import { isWebAddress } from '../../core/network/web-address.ts';
import { plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';

/** Images that are named with their reasons; the others are counted. */
const SHOWN = 10;

/** The images of a job that have an error: the first ones, how many there are, and what to do. */
export class FailedImages {
  count = 0;
  readonly #first: { name: string; error: ImageError }[] = [];
  readonly #ways = new Set<WayOut>();

  add({ name, error }: { name: string; error: ImageError }): void {
    this.count++;
    const ways = isWebAddress(name) ? WAYS_OF_WEB : WAYS_OUT;
    this.#ways.add(ways[error.code]);
    if (this.#first.length < SHOWN) this.#first.push({ name, error });
  }

  /** What failed, why, and what to do: the lines of an error, and of its hint. */
  report(job: string): { message: string; hint: string } {
    const lines = this.#first.map(
      ({ name, error }) => `  ${plainName(name)}: ${error.message} (${error.code})`,
    );
    const others = this.count - this.#first.length;
    if (others > 0) lines.push(`  and ${others} more: imgcls results ${job} --errors`);
    const ways = new Set([...this.#ways].map((way) => way(job)));
    return {
      message: [`${pluralize(this.count, 'image')} failed:`, ...lines].join('\n'),
      hint: [...ways].join('\n'),
    };
  }
}

type WayOut = (job: string) => string;

const retry =
  (before: string): WayOut =>
  (job) =>
    `${before} "imgcls retry ${job}".`;
const restore = retry('Replace or restore the file, then run');
const again = retry('To try again, run');

/** What a person can do about an image with this error. */
const WAYS_OUT: Readonly<Record<ErrorCode, WayOut>> = {
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

const check = retry('Open the addresses in a browser to see what they give, then run');
/** The same about an image of the web. */
const WAYS_OF_WEB: typeof WAYS_OUT = {
  ...WAYS_OUT,
  not_an_image: check,
  missing: check,
  unreadable: check,
  truncated: check,
};
