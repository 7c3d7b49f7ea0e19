"""Compiles libjpeg-turbo and the files beside this one to codecs/jpeg-decoder.wasm. See README.md."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CODECS = HERE.parent.parent / "codecs"
# The package on crates.io that has the sources of libjpeg-turbo.
CRATE = ("turbojpeg-sys", "1.2.0")
VERSION = "3.1.0"

LIBRARY = """
    jcomapi jdapimin jdhuff jdinput jdmarker jdmaster jdphuff jmemmgr jdapistd jdcoefct jdcolor jddctmgr jdmainct jdpostct
    jdsample jidctint jutils
""".split()
OURS = "absent colour decoder idct resize".split()

CONFIG = """
#define JPEG_LIB_VERSION 62
#define BITS_IN_JSAMPLE 8
#define WITH_SIMD 1
"""
INTERNAL_CONFIG = """
#define BUILD ""
#define PACKAGE_NAME "libjpeg-turbo"
#define VERSION ""
#define HIDDEN
#define INLINE __inline__ __attribute__((always_inline))
#define THREAD_LOCAL
#define FALLTHROUGH __attribute__((fallthrough));
#define SIZEOF_SIZE_T 4
#define BITS_IN_JSAMPLE 8
#define WITH_SIMD 1
"""
FLAGS = "-target wasm32-wasi -O3 -msimd128 -mbulk-memory -fno-sanitize=all -DNO_GETENV -DNO_PUTENV -w".split()
# Bits are read 64 at a time, as on other machines with 32-bit addresses and 64-bit numbers.
LONG_BITS = "-D__x86_64__ -D__ILP32__".split()
# 32 MiB, of which a progressive JPEG of the largest size that imgcls hands over takes half.
MAX_MEMORY = 32 * 2**20
LINK = f"--no-entry --warn-unresolved-symbols --gc-sections --strip-all --stack-first --export=__stack_pointer --max-memory={MAX_MEMORY}".split()

ZIG = [sys.executable, "-m", "ziglang"]


def run(*command, **options):
    subprocess.run(list(command), check=True, **options)


def sources(work):
    """The sources of libjpeg-turbo, from the registry of Rust."""
    (work / "src").mkdir()
    (work / "src/lib.rs").touch()
    name, version = CRATE
    (work / "Cargo.toml").write_text(
        f'[package]\nname = "sources"\nversion = "0.0.0"\n[dependencies]\n'
        f'{name} = {{ version = "={version}", default-features = false }}\n'
    )
    run("cargo", "vendor", "-q", "vendor", cwd=work, stdout=subprocess.DEVNULL)
    return work / "vendor" / name / "libjpeg-turbo"


def compile_all(library, work):
    include = work / "include"
    include.mkdir()
    (include / "jconfig.h").write_text(CONFIG)
    (include / "jconfigint.h").write_text(INTERNAL_CONFIG)
    shutil.copy(library / "src/jversion.h.in", include / "jversion.h")
    files = [library / "src" / f"{name}.c" for name in LIBRARY] + [HERE / f"{name}.c" for name in OURS]
    objects = []
    for file in files:
        extra = LONG_BITS if file.stem in ("jdhuff", "jdphuff") else []
        objects.append(work / f"{file.stem}.o")
        run(*ZIG, "cc", *FLAGS, *extra, f"-I{include}", f"-I{library / 'src'}", "-c", file, "-o", objects[-1])
    return objects


def digest(*files):
    """A hash of files, in order. test/unit/model/plain-jpeg/program.test.ts computes the same."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def main():
    CODECS.mkdir(exist_ok=True)
    program = CODECS / "jpeg-decoder.wasm"
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        library = sources(work)
        run(*ZIG, "wasm-ld", *LINK, "-o", program, *compile_all(library, work))
        shutil.copy(library / "LICENSE.md", CODECS / "LICENSE.libjpeg-turbo.md")
        shutil.copy(library / "README.ijg", CODECS / "README.ijg")
    made = {
        "libjpegTurbo": VERSION,
        "sourcesSha256": digest(*sorted(HERE.glob("*.c")), HERE / "build.py", HERE / "requirements.txt"),
        "programSha256": digest(program),
    }
    (CODECS / "jpeg-decoder.json").write_text(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
