// Recognises colour profiles that say sRGB, by their numbers. Programs write many that differ in bytes and names.

/** The colours of red, green and blue: X, Y, Z under the profiles' standard illuminant (D50). */
const PRIMARIES: Readonly<Record<string, readonly [number, number, number]>> = {
  rXYZ: [0.4361, 0.2225, 0.0139],
  gXYZ: [0.3851, 0.7169, 0.0971],
  bXYZ: [0.1431, 0.0606, 0.7141],
};
const CURVES = ['rTRC', 'gTRC', 'bTRC'];
/** Of shares of white: a quarter of a level of 8 bits. */
const TOLERANCE = 0.001;
/** Where curves are compared. Gamma 2.2 differs from sRGB by up to 0.004. */
const SAMPLES = Array.from({ length: 17 }, (_, index) => index / 16);

/** Offsets in a profile, and sizes. */
const COLOUR_SPACE_AT = 16;
const TAG_COUNT_AT = 128;
const TAG_BYTES = 12;
const MAX_TAGS = 100;
/** Of a tag's data: its type and four zeros. */
const TYPE_BYTES = 8;

/** Whether pixels with this ICC profile are sRGB already. False for a profile that is damaged or of another kind. */
export function isSrgbProfile(profile: Buffer): boolean {
  try {
    const tags = tagsOf(profile);
    // Tables have precedence over primaries and curves.
    if (profile.toString('latin1', COLOUR_SPACE_AT, COLOUR_SPACE_AT + 4) !== 'RGB ' || tags.has('A2B0'))
      return false;
    const hasPrimaries = Object.entries(PRIMARIES).every(([name, xyz]) =>
      xyz.every((value, index) => isNear(fixed(tagOf(tags, name), TYPE_BYTES + 4 * index), value)),
    );
    return hasPrimaries && CURVES.every((name) => isSrgbCurve(tagOf(tags, name)));
  } catch (error) {
    // Read beyond the end.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function tagsOf(profile: Buffer): Map<string, Buffer> {
  const tags = new Map<string, Buffer>();
  const count = Math.min(profile.readUInt32BE(TAG_COUNT_AT), MAX_TAGS);
  for (let index = 0; index < count; index++) {
    const at = TAG_COUNT_AT + 4 + TAG_BYTES * index;
    const from = profile.readUInt32BE(at + 4);
    tags.set(
      profile.toString('latin1', at, at + 4),
      profile.subarray(from, from + profile.readUInt32BE(at + 8)),
    );
  }
  return tags;
}

const tagOf = (tags: ReadonlyMap<string, Buffer>, name: string): Buffer => tags.get(name) ?? Buffer.alloc(0);

function isSrgbCurve(tag: Buffer): boolean {
  const type = tag.toString('latin1', 0, 4);
  if (type !== 'curv' && type !== 'para') return false;
  const curve = type === 'curv' ? sampledCurve(tag) : parametricCurve(tag);
  return curve !== undefined && SAMPLES.every((sample) => isNear(curve(sample), srgb(sample)));
}

type Curve = (value: number) => number;

const srgb: Curve = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** A table of shares of 65,535; undefined for a plain power, which has one entry or none. */
function sampledCurve(tag: Buffer): Curve | undefined {
  const last = tag.readUInt32BE(TYPE_BYTES) - 1;
  if (last < 1) return undefined;
  const entry = (index: number) => tag.readUInt16BE(TYPE_BYTES + 4 + 2 * index) / 65_535;
  return (value) => {
    const index = Math.min(Math.floor(value * last), last - 1);
    const share = value * last - index;
    return (1 - share) * entry(index) + share * entry(index + 1);
  };
}

/** The one form of formula that sRGB has; undefined for others. */
const SRGB_FORM = 3;

function parametricCurve(tag: Buffer): Curve | undefined {
  if (tag.readUInt16BE(TYPE_BYTES) !== SRGB_FORM) return undefined;
  const [gamma = 0, a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3, 4].map((index) =>
    fixed(tag, TYPE_BYTES + 4 + 4 * index),
  );
  return (value) => (value >= d ? (a * value + b) ** gamma : c * value);
}

const fixed = (tag: Buffer, at: number): number => tag.readInt32BE(at) / 65_536;
const isNear = (value: number, other: number): boolean => Math.abs(value - other) <= TOLERANCE;
