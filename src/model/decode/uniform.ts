/** The standard deviation of a channel, of 255, below which a picture has one colour. */
const MAX_DEVIATION = 2;
/** Every so many pixels are looked at: enough of 224 x 224, and coprime to the side. */
const STEP = 29;

/** Whether a picture has one colour. @param pixels three bytes a pixel */
export function isUniform(pixels: Uint8Array): boolean {
  return [0, 1, 2].every((channel) => deviationOf(pixels, channel) < MAX_DEVIATION);
}

function deviationOf(pixels: Uint8Array, channel: number): number {
  let [count, sum, squares] = [0, 0, 0];
  for (let at = channel; at < pixels.length; at += 3 * STEP) {
    const value = pixels[at] as number;
    count++;
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}
