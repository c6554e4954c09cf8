#pragma once
#define _GLIBCXX_NUM_CATEGORIES 0
namespace std {
typedef int* __c_locale;
inline int __convert_from_v(const __c_locale&, char*, const int, const char*, ...) { return 0; }
}  // namespace std
