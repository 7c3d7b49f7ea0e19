// Functions of libjpeg-turbo that no JPEG of 8 bits needs when it is decoded to RGB with the defaults: lossless and deeper JPEGs,
// colour maps, other transforms and sizes. A call ends in an exception.
#define ABSENT(name) \
  void name(void) { __builtin_trap(); }
#define NOT_FAST(name) \
  int jsimd_can_##name(void) { return 0; }

NOT_FAST(ycc_rgb565)
NOT_FAST(h2v1_upsample)
NOT_FAST(h2v2_upsample)
NOT_FAST(h1v2_fancy_upsample)
NOT_FAST(int_upsample)
NOT_FAST(idct_2x2)
NOT_FAST(idct_4x4)
NOT_FAST(idct_6x6)
NOT_FAST(idct_12x12)
NOT_FAST(idct_ifast)
NOT_FAST(idct_float)
