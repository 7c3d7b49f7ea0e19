/** US dollars for people: `$4.20`, and four decimals for small amounts: `$0.0123`. */
export function dollars(usd: number): string {
  if (usd > 0 && usd < 0.0001) return '<$0.0001';
  return `$${usd.toFixed(usd > 0 && usd < 1 ? 4 : 2)}`;
}
