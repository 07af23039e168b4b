/*
 * Functions for what SPDK's headers define as static inline. The entries are generated, one a line; the linker leaves out
 * a line that these headers know nothing of.
 */
#include "spdkio_bridge.h"

#include "spdkio_inline.inc"
