// Scales a picture and crops it, in instructions on sixteen bytes. Rows first, then columns; the sums between them are in one
// row of memory.
//
// Numbers have 16 bits: weights in 1/16384, sums of rows in 1/64 and sums of columns in 1/32 of a level of colour. An instruction
// multiplies two of them and divides by 32768: a level times 128 and a weight make 1/64, that and a weight make 1/32.
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define STEP 16
#define ROUND_UP 16
#define LEVEL_SHIFT 5

// Writes the weighted sums of a row at `from` and of the rows below it.
static void mix_rows(
  const uint8_t *from, size_t row_bytes, const int16_t *weights, size_t taps, int16_t *to, const int16_t *to_end) {
  for (; to < to_end; to += STEP, from += STEP) {
    const uint8_t *at = from;
    v128_t low = wasm_i64x2_const_splat(0), high = low;
    for (size_t tap = 0; tap < taps; tap++, at += row_bytes) {
      v128_t levels = wasm_v128_load(at), weight = wasm_v128_load16_splat(weights + tap);
      v128_t first = wasm_i16x8_shl(wasm_u16x8_extend_low_u8x16(levels), 7);
      v128_t second = wasm_i16x8_shl(wasm_u16x8_extend_high_u8x16(levels), 7);
      low = wasm_i16x8_add(low, wasm_i16x8_q15mulr_sat(first, weight));
      high = wasm_i16x8_add(high, wasm_i16x8_q15mulr_sat(second, weight));
    }
    wasm_v128_store(to, low);
    wasm_v128_store(to + STEP / 2, high);
  }
}

// Writes one row of the result.
static uint8_t *mix_columns(
  const int16_t *sums, const uint32_t *first, size_t side, const v128_t *weights, size_t pairs, uint8_t *to) {
  for (size_t column = 0; column < side; column++, to += 3) {
    const int16_t *at = sums + first[column];
    v128_t sum = wasm_i64x2_const_splat(0);
    for (size_t pair = 0; pair < pairs; pair++, at += 6, weights++)
      sum = wasm_i16x8_add(sum, wasm_i16x8_q15mulr_sat(wasm_v128_load(at), *weights));
    // Every second pixel is beside the others.
    sum = wasm_i16x8_add(sum, wasm_i16x8_shuffle(sum, sum, 3, 4, 5, 3, 4, 5, 6, 7));
    sum = wasm_i16x8_shr(wasm_i16x8_add(sum, wasm_i16x8_const_splat(ROUND_UP)), LEVEL_SHIFT);
    // Four bytes, of which the next pixel overwrites the last one.
    wasm_v128_store32_lane(to, wasm_u8x16_narrow_i16x8(sum, sum), 0);
  }
  return to;
}

// pixels: rows of R G B, from the first column that is kept. row_first: for each row of the result the first row that it is made
// of; row_weights: `row_taps` weights for each. column_first: for each column the place of its first number in `sums`;
// column_weights: `column_pairs` times eight weights for each, those for R G B of a pixel, for R G B of the next one, and two
// zeros. sums: as many numbers as the columns that are kept have bytes, and 48 to spare. result: rows of R G B, and a byte to
// spare.
__attribute__((export_name("resize"))) void resize(
  const uint8_t *pixels, size_t row_bytes,
  const uint32_t *row_first, const int16_t *row_weights, size_t row_taps,
  int16_t *sums, const int16_t *sums_end,
  const uint32_t *column_first, const v128_t *column_weights, size_t column_pairs,
  uint8_t *result, size_t side) {
  for (size_t row = 0; row < side; row++) {
    mix_rows(pixels + row_bytes * row_first[row], row_bytes, row_weights + row_taps * row, row_taps, sums, sums_end);
    result = mix_columns(sums, column_first, side, column_weights, column_pairs, result);
  }
}
