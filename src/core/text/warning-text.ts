/** What is said of predictions that are worth little, in the terminal and on the page. */
import type { PredictionWarning } from '../model/outcome.ts';
import { pluralize } from './pluralize.ts';

/** In the order in which they are printed. */
const SENTENCES: Readonly<Record<PredictionWarning, { one: string; several: string }>> = {
  damaged: {
    one: 'is damaged: its label comes from the part that could be decoded.',
    several: 'are damaged: their labels come from the parts that could be decoded.',
  },
  uniform: {
    one: 'has one colour: its label is unreliable.',
    several: 'have one colour: their labels are unreliable.',
  },
  low_resolution: {
    one: 'has fewer than 96 pixels on its shorter side: its label is unreliable.',
    several: 'have fewer than 96 pixels on their shorter side: their labels are unreliable.',
  },
};

/** What the warning of one image says. */
export function warningText(warning: PredictionWarning, decodedShare?: number): string {
  const text = `The image ${SENTENCES[warning].one}`;
  return warning === 'damaged' ? `${text} ${damageText(decodedShare)}` : text;
}

/** How much of a damaged image is left. */
export const damageText = (decodedShare: number | undefined): string =>
  decodedShare === undefined
    ? 'A part of its data is wrong.'
    : `${Math.round(100 * decodedShare)} % of its rows could be decoded.`;

/** A label with a lower score is a guess: people are told so without asking for it. */
export const GUESS_BELOW = 0.2;

/** `3 labels with a score below 20 %: they are guesses.` @param shown the count as text */
export function guessesText(count: number, below: number, shown = String(count)): string {
  const labels = pluralize(count, 'label', shown);
  return `${labels} with a score below ${Math.round(100 * below)} %: ${count === 1 ? 'it is a guess' : 'they are guesses'}.`;
}

/** How many predictions have each warning. */
export class WarningCounts {
  readonly #counts = new Map<PredictionWarning, number>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  add(warning: PredictionWarning): void {
    this.#counts.set(warning, (this.#counts.get(warning) ?? 0) + 1);
  }

  /** `3 images are damaged: ...`: a sentence for each warning that there is. @param shown a count as text */
  texts(shown: (count: number) => string = String): string[] {
    const texts: string[] = [];
    for (const warning of Object.keys(SENTENCES) as PredictionWarning[]) {
      const count = this.#counts.get(warning) ?? 0;
      const { one, several } = SENTENCES[warning];
      if (count > 0) texts.push(`${pluralize(count, 'image', shown(count))} ${count === 1 ? one : several}`);
    }
    return texts;
  }
}
