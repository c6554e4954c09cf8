/* A QEMU plugin that counts what takes time on an Xtensa core: instructions,
 * taken branches, results of loads that are used too early, multiplications,
 * and misses of a cache in front of the flash.
 *
 * The program says what it works at by storing to mark[i] (bytes at `marks`): what follows counts for step i, and mark
 * 0 ends a call, whose counts are then written as lines "call step counts", these in the order of COUNTS. Outside of
 * calls only the cache is followed. A program that shares work between two cores runs both shares one after the other
 * and stores to share[i] before the first core's and to share[steps + i] before the second's, which has a cache of its
 * own: they count for the steps behind the others.
 *
 * Options: marks=ADDRESS,steps=COUNT,out=FILE,cache=SETS:WAYS:LINE_BYTES; shares=ADDRESS; for each part of the flash,
 * flash=BEGIN:END:AS (AS: the address that stands for BEGIN in the cache). Build with -DAPI=VERSION of QEMU's plugins,
 * whose C interface is declared here because no package ships its header. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- QEMU's side ---- */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 }; /* QEMU 7.2 and 8.1 report no loads where reads alone are asked for */
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
#if API >= 3
extern size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *, void *, size_t);
#else
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
#endif
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, void (*)(unsigned, uint32_t, uint64_t, void *),
                                             int, int, void *);
extern bool qemu_plugin_mem_is_store(uint32_t);
extern unsigned qemu_plugin_mem_size_shift(uint32_t);
__attribute__((visibility("default"))) int qemu_plugin_version = API;

/* ---- instructions ---- */
enum { A0 = 1, M0 = 1 << 16 }; /* bits of registers: a0 to a15, m0 to m3 */

typedef struct {
  uint32_t reads, writes; /* registers */
  uint32_t loads;         /* of `writes`, what comes out of memory */
  bool branches, multiplies;
  uint32_t end; /* address of what lies behind it */
} Instruction;

#define A(n) ((uint32_t)A0 << (n))
#define M(n) ((uint32_t)M0 << ((n)&3))

static void decode_narrow(Instruction *i, unsigned op0, unsigned t, unsigned s, unsigned r) {
  if (op0 == 8) i->reads = A(s), i->writes = i->loads = A(t);             /* l32i.n */
  if (op0 == 9) i->reads = A(s) | A(t);                                   /* s32i.n */
  if (op0 == 10) i->reads = A(s) | A(t), i->writes = A(r);                /* add.n */
  if (op0 == 11) i->reads = A(s), i->writes = A(r);                       /* addi.n */
  if (op0 == 12 && t < 8) i->writes = A(s);                               /* movi.n */
  if (op0 == 12 && t >= 8) i->reads = A(s), i->branches = true;           /* beqz.n, bnez.n */
  if (op0 == 13 && r == 0) i->reads = A(s), i->writes = A(t);             /* mov.n */
  if (op0 == 13 && r == 15 && t < 2) i->reads = A(0), i->branches = true; /* ret.n, retw.n */
}

/* op0 0, by op1 and op2: arithmetic, jumps by register, special registers. */
static void decode_registers(Instruction *i, unsigned op1, unsigned op2, unsigned t, unsigned s, unsigned r) {
  const uint32_t special = (r << 4 | s) / 4 == 8 ? M(s) : 0; /* m0 to m3 are special registers 32 to 35 */
  if (op1 == 0 && op2 == 0) {
    if (r == 0 && t >= 8) { /* ret, retw, jx, callx */
      i->branches = true;
      i->reads = t < 10 ? A(0) : A(s);
      if (t >= 12) i->writes = A((t & 3) * 4);
    }
    if (r == 1) i->reads = A(s), i->writes = A(t); /* movsp */
    if (r == 6) i->writes = A(t);                  /* rsil */
  } else if (op1 == 0 && op2 == 4) {
    if (r < 4) i->reads = A(s);                               /* to SAR */
    if (r == 6 || r >= 14) i->reads = A(s), i->writes = A(t); /* rer, nsa, nsau */
    if (r == 7) i->reads = A(s) | A(t);                       /* wer */
  } else if (op1 == 0 && op2 == 6) {
    i->reads = A(t), i->writes = A(r); /* neg, abs */
  } else if (op1 == 0 && op2 != 5) {
    i->reads = A(s) | A(t), i->writes = A(r); /* and, or, xor, add, sub and their shifted forms */
  } else if (op1 == 1) {
    if (op2 < 2 || op2 == 10) i->reads = A(s), i->writes = A(r);                                      /* slli, sll */
    if (op2 == 2 || op2 == 3 || op2 == 4 || op2 == 9 || op2 == 11) i->reads = A(t), i->writes = A(r); /* to the right */
    if (op2 == 6) i->reads = A(t) | special, i->writes = A(t) | special;                              /* xsr */
    if (op2 == 8 || op2 == 12 || op2 == 13) i->reads = A(s) | A(t), i->writes = A(r);                 /* src, mul16 */
  } else if (op1 == 2 && op2 >= 6) {
    i->reads = A(s) | A(t), i->writes = A(r); /* mull, muluh, mulsh, quou, quos, remu, rems */
    i->multiplies = op2 == 8 || op2 == 10 || op2 == 11;
  } else if (op1 == 3) {
    if (op2 == 0) i->reads = special, i->writes = A(t);                        /* rsr */
    if (op2 == 1) i->reads = A(t), i->writes = special;                        /* wsr */
    if (op2 == 2 || op2 == 3) i->reads = A(s), i->writes = A(r);               /* sext, clamps */
    if (op2 >= 4 && op2 < 8) i->reads = A(s) | A(t), i->writes = A(r);         /* min, max */
    if (op2 >= 8 && op2 < 12) i->reads = A(s) | A(t) | A(r), i->writes = A(r); /* moveqz and so on */
    if (op2 == 12 || op2 == 13) i->reads = A(s) | A(r), i->writes = A(r);      /* movf, movt */
    if (op2 == 14) i->writes = A(r);                                           /* rur */
    if (op2 == 15) i->reads = A(t);                                            /* wur */
  } else if (op1 == 4 || op1 == 5) {
    i->reads = A(t), i->writes = A(r); /* extui */
  }
}

/* op0 4: MAC16. op2 says whether the factors are m registers, and whether one
 * is loaded at the same time. */
static void decode_mac16(Instruction *i, unsigned op2, unsigned t, unsigned s, unsigned r) {
  const uint32_t mx = M(r >> 2 & 1), my = M(2 + (t >> 2 & 1));
  static const uint8_t left_m = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6;
  static const uint8_t right_m = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3;
  if (op2 < 8) i->reads = (left_m >> op2 & 1 ? mx : A(s)) | (right_m >> op2 & 1 ? my : A(t));
  if (op2 == 0 || op2 == 1 || op2 == 4 || op2 == 5 || op2 == 8 || op2 == 9) {
    i->loads = M(r & 3);
    i->reads |= A(s), i->writes = A(s) | i->loads;
  }
}

static Instruction decode(const uint8_t *b, uint32_t at, size_t size) {
  Instruction i = {.end = at + (uint32_t)size};
  const unsigned op0 = b[0] & 15, t = b[0] >> 4, s = b[1] & 15, r = b[1] >> 4;
  if (size == 2) {
    decode_narrow(&i, op0, t, s, r);
    return i;
  }
  const unsigned op1 = b[2] & 15, op2 = b[2] >> 4;
  if (op0 == 0) decode_registers(&i, op1, op2, t, s, r);
  if (op0 == 1) i.writes = i.loads = A(t); /* l32r */
  if (op0 == 2) {
    if (r < 3 || r == 9 || r == 11) i.reads = A(s), i.writes = i.loads = A(t);
    if ((r >= 4 && r < 7) || r == 15) i.reads = A(s) | A(t);       /* stores */
    if (r == 7) i.reads = A(s);                                    /* of the caches */
    if (r == 10) i.writes = A(t);                                  /* movi */
    if (r == 12 || r == 13) i.reads = A(s), i.writes = A(t);       /* addi, addmi */
    if (r == 14) i.reads = A(s) | A(t), i.writes = i.loads = A(t); /* s32c1i */
  }
  if (op0 == 3) i.reads = A(s); /* floats */
  if (op0 == 4) decode_mac16(&i, op2, t, s, r);
  if (op0 == 5) i.branches = true, i.writes = A((t & 3) * 4); /* call */
  if (op0 == 6) { /* j; branches on zero and on constants; entry; loops, which
                     branch only where they are skipped */
    i.branches = t != 3;
    if ((t & 3) != 0) i.reads = A(s);
  }
  if (op0 == 7) i.branches = true, i.reads = (r & 6) == 6 ? A(s) : A(s) | A(t); /* bbci, bbsi have a constant */
  return i;
}

/* ---- the cache in front of the flash, of a core ---- */
enum { MAX_SETS = 4096, MAX_WAYS = 8, PARTS = 8, CORES = 2 };
static uint32_t line_bytes, sets, ways, lines[CORES][MAX_SETS][MAX_WAYS]; /* of a set the youngest first */
static unsigned core;
static struct { uint32_t begin, end, as; } parts[PARTS];
static int part_count;

/* Whether the line of the address has to be fetched. */
static bool missed(uint32_t address) {
  for (int p = 0; p < part_count; ++p) {
    if (address - parts[p].begin >= parts[p].end - parts[p].begin) continue;
    const uint32_t line = (address - parts[p].begin + parts[p].as) / line_bytes;
    uint32_t *set = lines[core][line % sets], before = line;
    for (uint32_t w = 0; w < ways; ++w) {
      const uint32_t here = set[w];
      set[w] = before;
      if (here == line) return false;
      before = here;
    }
    return true;
  }
  return false;
}

/* ---- counts ---- */
enum { INSTRUCTIONS, TAKEN, USED_NEXT, USED_AFTER, STALLS, MULTIPLIES, CODE_MISSES, DATA_MISSES, COUNTS };
static uint64_t (*counts)[COUNTS];
static uint32_t marks, shares, steps, step; /* steps x 3: alone, the share of core 0, of core 1 */
static unsigned call;
static FILE *out;

/* Instructions of a translation block that lie in one line of the cache, the
 * last one maybe a store to a mark. */
typedef struct {
  uint32_t address;
  unsigned count;
  Instruction of[];
} Piece;

static Instruction last; /* that was executed */
/* Loaded by the last instruction, and by the one before where the last did not
 * replace it. */
static uint32_t fresh, older;
/* Of the scoreboard: now, and when each register can be read. */
static uint64_t now, ready[20];

static void follow(const Instruction *i, uint64_t *count) {
  if (i->reads & fresh)
    ++count[USED_NEXT];
  else if (i->reads & older)
    ++count[USED_AFTER];
  older = fresh & ~i->writes, fresh = i->loads;
  ++now;
  uint64_t begin = now;
  for (uint32_t rest = i->reads; rest; rest &= rest - 1) {
    const uint64_t when = ready[__builtin_ctz(rest)];
    if (when > begin) begin = when;
  }
  count[STALLS] += begin - now;
  now = begin;
  for (uint32_t rest = i->writes; rest; rest &= rest - 1) ready[__builtin_ctz(rest)] = 0;
  for (uint32_t rest = i->loads; rest; rest &= rest - 1) ready[__builtin_ctz(rest)] = now + 3;
  count[MULTIPLIES] += i->multiplies;
}

static void run_piece(unsigned cpu, void *data) {
  (void)cpu;
  const Piece *piece = data;
  uint64_t *count = counts[step];
  count[CODE_MISSES] += missed(piece->address);
  count[INSTRUCTIONS] += piece->count;
  if (last.branches && last.end != piece->address) ++count[TAKEN];
  for (unsigned k = 0; k < piece->count; ++k) follow(&piece->of[k], count);
  last = piece->of[piece->count - 1];
}

static void write_call(void) {
  for (uint32_t s = 1; s < 3 * steps; ++s) {
    if (!counts[s][INSTRUCTIONS]) continue;
    fprintf(out, "%u %u", call, s);
    for (int c = 0; c < COUNTS; ++c) fprintf(out, " %llu", (unsigned long long)counts[s][c]);
    fputc('\n', out);
  }
  fflush(out); /* QEMU may be ended by a signal */
  memset(counts, 0, 3 * steps * sizeof *counts);
  ++call;
}

static void access_memory(unsigned cpu, uint32_t info, uint64_t address, void *data) {
  (void)cpu, (void)data;
  if (!qemu_plugin_mem_is_store(info)) {
    counts[step][DATA_MISSES] += missed((uint32_t)address);
  } else if (qemu_plugin_mem_size_shift(info) != 0) { /* marks are bytes; they are zeroed by words at the start */
    return;
  } else if ((uint32_t)address - marks < steps) {
    step = (uint32_t)address - marks, core = 0;
    if (step == 0) write_call();
  } else if (shares && (uint32_t)address - shares < 2 * steps) {
    step = (uint32_t)address - shares + steps, core = step >= 2 * steps;
  }
}

static void translated(plugin_id id, struct qemu_plugin_tb *block) {
  (void)id;
  const size_t count = qemu_plugin_tb_n_insns(block);
  Piece *piece = NULL;
  bool stores = false; /* the instruction before may */
  for (size_t k = 0; k < count; ++k) {
    struct qemu_plugin_insn *one = qemu_plugin_tb_get_insn(block, k);
    const uint32_t at = (uint32_t)qemu_plugin_insn_vaddr(one);
    const size_t size = qemu_plugin_insn_size(one);
    uint8_t bytes[4] = {0};
#if API >= 3
    qemu_plugin_insn_data(one, bytes, size < 3 ? size : 3);
#else
    memcpy(bytes, qemu_plugin_insn_data(one), size < 3 ? size : 3);
#endif
    if (!piece || stores || piece->address / line_bytes != at / line_bytes) {
      piece = calloc(1, sizeof *piece + line_bytes / 2 * sizeof *piece->of);
      piece->address = at;
      qemu_plugin_register_vcpu_insn_exec_cb(one, run_piece, NO_REGISTERS, piece);
    }
    piece->of[piece->count] = decode(bytes, at, size);
    const uint8_t op0 = bytes[0] & 15;
    stores = op0 == 9 || (op0 == 2 && !piece->of[piece->count].loads); /* or does not touch memory */
    if (piece->of[piece->count].loads || stores)
      qemu_plugin_register_vcpu_mem_cb(one, access_memory, NO_REGISTERS, READS_AND_WRITES, NULL);
    ++piece->count;
  }
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
  (void)info;
  for (int a = 0; a < argc; ++a) {
    if (sscanf(argv[a], "marks=%x", &marks) == 1 || sscanf(argv[a], "shares=%x", &shares) == 1 ||
        sscanf(argv[a], "steps=%u", &steps) == 1 || sscanf(argv[a], "cache=%u:%u:%u", &sets, &ways, &line_bytes) == 3)
      continue;
    if (!strncmp(argv[a], "out=", 4)) {
      out = fopen(argv[a] + 4, "w");
    } else if (part_count == PARTS || sscanf(argv[a], "flash=%x:%x:%x", &parts[part_count].begin,
                                             &parts[part_count].end, &parts[part_count].as) != 3) {
      return 1;
    } else {
      ++part_count;
    }
  }
  counts = calloc(3 * steps, sizeof *counts);
  if (!out || !counts || !marks || sets - 1 >= MAX_SETS || ways - 1 >= MAX_WAYS || line_bytes < 4) return 1;
  memset(lines, 0xff, sizeof lines);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
