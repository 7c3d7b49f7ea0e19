/** A histogram of waiting times with buckets of one percent: little memory for any number of images. */
export class Waits {
  static readonly #STEP = Math.log(1.01);
  readonly #images: number[] = [];
  #total = 0;

  add(waitMs: number, images: number): void {
    const at = Math.ceil(Math.log(Math.max(1, waitMs)) / Waits.#STEP);
    this.#images[at] = (this.#images[at] ?? 0) + images;
    this.#total += images;
  }

  /** The time within which this share of the images was done; 0 without images. */
  quantileMs(share: number): number {
    let seen = 0;
    for (let at = 0; at < this.#images.length; at++) {
      seen += this.#images[at] ?? 0;
      if (seen > 0 && seen >= share * this.#total) return Math.exp(at * Waits.#STEP);
    }
    return 0;
  }
}
