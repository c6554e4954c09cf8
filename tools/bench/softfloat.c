/* IEEE-754 arithmetic for a core without an FPU, round to nearest even: what Debian's xtensa-lx106 libgcc leaves out (an
 * ESP8266 has it in ROM). Only TFLM's preparation needs it, before a run is counted; edgekit's own C has no floats.
 * tests/tools/test_bench_compile.py compares it with this computer's FPU. NaNs come out as the default one. */
#include <stdint.h>
#include <string.h>

#ifndef SOFT
#define SOFT(name) __##name
#endif

#define NAN_BITS 0x7ff8000000000000u
#define INF_BITS 0x7ff0000000000000u

typedef struct {
  uint32_t sign;
  int32_t exponent;  /* of the leading one, unbiased */
  uint64_t mantissa; /* the leading one at bit 62 of a finite number; 0 for zero */
  int special;       /* 1 infinity, 2 NaN */
} parts;

static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  return bits;
}

static double double_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, 8);
  return x;
}

static parts normal(uint32_t sign, int32_t exponent, uint64_t mantissa) {
  parts p = {sign, exponent, mantissa, 0};
  if (mantissa == 0) return p;
  while (!(p.mantissa >> 62)) {
    p.mantissa <<= 1;
    --p.exponent;
  }
  return p;
}

static parts unpack(double x) {
  const uint64_t bits = bits_of(x), fraction = bits & 0xfffffffffffffu;
  const int32_t exponent = (int32_t)(bits >> 52) & 0x7ff;
  const uint32_t sign = (uint32_t)(bits >> 63);
  if (exponent == 0x7ff) {
    parts p = {sign, 0, 0, fraction ? 2 : 1};
    return p;
  }
  if (exponent == 0) return normal(sign, -1012, fraction); /* 2^-1074 at bit 0: bit 62 would be 2^-1012 */
  return normal(sign, exponent - 1023, (fraction | 0x10000000000000u) << 10);
}

/* mantissa: leading one at bit 62; its lowest bit is sticky. */
static double pack(uint32_t sign, int32_t exponent, uint64_t mantissa) {
  const uint64_t signed_zero = (uint64_t)sign << 63;
  if (mantissa == 0) return double_of(signed_zero);
  if (exponent > 1023) return double_of(signed_zero | INF_BITS);
  int32_t biased = exponent + 1023, drop = 10;
  if (biased <= 0) {
    drop += 1 - biased;
    biased = 0;
    if (drop > 63) return double_of(signed_zero);
  }
  uint64_t kept = mantissa >> drop;
  const uint64_t rest = mantissa & ((1ull << drop) - 1), half = 1ull << (drop - 1);
  kept += rest > half || (rest == half && (kept & 1));
  /* the implicit one adds itself to the exponent, a carry too */
  const uint64_t bits = biased ? ((uint64_t)(biased - 1) << 52) + kept : kept;
  return double_of(signed_zero | (bits >= INF_BITS ? INF_BITS : bits));
}

static uint64_t shift_sticky(uint64_t value, int32_t by) {
  if (by > 62) return value != 0;
  return by ? (value >> by) | ((value & ((1ull << by) - 1)) != 0) : value;
}

double SOFT(adddf3)(double x, double y) {
  parts a = unpack(x), b = unpack(y);
  if (a.special || b.special) {
    if (a.special == 2 || b.special == 2 || (a.special && b.special && a.sign != b.sign)) return double_of(NAN_BITS);
    return a.special ? x : y;
  }
  if (!a.mantissa) return b.mantissa || a.sign == b.sign ? y : 0.0;
  if (!b.mantissa) return x;
  if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) {
    const parts t = a;
    a = b;
    b = t;
  }
  /* one bit of headroom for the carry */
  const uint64_t big = a.mantissa, small = shift_sticky(b.mantissa, a.exponent - b.exponent);
  if (a.sign == b.sign) {
    const uint64_t sum = big + small;
    return sum >> 63 ? pack(a.sign, a.exponent + 1, (sum >> 1) | (sum & 1)) : pack(a.sign, a.exponent, sum);
  }
  const parts difference = normal(a.sign, a.exponent, big - small);
  return difference.mantissa ? pack(difference.sign, difference.exponent, difference.mantissa) : 0.0;
}

double SOFT(subdf3)(double x, double y) { return SOFT(adddf3)(x, double_of(bits_of(y) ^ (1ull << 63))); }

double SOFT(muldf3)(double x, double y) {
  const parts a = unpack(x), b = unpack(y);
  const uint32_t sign = a.sign ^ b.sign;
  if (a.special || b.special) {
    const int zero = (!a.special && !a.mantissa) || (!b.special && !b.mantissa);
    if (a.special == 2 || b.special == 2 || zero) return double_of(NAN_BITS);
    return double_of((uint64_t)sign << 63 | INF_BITS);
  }
  const uint64_t al = (uint32_t)a.mantissa, ah = a.mantissa >> 32, bl = (uint32_t)b.mantissa, bh = b.mantissa >> 32;
  const uint64_t low = al * bl, one = al * bh, two = ah * bl;
  const uint64_t middle = (low >> 32) + (uint32_t)one + (uint32_t)two;
  uint64_t high = ah * bh + (one >> 32) + (two >> 32) + (middle >> 32); /* the product over 2^64: 2^60 to 2^62 */
  high = high << 1 | ((uint32_t)middle >> 31);
  const uint32_t sticky = ((uint32_t)middle << 1) != 0 || (uint32_t)low != 0;
  const parts product = normal(sign, a.exponent + b.exponent + 1, high);
  return pack(sign, product.exponent, product.mantissa | sticky);
}

double SOFT(divdf3)(double x, double y) {
  const parts a = unpack(x), b = unpack(y);
  const uint32_t sign = a.sign ^ b.sign;
  const uint64_t signed_zero = (uint64_t)sign << 63;
  if (a.special == 2 || b.special == 2 || (a.special && b.special)) return double_of(NAN_BITS);
  if (a.special) return double_of(signed_zero | INF_BITS);
  if (b.special) return double_of(signed_zero);
  if (!b.mantissa) return double_of(a.mantissa ? signed_zero | INF_BITS : NAN_BITS);
  uint64_t quotient = 0, rest = a.mantissa;
  for (int i = 0; i < 60; ++i) { /* the first bit has the weight 2^0 */
    quotient <<= 1;
    if (rest >= b.mantissa) {
      rest -= b.mantissa;
      quotient |= 1;
    }
    rest <<= 1;
  }
  const parts result = normal(sign, a.exponent - b.exponent + 3, quotient); /* bit 59 has the weight 1 */
  return pack(sign, result.exponent, result.mantissa | (rest != 0));
}

double SOFT(floatunsidf)(uint32_t value) {
  const parts p = normal(0, 62, value);
  return pack(0, p.exponent, p.mantissa);
}

double SOFT(floatsidf)(int32_t value) {
  const double size = SOFT(floatunsidf)(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
  return value < 0 ? double_of(bits_of(size) ^ (1ull << 63)) : size;
}

int32_t SOFT(fixdfsi)(double x) {
  const parts p = unpack(x);
  if (p.special || p.exponent > 30) return p.sign ? INT32_MIN : INT32_MAX;
  const int32_t size = p.exponent < 0 || !p.mantissa ? 0 : (int32_t)(p.mantissa >> (62 - p.exponent));
  return p.sign ? -size : size;
}

uint32_t SOFT(fixunsdfsi)(double x) {
  const parts p = unpack(x);
  if (p.sign || p.exponent < 0 || !p.mantissa) return 0;
  return p.exponent > 31 ? UINT32_MAX : (uint32_t)(p.mantissa >> (62 - p.exponent));
}

double SOFT(extendsfdf2)(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  const uint32_t sign = bits >> 31, fraction = bits & 0x7fffff;
  const int32_t exponent = (int32_t)(bits >> 23) & 0xff;
  if (exponent == 0xff) return double_of(fraction ? NAN_BITS : (uint64_t)sign << 63 | INF_BITS);
  const parts p = exponent ? normal(sign, exponent - 127, (uint64_t)(fraction | 0x800000) << 39)
                           : normal(sign, -87, fraction); /* 2^-149 at bit 0 */
  return pack(sign, p.exponent, p.mantissa);
}

float SOFT(truncdfsf2)(double x) {
  const parts p = unpack(x);
  uint32_t bits = p.sign << 31;
  if (p.special == 2) {
    bits = 0x7fc00000u;
  } else if (p.special || p.exponent > 127) {
    bits |= 0x7f800000u;
  } else if (p.mantissa) {
    int32_t biased = p.exponent + 127, drop = 39;
    if (biased <= 0) {
      drop += 1 - biased;
      biased = 0;
    }
    if (drop < 64) {
      uint64_t kept = p.mantissa >> drop;
      const uint64_t rest = p.mantissa & ((1ull << drop) - 1), half = 1ull << (drop - 1);
      kept += rest > half || (rest == half && (kept & 1));
      const uint32_t size = (biased ? (uint32_t)(biased - 1) << 23 : 0) + (uint32_t)kept;
      bits |= size >= 0x7f800000u ? 0x7f800000u : size;
    }
  }
  float result;
  memcpy(&result, &bits, 4);
  return result;
}

/* A double holds more than twice a single's bits: rounding twice changes nothing. */
#define TWICE(name, of) \
  float SOFT(name)(float x, float y) { return SOFT(truncdfsf2)(SOFT(of)(SOFT(extendsfdf2)(x), SOFT(extendsfdf2)(y))); }
TWICE(addsf3, adddf3)
TWICE(subsf3, subdf3)
TWICE(mulsf3, muldf3)
TWICE(divsf3, divdf3)

float SOFT(floatsisf)(int32_t value) { return SOFT(truncdfsf2)(SOFT(floatsidf)(value)); }
float SOFT(floatunsisf)(uint32_t value) { return SOFT(truncdfsf2)(SOFT(floatunsidf)(value)); }
