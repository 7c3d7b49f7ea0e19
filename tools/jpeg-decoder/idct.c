// The inverse DCT of libjpeg-turbo ("islow", jidctint.c) in instructions on eight numbers. It gives the same numbers: of the
// 64 pixels of a block, eight columns are computed at a time, then eight rows.
#include <stddef.h>
#include <stdio.h>
#include <wasm_simd128.h>

#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jdct.h"
#include "jsimddct.h"

// Factors of jidctint.c in 1/8192.
#define FIX_0_298631336 2446
#define FIX_0_390180644 3196
#define FIX_0_541196100 4433
#define FIX_0_765366865 6270
#define FIX_0_899976223 7373
#define FIX_1_175875602 9633
#define FIX_1_501321110 12299
#define FIX_1_847759065 15137
#define FIX_1_961570560 16069
#define FIX_2_053119869 16819
#define FIX_2_562915447 20995
#define FIX_3_072711026 25172
#define FACTOR_BITS 13
// Columns keep two bits of fractions. Rows drop them and the 8 that two transforms of 8 numbers add.
#define FRACTION_BITS 2
#define COLUMN_SHIFT (FACTOR_BITS - FRACTION_BITS)
#define ROW_SHIFT (FACTOR_BITS + FRACTION_BITS + 3)

#define PAIR(a, b) wasm_i16x8_const(a, b, a, b, a, b, a, b)
#define LOW16(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH16(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW32(a, b) wasm_i32x4_shuffle(a, b, 0, 4, 1, 5)
#define HIGH32(a, b) wasm_i32x4_shuffle(a, b, 2, 6, 3, 7)
#define LOW64(a, b) wasm_i64x2_shuffle(a, b, 0, 2)
#define HIGH64(a, b) wasm_i64x2_shuffle(a, b, 1, 3)

// Eight sums of 32 bits.
typedef struct {
  v128_t low, high;
} Sums;

// a * factors[0] + b * factors[1]
static inline Sums dot(v128_t a, v128_t b, v128_t factors) {
  return (Sums){wasm_i32x4_dot_i16x8(LOW16(a, b), factors), wasm_i32x4_dot_i16x8(HIGH16(a, b), factors)};
}

static inline Sums add(Sums a, Sums b) {
  return (Sums){wasm_i32x4_add(a.low, b.low), wasm_i32x4_add(a.high, b.high)};
}

static inline Sums subtract(Sums a, Sums b) {
  return (Sums){wasm_i32x4_sub(a.low, b.low), wasm_i32x4_sub(a.high, b.high)};
}

static inline Sums times_one(v128_t a) {
  return (Sums){
    wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(a), FACTOR_BITS),
    wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(a), FACTOR_BITS),
  };
}

static inline v128_t rounded(Sums sums, int shift) {
  v128_t half = wasm_i32x4_splat(1 << (shift - 1));
  return wasm_i16x8_narrow_i32x4(
    wasm_i32x4_shr(wasm_i32x4_add(sums.low, half), shift), wasm_i32x4_shr(wasm_i32x4_add(sums.high, half), shift));
}

// Transforms eight columns; `in` has a row in each element.
static inline void transform(v128_t *in, int shift) {
  // The even rows.
  Sums two = dot(in[2], in[6], PAIR(FIX_0_541196100, FIX_0_541196100 - FIX_1_847759065));
  Sums three = dot(in[2], in[6], PAIR(FIX_0_541196100 + FIX_0_765366865, FIX_0_541196100));
  Sums zero = times_one(wasm_i16x8_add(in[0], in[4])), one = times_one(wasm_i16x8_sub(in[0], in[4]));
  Sums even[] = {add(zero, three), add(one, two), subtract(one, two), subtract(zero, three)};
  // The odd ones.
  v128_t z3 = wasm_i16x8_add(in[7], in[3]), z4 = wasm_i16x8_add(in[5], in[1]);
  Sums y3 = dot(z3, z4, PAIR(FIX_1_175875602 - FIX_1_961570560, FIX_1_175875602));
  Sums y4 = dot(z3, z4, PAIR(FIX_1_175875602, FIX_1_175875602 - FIX_0_390180644));
  Sums odd[] = {
    add(dot(in[7], in[1], PAIR(-FIX_0_899976223, FIX_1_501321110 - FIX_0_899976223)), y4),
    add(dot(in[5], in[3], PAIR(-FIX_2_562915447, FIX_3_072711026 - FIX_2_562915447)), y3),
    add(dot(in[5], in[3], PAIR(FIX_2_053119869 - FIX_2_562915447, -FIX_2_562915447)), y4),
    add(dot(in[7], in[1], PAIR(FIX_0_298631336 - FIX_0_899976223, -FIX_0_899976223)), y3),
  };
  for (int row = 0; row < 4; row++) {
    in[row] = rounded(add(even[row], odd[row]), shift);
    in[7 - row] = rounded(subtract(even[row], odd[row]), shift);
  }
}

static inline void transpose(v128_t *rows) {
  v128_t a[8], b[8];
  for (int pair = 0; pair < 4; pair++) {
    a[2 * pair] = LOW16(rows[2 * pair], rows[2 * pair + 1]);
    a[2 * pair + 1] = HIGH16(rows[2 * pair], rows[2 * pair + 1]);
  }
  for (int half = 0; half < 8; half += 4) {
    b[half] = LOW32(a[half], a[half + 2]);
    b[half + 1] = HIGH32(a[half], a[half + 2]);
    b[half + 2] = LOW32(a[half + 1], a[half + 3]);
    b[half + 3] = HIGH32(a[half + 1], a[half + 3]);
  }
  for (int row = 0; row < 4; row++) {
    rows[2 * row] = LOW64(b[row], b[row + 4]);
    rows[2 * row + 1] = HIGH64(b[row], b[row + 4]);
  }
}

static inline int is_zero(const v128_t *rows, int count) {
  v128_t any = rows[0];
  for (int row = 1; row < count; row++) any = wasm_v128_or(any, rows[row]);
  return !wasm_v128_any_true(any);
}

int jsimd_can_idct_islow(void) { return 1; }

void jsimd_idct_islow(
  j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR coefficients, JSAMPARRAY output, JDIMENSION column) {
  const v128_t *from = (const v128_t *)coefficients, *factors = component->dct_table;
  v128_t rows[8];
  if (is_zero(from + 1, 7)) {
    // Smooth blocks: each column has one colour.
    int16_t means[8];
    wasm_v128_store(means, wasm_i16x8_shl(wasm_i16x8_mul(from[0], factors[0]), FRACTION_BITS));
    for (int row = 0; row < 8; row++) rows[row] = wasm_i16x8_splat(means[row]);
  } else {
    for (int row = 0; row < 8; row++) rows[row] = wasm_i16x8_mul(from[row], factors[row]);
    transform(rows, COLUMN_SHIFT);
    transpose(rows);
  }
  transform(rows, ROW_SHIFT);
  transpose(rows);
  for (int row = 0; row < 8; row += 2) {
    v128_t levels = wasm_i8x16_narrow_i16x8(rows[row], rows[row + 1]);
    levels = wasm_v128_xor(levels, wasm_i8x16_const_splat(-128));
    wasm_v128_store64_lane(output[row] + column, levels, 0);
    wasm_v128_store64_lane(output[row + 1] + column, levels, 1);
  }
}
