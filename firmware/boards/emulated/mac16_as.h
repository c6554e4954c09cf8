/* MAC16 and hardware loops for GNU as of the lx106 package, which knows neither: each mnemonic as a
 * macro that gives its bytes. They are those of LLVM 22 (llvm-mc -triple=xtensa
 * -mattr=+mac16,+loop). To be included in front of C with inline assembly; QEMU's core dc233c runs
 * it. */
__asm__(
    ".set ek_sp, 1; .set ek_a0, 0; .set ek_a1, 1; .set ek_a2, 2; .set ek_a3, 3; .set ek_a4, 4\n"
    ".set ek_a5, 5; .set ek_a6, 6; .set ek_a7, 7; .set ek_a8, 8; .set ek_a9, 9; .set ek_a10, 10\n"
    ".set ek_a11, 11; .set ek_a12, 12; .set ek_a13, 13; .set ek_a14, 14; .set ek_a15, 15; .set "
    "ek_m0, 0\n"
    ".set ek_m1, 1; .set ek_m2, 2; .set ek_m3, 3\n"
    ".macro mula.dd.ll.ldinc mw, as, mx, my\n"
    "  .byte 0x04 | ((ek_\\my & 1) << 6), ek_\\as | (ek_\\mw << 4) | (ek_\\mx << 6), 0x08\n"
    ".endm\n"
    ".macro mula.dd.ll mx, my\n"
    "  .byte 0x04 | ((ek_\\my & 1) << 6), ek_\\mx << 6, 0x28\n"
    ".endm\n"
    ".macro mula.dd.hh.ldinc mw, as, mx, my\n"
    "  .byte 0x04 | ((ek_\\my & 1) << 6), ek_\\as | (ek_\\mw << 4) | (ek_\\mx << 6), 0x0b\n"
    ".endm\n"
    ".macro mula.dd.hh mx, my\n"
    "  .byte 0x04 | ((ek_\\my & 1) << 6), ek_\\mx << 6, 0x2b\n"
    ".endm\n"
    ".macro ldinc mw, as\n"
    "  .byte 0x04, ek_\\as | (ek_\\mw << 4), 0x80\n"
    ".endm\n"
    ".macro wsr.acclo at\n"
    "  .byte ek_\\at << 4, 0x10, 0x13\n"
    ".endm\n"
    ".macro rsr.acclo at\n"
    "  .byte ek_\\at << 4, 0x10, 0x03\n"
    ".endm\n"
    ".macro loopnez as, label\n"
    "  .byte 0x76, 0x90 | ek_\\as, \\label - . - 2\n"
    ".endm\n");
