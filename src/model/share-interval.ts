/** Quantile of the normal distribution for 95 %. */
const Z = 1.96;

/**
 * The 95 % interval of a share (Wilson's): where that of many such images lies.
 * @param right of so many images.
 */
export function shareInterval(right: number, images: number): [low: number, high: number] {
  const share = right / images;
  const spread = (Z * Z) / images;
  const middle = share + spread / 2;
  const half = Z * Math.sqrt((share * (1 - share) + spread / 4) / images);
  return [Math.max(0, (middle - half) / (1 + spread)), Math.min(1, (middle + half) / (1 + spread))];
}
