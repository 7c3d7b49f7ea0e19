/** Dollars for a person: small sums keep the digits that tell them apart. `$0.0123`, `$4.20`. */
export function dollars(usd: number): string {
  if (usd > 0 && usd < 0.0001) return '<$0.0001';
  return `$${usd.toFixed(usd > 0 && usd < 1 ? 4 : 2)}`;
}
