// The inverse DCT of libjpeg-turbo ("islow", jidctint.c) in instructions on eight numbers. It gives the same numbers.
#include <stddef.h>
#include <stdio.h>
#include <wasm_simd128.h>

#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jdct.h"
#include "jsimddct.h"

#define FIX_0_298 2446
#define FIX_0_390 3196
#define FIX_0_541 4433
#define FIX_0_765 6270
#define FIX_0_899 7373
#define FIX_1_175 9633
#define FIX_1_501 12299
#define FIX_1_847 15137
#define FIX_1_961 16069
#define FIX_2_053 16819
#define FIX_2_562 20995
#define FIX_3_072 25172
typedef v128_t V;
#define LO(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HI(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define PAIR(x, y) wasm_i16x8_const(x, y, x, y, x, y, x, y)
#define ADD wasm_i32x4_add
#define SUB wasm_i32x4_sub
#define DOT wasm_i32x4_dot_i16x8
typedef struct { V l, h; } W;
static inline W dot(V a, V b, V k) { return (W){DOT(LO(a, b), k), DOT(HI(a, b), k)}; }
static inline W add(W a, W b) { return (W){ADD(a.l, b.l), ADD(a.h, b.h)}; }
static inline W sub(W a, W b) { return (W){SUB(a.l, b.l), SUB(a.h, b.h)}; }
static inline W scaled(V a) { return (W){wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(a), 13), wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(a), 13)}; }
static inline V descale(W a, int shift) {
  V round = wasm_i32x4_splat(1 << (shift - 1));
  return wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(ADD(a.l, round), shift), wasm_i32x4_shr(ADD(a.h, round), shift));
}
static inline void pass(V *r, int shift) {
  W t2 = dot(r[2], r[6], PAIR(FIX_0_541, FIX_0_541 - FIX_1_847));
  W t3 = dot(r[2], r[6], PAIR(FIX_0_541 + FIX_0_765, FIX_0_541));
  W t0 = scaled(wasm_i16x8_add(r[0], r[4])), t1 = scaled(wasm_i16x8_sub(r[0], r[4]));
  W t10 = add(t0, t3), t13 = sub(t0, t3), t11 = add(t1, t2), t12 = sub(t1, t2);
  V z3 = wasm_i16x8_add(r[7], r[3]), z4 = wasm_i16x8_add(r[5], r[1]);
  W y3 = dot(z3, z4, PAIR(FIX_1_175 - FIX_1_961, FIX_1_175));
  W y4 = dot(z3, z4, PAIR(FIX_1_175, FIX_1_175 - FIX_0_390));
  W o0 = add(dot(r[7], r[1], PAIR(FIX_0_298 - FIX_0_899, -FIX_0_899)), y3);
  W o3 = add(dot(r[7], r[1], PAIR(-FIX_0_899, FIX_1_501 - FIX_0_899)), y4);
  W o1 = add(dot(r[5], r[3], PAIR(FIX_2_053 - FIX_2_562, -FIX_2_562)), y4);
  W o2 = add(dot(r[5], r[3], PAIR(-FIX_2_562, FIX_3_072 - FIX_2_562)), y3);
  r[0] = descale(add(t10, o3), shift); r[7] = descale(sub(t10, o3), shift);
  r[1] = descale(add(t11, o2), shift); r[6] = descale(sub(t11, o2), shift);
  r[2] = descale(add(t12, o1), shift); r[5] = descale(sub(t12, o1), shift);
  r[3] = descale(add(t13, o0), shift); r[4] = descale(sub(t13, o0), shift);
}
#define LO32(a, b) wasm_i32x4_shuffle(a, b, 0, 4, 1, 5)
#define HI32(a, b) wasm_i32x4_shuffle(a, b, 2, 6, 3, 7)
#define LO64(a, b) wasm_i64x2_shuffle(a, b, 0, 2)
#define HI64(a, b) wasm_i64x2_shuffle(a, b, 1, 3)
static inline void transpose(V *r) {
  V a0 = LO(r[0], r[1]), a1 = HI(r[0], r[1]), a2 = LO(r[2], r[3]), a3 = HI(r[2], r[3]);
  V a4 = LO(r[4], r[5]), a5 = HI(r[4], r[5]), a6 = LO(r[6], r[7]), a7 = HI(r[6], r[7]);
  V b0 = LO32(a0, a2), b1 = HI32(a0, a2), b2 = LO32(a1, a3), b3 = HI32(a1, a3);
  V b4 = LO32(a4, a6), b5 = HI32(a4, a6), b6 = LO32(a5, a7), b7 = HI32(a5, a7);
  r[0] = LO64(b0, b4); r[1] = HI64(b0, b4); r[2] = LO64(b1, b5); r[3] = HI64(b1, b5);
  r[4] = LO64(b2, b6); r[5] = HI64(b2, b6); r[6] = LO64(b3, b7); r[7] = HI64(b3, b7);
}
int jsimd_can_idct_islow(void) { return 1; }

void jsimd_idct_islow(j_decompress_ptr cinfo, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY out, JDIMENSION col) {
  const V *q = component->dct_table; const V *c = (const V *)block; V r[8];
  V rest = wasm_v128_or(wasm_v128_or(wasm_v128_or(c[1], c[2]), wasm_v128_or(c[3], c[4])), wasm_v128_or(wasm_v128_or(c[5], c[6]), c[7]));
  if (!wasm_v128_any_true(rest)) {
    V d = wasm_i16x8_shl(wasm_i16x8_mul(c[0], q[0]), 2);
    if (!wasm_v128_any_true(wasm_v128_and(c[0], wasm_i16x8_const(0, -1, -1, -1, -1, -1, -1, -1)))) {
      V v = wasm_i16x8_shr(wasm_i16x8_add(wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 0)), wasm_i16x8_splat(16)), 5);
      v = wasm_v128_xor(wasm_i8x16_narrow_i16x8(v, v), wasm_i8x16_splat(-128));
      for (int i = 0; i < 8; i++) wasm_v128_store64_lane(out[i] + col, v, 0);
      return;
    }
    r[0] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 0)); r[1] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 1));
    r[2] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 2)); r[3] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 3));
    r[4] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 4)); r[5] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 5));
    r[6] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 6)); r[7] = wasm_i16x8_splat(wasm_i16x8_extract_lane(d, 7));
  } else {
    for (int i = 0; i < 8; i++) r[i] = wasm_i16x8_mul(c[i], q[i]);
    pass(r, 11);
    transpose(r);
  }
  pass(r, 18);
  transpose(r);
  for (int i = 0; i < 8; i += 2) {
    V v = wasm_v128_xor(wasm_i8x16_narrow_i16x8(r[i], r[i + 1]), wasm_i8x16_splat(-128));
    wasm_v128_store64_lane(out[i] + col, v, 0);
    wasm_v128_store64_lane(out[i + 1] + col, v, 1);
  }
}
