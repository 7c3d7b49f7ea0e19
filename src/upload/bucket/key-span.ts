// Where in a bucket the next keys are, judged by those of a page of its listing: counters, dates and digests grow evenly.

const DIGITS = '0123456789';
/** Characters that count together, in the order of their bytes. */
const CLASSES = [DIGITS, 'ABCDEF', 'GHIJKLMNOPQRSTUVWXYZ', 'abcdef', 'ghijklmnopqrstuvwxyz'];

/** What follows the digits of a number. */
const SEPARATOR = /[^0-9A-Za-z].*$/s;

/** A thousand keys differ in so many characters at least, unless they have other characters than letters and digits. */
const COUNTED_CHARS = 3;
/** Of the largest alphabet, 62^8 numbers are exact in floating point. */
const MAX_CHARS = 8;

/** The part of consecutive keys that counts up, as a number in the base of its alphabet. */
export class KeySpan {
  readonly #at: number;
  readonly #length: number;
  readonly #alphabet: string;
  readonly #last: string;
  readonly #span: number;

  /**
   * @param keys in order.
   * @param prefix which all keys of the listing have.
   */
  constructor(keys: readonly string[], prefix: string) {
    const [first = '', last = ''] = [keys[0], keys.at(-1)];
    this.#last = last;
    let differs = prefix.length;
    while (differs < last.length && last[differs] === first[differs]) differs++;
    this.#alphabet = alphabetOf(
      keys.map((key) => key.slice(differs, differs + COUNTED_CHARS).replace(SEPARATOR, '')),
    );
    let at = differs;
    while (at > prefix.length && differs - at < MAX_CHARS - COUNTED_CHARS && this.#isDigit(last[at - 1]))
      at--;
    let end = differs;
    while (end < differs + COUNTED_CHARS && this.#isDigit(last[end])) end++;
    this.#at = at;
    this.#length = end - at;
    this.#span = this.#valueOf(last) - this.#valueOf(first);
  }

  /**
   * About the key that follows another one by so many times the distance of the first and the last. Undefined: there is
   * none that counts on, or `key` has another beginning.
   */
  after(key: string, spans: number): string | undefined {
    const beginning = this.#last.slice(0, this.#at);
    const base = this.#alphabet.length;
    const value = Math.round(this.#valueOf(key) + spans * this.#span);
    if (this.#span <= 0 || !key.startsWith(beginning) || value >= base ** this.#length) return undefined;
    return beginning + this.#digitsOf(value);
  }

  #digitsOf(value: number): string {
    let digits = '';
    for (let left = value; digits.length < this.#length; left = Math.floor(left / this.#alphabet.length))
      digits = `${this.#alphabet[left % this.#alphabet.length]}${digits}`;
    return digits;
  }

  #isDigit(char: string | undefined): boolean {
    return char !== undefined && this.#alphabet.includes(char);
  }

  /** A key that ends early, or has other characters, counts as the number that its beginning is. */
  #valueOf(key: string): number {
    let value = 0;
    let isOver = false;
    for (let place = 0; place < this.#length; place++) {
      const char = key[this.#at + place];
      isOver ||= !this.#isDigit(char);
      value = value * this.#alphabet.length + (isOver ? 0 : this.#alphabet.indexOf(char ?? ''));
    }
    return value;
  }
}

/** Only letters and digits: others separate parts of keys. */
function alphabetOf(texts: readonly string[]): string {
  const seen = new Set(texts.join(''));
  return CLASSES.filter((chars) => [...chars].some((char) => seen.has(char))).join('');
}
