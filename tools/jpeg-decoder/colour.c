// The colours of libjpeg-turbo (jdcolext.c) and its smooth doubling of colour planes (jdsample.c), in instructions on sixteen
// pixels. They give the same numbers. Rows of libjpeg-turbo have room for whole steps.
#include <stddef.h>
#include <stdio.h>
#include <wasm_simd128.h>

#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jsimd.h"

#define STEP 16
#define LOW(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

// Shares of 65536: 1.402 is 1 + 0.402, -0.71414 is -1 + 0.28586, 1.772 is 2 - 0.228.
#define RED_OF_CR 26345
#define GREEN_OF_CB -22554
#define GREEN_OF_CR 18734
#define BLUE_OF_CB -14942

// (a * b + c * d + 32768) >> 16; with a half that is a factor of the second pair.
static inline v128_t mix(v128_t a, v128_t c, v128_t factors, v128_t half) {
  v128_t low = wasm_i32x4_add(wasm_i32x4_dot_i16x8(LOW(a, c), factors), half);
  v128_t high = wasm_i32x4_add(wasm_i32x4_dot_i16x8(HIGH(a, c), factors), half);
  return wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, 16), wasm_i32x4_shr(high, 16));
}

#define PAIR(a, b) wasm_i16x8_const(a, b, a, b, a, b, a, b)

typedef struct {
  v128_t red, green, blue;
} Colours;

static inline Colours colours_of(v128_t y, v128_t cb, v128_t cr) {
  v128_t half = wasm_i32x4_const_splat(32768), none = wasm_i64x2_const_splat(0);
  v128_t red = wasm_i16x8_add(cr, mix(cr, none, PAIR(RED_OF_CR, 0), half));
  v128_t green = wasm_i16x8_sub(mix(cb, cr, PAIR(GREEN_OF_CB, GREEN_OF_CR), half), cr);
  v128_t blue = wasm_i16x8_add(wasm_i16x8_shl(cb, 1), mix(cb, none, PAIR(BLUE_OF_CB, 0), half));
  return (Colours){wasm_i16x8_add(y, red), wasm_i16x8_add(y, green), wasm_i16x8_add(y, blue)};
}

static inline v128_t centred(v128_t half) { return wasm_i16x8_sub(half, wasm_i16x8_const_splat(CENTERJSAMPLE)); }

static inline void store_rgb(unsigned char *to, v128_t r, v128_t g, v128_t b) {
  v128_t rg = wasm_i8x16_shuffle(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
  wasm_v128_store(to, wasm_i8x16_shuffle(rg, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
  rg = wasm_i8x16_shuffle(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
  wasm_v128_store(to + 16, wasm_i8x16_shuffle(rg, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
  rg = wasm_i8x16_shuffle(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
  wasm_v128_store(to + 32, wasm_i8x16_shuffle(rg, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
}

int jsimd_can_ycc_rgb(void) { return 1; }

void jsimd_ycc_rgb_convert(j_decompress_ptr info, JSAMPIMAGE planes, JDIMENSION from, JSAMPARRAY rows, int count) {
  for (int row = 0; row < count; row++) {
    const unsigned char *y = planes[0][from + row], *cb = planes[1][from + row], *cr = planes[2][from + row];
    unsigned char *to = rows[row];
    for (JDIMENSION at = 0; at < info->output_width; at += STEP, to += 3 * STEP) {
      v128_t ys = wasm_v128_load(y + at), cbs = wasm_v128_load(cb + at), crs = wasm_v128_load(cr + at);
      Colours low = colours_of(
        wasm_u16x8_extend_low_u8x16(ys),
        centred(wasm_u16x8_extend_low_u8x16(cbs)), centred(wasm_u16x8_extend_low_u8x16(crs)));
      Colours high = colours_of(
        wasm_u16x8_extend_high_u8x16(ys),
        centred(wasm_u16x8_extend_high_u8x16(cbs)), centred(wasm_u16x8_extend_high_u8x16(crs)));
      store_rgb(
        to, wasm_u8x16_narrow_i16x8(low.red, high.red), wasm_u8x16_narrow_i16x8(low.green, high.green),
        wasm_u8x16_narrow_i16x8(low.blue, high.blue));
    }
  }
}

// Doubles sums of eight pixels: three parts of the nearer one and one of the further one, which is to the left of the first
// copy and to the right of the second.
static inline v128_t doubled(v128_t left, v128_t sum, v128_t right, v128_t round_left, v128_t round_right, int shift) {
  v128_t three = wasm_i16x8_add(wasm_i16x8_add(sum, sum), sum);
  v128_t first = wasm_u16x8_shr(wasm_i16x8_add(wasm_i16x8_add(three, left), round_left), shift);
  v128_t second = wasm_u16x8_shr(wasm_i16x8_add(wasm_i16x8_add(three, right), round_right), shift);
  return wasm_v128_or(first, wasm_i16x8_shl(second, 8));
}

int jsimd_can_h2v1_fancy_upsample(void) { return 1; }

void jsimd_h2v1_fancy_upsample(
  j_decompress_ptr info, jpeg_component_info *component, JSAMPARRAY input, JSAMPARRAY *output) {
  JDIMENSION width = component->downsampled_width;
  v128_t one = wasm_i16x8_const_splat(1), two = wasm_i16x8_const_splat(2);
  for (int row = 0; row < info->max_v_samp_factor; row++) {
    const unsigned char *from = input[row];
    unsigned char *to = (*output)[row];
    for (JDIMENSION at = 0; at < width; at += STEP / 2) {
      v128_t left = wasm_u16x8_load8x8(from + at - 1), sum = wasm_u16x8_load8x8(from + at);
      v128_t right = wasm_u16x8_load8x8(from + at + 1);
      wasm_v128_store(to + 2 * at, doubled(left, sum, right, one, two, 2));
    }
    to[0] = from[0];
    to[2 * width - 1] = from[width - 1];
  }
}

// Three parts of the nearer row and one of the further one.
static inline v128_t sum_of(const unsigned char *near, const unsigned char *far) {
  v128_t near8 = wasm_u16x8_load8x8(near);
  return wasm_i16x8_add(wasm_i16x8_add(wasm_i16x8_add(near8, near8), near8), wasm_u16x8_load8x8(far));
}

int jsimd_can_h2v2_fancy_upsample(void) { return 1; }

void jsimd_h2v2_fancy_upsample(
  j_decompress_ptr info, jpeg_component_info *component, JSAMPARRAY input, JSAMPARRAY *output) {
  JDIMENSION width = component->downsampled_width;
  v128_t seven = wasm_i16x8_const_splat(7), eight = wasm_i16x8_const_splat(8);
  for (int row = 0; row < info->max_v_samp_factor; row++) {
    const unsigned char *near = input[row / 2], *far = row % 2 == 0 ? input[row / 2 - 1] : input[row / 2 + 1];
    unsigned char *to = (*output)[row];
    for (JDIMENSION at = 0; at < width; at += STEP / 2) {
      v128_t left = sum_of(near + at - 1, far + at - 1), sum = sum_of(near + at, far + at);
      v128_t right = sum_of(near + at + 1, far + at + 1);
      wasm_v128_store(to + 2 * at, doubled(left, sum, right, eight, seven, 4));
    }
    int first = 3 * near[0] + far[0], last = 3 * near[width - 1] + far[width - 1];
    to[0] = (4 * first + 8) >> 4;
    to[2 * width - 1] = (4 * last + 7) >> 4;
  }
}
