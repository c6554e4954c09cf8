/* tools/bench/softfloat.c beside this computer's FPU on random operands; exit status 1 and the operands where they differ. */
#include <math.h>
#include <stdio.h>

#define SOFT(name) soft_##name
#include "softfloat.c"

static uint64_t state = 88172645463325252u;

static uint64_t drawn(void) { /* xorshift */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* Neighbouring magnitudes, subnormals, zeros, infinities, whole numbers, short mantissas, anything. */
static double operand(void) {
  uint64_t bits = drawn();
  const uint64_t near = (bits & 0x800fffffffffffffu) | ((uint64_t)(1000 + drawn() % 50) << 52);
  switch (drawn() % 8) {
    case 0: bits = near; break;
    case 1: bits &= 0x800fffffffffffffu; break;
    case 2: bits = (drawn() % 2 ? INF_BITS : 0) | (bits & (1ull << 63)); break;
    case 3: return (double)(int32_t)(drawn() % 2000) - 1000;
    case 4: bits = near & 0xffffffff00000000u; break;
    default: break;
  }
  return double_of(bits);
}

static int same(double a, double b) { return (isnan(a) && isnan(b)) || bits_of(a) == bits_of(b); }
static int same_single(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, 4) == 0; }

int main(void) {
  for (long i = 0; i < 1000000; ++i) {
    const double x = operand(), y = operand();
    const float f = (float)x, g = (float)y;
    const int32_t whole = (int32_t)bits_of(x);
    const int right =
        same(soft_adddf3(x, y), x + y) && same(soft_subdf3(x, y), x - y) && same(soft_muldf3(x, y), x * y) &&
        same(soft_divdf3(x, y), x / y) && same_single(soft_truncdfsf2(x), f) && same(soft_extendsfdf2(f), (double)f) &&
        same_single(soft_addsf3(f, g), f + g) && same_single(soft_subsf3(f, g), f - g) &&
        same_single(soft_mulsf3(f, g), f * g) && same_single(soft_divsf3(f, g), f / g) &&
        same(soft_floatsidf(whole), whole) && same(soft_floatunsidf((uint32_t)whole), (uint32_t)whole) &&
        same_single(soft_floatsisf(whole), (float)whole) &&
        same_single(soft_floatunsisf((uint32_t)whole), (float)(uint32_t)whole) &&
        (!(fabs(x) < 2147483648.0) || soft_fixdfsi(x) == (int32_t)x) &&
        (!(x >= 0 && x < 4294967296.0) || soft_fixunsdfsi(x) == (uint32_t)x);
    if (!right) {
      printf("%a and %a\n", x, y);
      return 1;
    }
  }
  return 0;
}
