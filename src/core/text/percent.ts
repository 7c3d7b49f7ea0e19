/** @param share 0 to 1. @returns such as "97.1 %". */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** As {@link percent}, such as "97 %". Only what is certain is 100 %, and only what is impossible is 0 %. */
export function wholePercent(share: number): string {
  if (share > 0 && share < 0.005) return '< 1 %';
  return `${share < 1 ? Math.min(99, Math.round(100 * share)) : 100} %`;
}
