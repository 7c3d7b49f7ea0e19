// The interface of the program: decodes one JPEG by libjpeg-turbo, within the memory of its instance. Nothing is freed:
// reserve() begins with all memory. There is no way back from an error but the exception that fail() throws in JavaScript.
#include <stddef.h>
#include <stdio.h>

#include "jpeglib.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("imgcls"), import_name(#name)))

// Throws. Codes of libjpeg-turbo (jerror.h) are positive.
IMPORT(fail) _Noreturn void fail(int code);
enum { NO_MEMORY = -1, END_OF_DATA = -2, TOO_LARGE = -3 };

#define PAGE_BYTES 65536
#define ALIGNMENT 32
// What instructions on 16 bytes may read and write after the last row.
#define SPARE_BYTES 64
// The most rows that libjpeg-turbo gives in one call.
#define MAX_ROWS 4

extern unsigned char __heap_base;
static size_t heap_end;

EXPORT(allocate) void *allocate(size_t bytes) {
  size_t at = (heap_end + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  size_t end = at + bytes;
  size_t has = __builtin_wasm_memory_size(0) * PAGE_BYTES;
  if (end < at) fail(NO_MEMORY);
  if (end > has && __builtin_wasm_memory_grow(0, (end - has + PAGE_BYTES - 1) / PAGE_BYTES) == (size_t)-1)
    fail(NO_MEMORY);
  heap_end = end;
  return (void *)at;
}

// The memory of libjpeg-turbo (jmemsys.h).
void *jpeg_get_small(j_common_ptr info, size_t bytes) { return allocate(bytes); }
void *jpeg_get_large(j_common_ptr info, size_t bytes) { return allocate(bytes); }
void jpeg_free_small(j_common_ptr info, void *object, size_t bytes) {}
void jpeg_free_large(j_common_ptr info, void *object, size_t bytes) {}
size_t jpeg_mem_available(j_common_ptr info, size_t least, size_t most, size_t used) { return most; }
void jpeg_open_backing_store(j_common_ptr info, void *store, long bytes) { fail(NO_MEMORY); }
long jpeg_mem_init(j_common_ptr info) { return 0; }
void jpeg_mem_term(j_common_ptr info) {}

static void on_error(j_common_ptr info) { fail(info->err->msg_code); }

// Warnings are about damage.
static void on_message(j_common_ptr info, int level) {
  if (level < 0) fail(info->err->msg_code);
}

static void nothing(j_common_ptr info) {}

static void no_step(j_decompress_ptr info) {}

static boolean at_end(j_decompress_ptr info) { fail(END_OF_DATA); }

static void skip(j_decompress_ptr info, long bytes) {
  if (bytes <= 0) return;
  if ((size_t)bytes > info->src->bytes_in_buffer) fail(END_OF_DATA);
  info->src->next_input_byte += bytes;
  info->src->bytes_in_buffer -= bytes;
}

static unsigned char *input;
static unsigned int size[2];

// Where to write so many bytes of a JPEG. What was allocated before is gone.
EXPORT(reserve) unsigned char *reserve(size_t bytes) {
  heap_end = (size_t)&__heap_base;
  input = allocate(bytes);
  return input;
}

// Width and height of the picture that was decoded.
EXPORT(size) unsigned int *size_of_picture(void) { return size; }

// Decodes the reserved bytes; returns rows of R G B without gaps.
EXPORT(decode) unsigned char *decode(size_t bytes, unsigned int max_pixels) {
  struct jpeg_error_mgr errors = {
    .error_exit = on_error, .emit_message = on_message, .output_message = nothing, .reset_error_mgr = nothing,
  };
  struct jpeg_source_mgr source = {
    .next_input_byte = input, .bytes_in_buffer = bytes,
    .init_source = no_step, .fill_input_buffer = at_end, .skip_input_data = skip,
    .resync_to_restart = jpeg_resync_to_restart, .term_source = no_step,
  };
  struct jpeg_decompress_struct info;
  info.err = &errors;
  jpeg_create_decompress(&info);
  info.src = &source;
  jpeg_read_header(&info, TRUE);
  size[0] = info.image_width;
  size[1] = info.image_height;
  if ((unsigned long long)size[0] * size[1] > max_pixels) fail(TOO_LARGE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  size_t row_bytes = 3 * (size_t)size[0];
  unsigned char *pixels = allocate(row_bytes * size[1] + SPARE_BYTES);
  while (info.output_scanline < info.output_height) {
    JSAMPROW rows[MAX_ROWS];
    for (int row = 0; row < MAX_ROWS; row++) rows[row] = pixels + row_bytes * (info.output_scanline + row);
    jpeg_read_scanlines(&info, rows, MAX_ROWS);
  }
  // Reads to the end, so that bytes that are left over become a warning.
  jpeg_finish_decompress(&info);
  return pixels;
}
