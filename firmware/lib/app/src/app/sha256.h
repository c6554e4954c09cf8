// SHA-256 (FIPS 180-4) of bytes that lie in one piece.
#ifndef EDGEKIT_APP_SHA256_H_
#define EDGEKIT_APP_SHA256_H_

#include <stddef.h>
#include <stdint.h>

namespace edgekit {

void Sha256(const uint8_t* data, size_t bytes, uint8_t digest[32]);

}  // namespace edgekit

#endif  // EDGEKIT_APP_SHA256_H_
