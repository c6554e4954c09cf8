#pragma once
namespace std {
struct ctype_base {
  typedef const int* __to_type;
  typedef unsigned short mask;
  static const mask upper = 1, lower = 2, alpha = 3, digit = 4, xdigit = 8, space = 16, print = 32;
  static const mask graph = 64, cntrl = 128, punct = 256, alnum = 7, blank = 512;
};
}
