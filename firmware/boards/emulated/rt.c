/* The helpers that Debian's xtensa-lx106 libgcc leaves out (an ESP8266 has them in ROM), integers only, and what a
 * freestanding C++ program needs. Whoever brings floating point into the firmware finds out here: it does not link. */
#include <stdint.h>

uint64_t __umulsidi3(uint32_t a, uint32_t b) {
  const uint32_t al = a & 0xffff, ah = a >> 16, bl = b & 0xffff, bh = b >> 16;
  const uint32_t ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
  const uint32_t mid = (ll >> 16) + (lh & 0xffff) + (hl & 0xffff);
  return ((uint64_t)(hh + (lh >> 16) + (hl >> 16) + (mid >> 16)) << 32) |
         (uint32_t)((mid << 16) | (ll & 0xffff));
}

int64_t __muldi3(int64_t a, int64_t b) {
  const uint32_t al = (uint32_t)a, bl = (uint32_t)b;
  const uint32_t ah = (uint32_t)((uint64_t)a >> 32), bh = (uint32_t)((uint64_t)b >> 32);
  const uint64_t low = __umulsidi3(al, bl);
  const uint32_t high = (uint32_t)(low >> 32) + al * bh + ah * bl;
  return (int64_t)(((uint64_t)high << 32) | (uint32_t)low);
}

/* Shift and subtract; division by zero gives zero. */
static uint32_t divide32(uint32_t n, uint32_t d, uint32_t* rest) {
  uint32_t q = 0, r = n;
  if (d != 0 && n >= d) {
    int s = __builtin_clz(d) - __builtin_clz(n);
    for (uint32_t t = d << s; s >= 0; --s, t >>= 1) {
      if (r >= t) {
        r -= t;
        q |= 1u << s;
      }
    }
  }
  *rest = r;
  return q;
}

static int clz64(uint64_t v) {
  const uint32_t high = (uint32_t)(v >> 32);
  return high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)v);
}

static uint64_t divide64(uint64_t n, uint64_t d, uint64_t* rest) {
  uint64_t q = 0, r = n;
  if (d != 0 && n >= d) {
    int s = clz64(d) - clz64(n);
    for (uint64_t t = d << s; s >= 0; --s, t >>= 1) {
      if (r >= t) {
        r -= t;
        q |= 1ull << s;
      }
    }
  }
  *rest = r;
  return q;
}

static uint32_t size32(int32_t v) { return v < 0 ? -(uint32_t)v : (uint32_t)v; }
static uint64_t size64(int64_t v) { return v < 0 ? -(uint64_t)v : (uint64_t)v; }

uint32_t __udivsi3(uint32_t n, uint32_t d) {
  uint32_t r;
  return divide32(n, d, &r);
}
uint32_t __umodsi3(uint32_t n, uint32_t d) {
  uint32_t r;
  divide32(n, d, &r);
  return r;
}
int32_t __divsi3(int32_t a, int32_t b) {
  uint32_t r;
  const uint32_t q = divide32(size32(a), size32(b), &r);
  return (int32_t)((a ^ b) < 0 ? -q : q);
}
int32_t __modsi3(int32_t a, int32_t b) {
  uint32_t r;
  divide32(size32(a), size32(b), &r);
  return (int32_t)(a < 0 ? -r : r);
}
uint64_t __udivdi3(uint64_t n, uint64_t d) {
  uint64_t r;
  return divide64(n, d, &r);
}
uint64_t __umoddi3(uint64_t n, uint64_t d) {
  uint64_t r;
  divide64(n, d, &r);
  return r;
}
int64_t __divdi3(int64_t a, int64_t b) {
  uint64_t r;
  const uint64_t q = divide64(size64(a), size64(b), &r);
  return (int64_t)((a ^ b) < 0 ? -q : q);
}
int64_t __moddi3(int64_t a, int64_t b) {
  uint64_t r;
  divide64(size64(a), size64(b), &r);
  return (int64_t)(a < 0 ? -r : r);
}

extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);
void __libc_init_array_simple(void) {
  for (void (**f)(void) = __init_array_start; f != __init_array_end; ++f) (*f)();
}

/* A pure virtual call is a crash like any other: an exit status for QEMU. */
void __cxa_pure_virtual(void) {
  for (;;) __asm__ volatile("ill");
}
