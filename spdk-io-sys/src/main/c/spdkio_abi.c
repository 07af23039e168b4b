/*
 * The sizes, offsets and values that the C compiler sees, for comparison with those in the Java bindings. The entries are
 * generated, one a line and in the order of abi.txt. The linker leaves out a line that these headers know nothing of; its
 * entry then stays empty.
 */
#include "spdkio_bridge.h"

struct spdkio_abi_entry {
	uint64_t present;
	uint64_t first;  /* size, offset, first bit, or value */
	uint64_t second; /* alignment, size, or number of bits */
};

#define SPDKIO_STRUCT(index, type)          [index] = { 1, sizeof(type), _Alignof(type) },
#define SPDKIO_FIELD(index, type, field)    [index] = { 1, offsetof(type, field), sizeof(((type *)0)->field) },
#define SPDKIO_OFFSET(index, type, field)   [index] = { 1, offsetof(type, field), 0 },
#define SPDKIO_CONSTANT(index, value)       [index] = { 1, (uint64_t)(value), 0 },
#define SPDKIO_BITS(index, type, field)
static struct spdkio_abi_entry g_table[SPDKIO_ABI_ENTRIES] = {
#include "spdkio_abi.inc"
};
#undef SPDKIO_STRUCT
#undef SPDKIO_FIELD
#undef SPDKIO_OFFSET
#undef SPDKIO_CONSTANT
#undef SPDKIO_BITS

/* C has no offsetof for bit fields: set all of the field's bits and look where they are. */
static void
find_bits(struct spdkio_abi_entry *entry, const uint8_t *bytes, size_t size)
{
	entry->present = 1;
	for (size_t i = 0; i < size; i++) {
		for (int bit = 0; bytes[i] != 0 && bit < 8; bit++) {
			if ((bytes[i] >> bit & 1) != 0) {
				if (entry->second++ == 0) {
					entry->first = i * 8 + (size_t)bit;
				}
			}
		}
	}
}

#define SPDKIO_STRUCT(index, type)
#define SPDKIO_FIELD(index, type, field)
#define SPDKIO_OFFSET(index, type, field)
#define SPDKIO_CONSTANT(index, value)
#define SPDKIO_BITS(index, type, field)                                           \
	{                                                                         \
		type *bits = memset(memory, 0, sizeof(type));                     \
		bits->field = bits->field - 1;                                    \
		find_bits(&g_table[index], (const uint8_t *)memory, sizeof(type)); \
	}
static void
find_all_bits(void)
{
	static _Alignas(64) uint8_t memory[1 << 16];
#include "spdkio_abi.inc"
}

/* Called once, before anything else. */
SPDKIO_EXPORT const struct spdkio_abi_entry *
spdkio_abi_table(uint32_t *entries)
{
	static bool found;

	if (!found) {
		found = true;
		find_all_bits();
	}
	*entries = SPDKIO_ABI_ENTRIES;
	return g_table;
}
