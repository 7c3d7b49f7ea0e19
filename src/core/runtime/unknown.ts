/** A value that could not be read. It is neither zero nor empty. `unknown` holds the reason. */
export interface Unknown {
  readonly unknown: string;
}
export type OrUnknown<T> = T | Unknown;

export const isUnknown = <T>(value: OrUnknown<T>): value is Unknown =>
  typeof value === 'object' && value !== null && 'unknown' in value;
