/*
 * What the metadata pages of a blobstore hold, as far as it takes to tell whether there are enough for what blobstore is
 * about to write. Blobstore does not tell: where it finds no page for a blob's metadata it writes nothing and reports
 * success (v26.01), and goes on from there. So this looks at what goes by. Blobstore writes a page that it has taken, and
 * zeroes one before it gives it up; what was there before, the mask says that it reads or writes when it loads.
 *
 * Only on the metadata thread.
 */
#include "spdkio_bridge.h"

/* The super block. */
#define SUPER_SIGNATURE "SPDKBLOB"
#define SUPER_MASK_START_AT 32
#define SUPER_MASK_LENGTH_AT 36
#define SUPER_START_AT 48
#define SUPER_LENGTH_AT 52
#define SUPER_PAGE_SIZE_AT 92

/* The mask: a byte and the number of bits before them. */
#define MASK_BITS_AT 5

/* A page. */
#define SEQUENCE_AT 8
#define DESCRIPTORS_AT 16
#define NEXT_AT 4088
#define NO_PAGE UINT32_MAX
#define HEAD_BYTES 5
#define XATTR 2
#define EXTENT_RLE 1
#define EXTENT_TABLE 5

#define PAGE_BYTES 4096
#define DESCRIPTOR_BYTES (NEXT_AT - DESCRIPTORS_AT)

/*
 * What I/O may add to a blob's metadata between two writes of them: clusters that are allocated or given back, or extent
 * pages.
 */
#define EXTENT_BYTES 8
#define MAX_ADDED_BYTES 2048

/* Extent pages that I/O takes between a look at how many there are and the end of what is done then. */
#define MAX_TAKEN_BY_IO 8

/* What descriptors come to. */
struct sum {
	uint32_t bytes;
	uint32_t user_bytes; /* of these, what users' attributes take */
	uint32_t missing; /* extent pages in an extent table, or clusters, that are not there */
	bool table;
};

struct page {
	bool used;
	bool open; /* the blob, for who may write it */
	/* The others are of a blob's first page. */
	uint16_t chain; /* how many pages the blob has */
	uint16_t coming; /* of what is being written before the first page: how many */
	uint32_t writes; /* since the page was zeroed */
	uint32_t added_bytes; /* what is to be written of the blob more than was */
	struct sum sum;
	struct sum coming_sum;
};

struct spdkio_pages {
	uint64_t first_block;
	uint64_t page_blocks;
	uint64_t used_blocks; /* of a page, which may be larger than what blobstore writes to it */
	uint64_t count;
	uint64_t mask_block;
	uint64_t mask_bytes;
	uint32_t free;
	uint32_t kept; /* of those, what is kept back for blobs that are open */
	uint64_t wanted; /* extent pages that such blobs have not got yet */
	struct page pages[];
};

static uint32_t
u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t
u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/*
 * Looks at a super block, of which the first one that makes sense counts. Returns the block behind the metadata, or 0 when
 * this one does not.
 */
uint64_t
spdkio_pages_super(struct spdkio_pages **pages, const uint8_t *super, uint32_t block_bytes, uint64_t block_count)
{
	uint64_t page_bytes = u32(super + SUPER_PAGE_SIZE_AT);
	uint64_t count = u32(super + SUPER_LENGTH_AT);
	uint64_t start = u32(super + SUPER_START_AT);
	uint64_t page_blocks;
	struct spdkio_pages *made;

	if (page_bytes == 0) {
		page_bytes = PAGE_BYTES;
	}
	page_blocks = page_bytes / block_bytes;
	if (memcmp(super, SUPER_SIGNATURE, strlen(SUPER_SIGNATURE)) != 0 || page_bytes < PAGE_BYTES
	    || page_bytes % block_bytes != 0 || (start + count) * page_blocks > block_count) {
		return 0;
	}
	made = *pages == NULL ? calloc(1, sizeof(*made) + count * sizeof(struct page)) : NULL;
	if (made != NULL) {
		made->page_blocks = page_blocks;
		made->used_blocks = PAGE_BYTES / block_bytes;
		made->first_block = start * page_blocks;
		made->count = count;
		made->mask_block = u32(super + SUPER_MASK_START_AT) * page_blocks;
		made->mask_bytes = u32(super + SUPER_MASK_LENGTH_AT) * page_bytes;
		made->free = (uint32_t)count;
		*pages = made;
	}
	return (start + count) * page_blocks;
}

static void
set_used(struct spdkio_pages *pages, uint64_t page, bool used)
{
	if (pages->pages[page].used != used) {
		pages->pages[page].used = used;
		pages->free += used ? -1 : 1;
	}
}

static void
take_mask(struct spdkio_pages *pages, const uint8_t *mask, uint64_t bytes)
{
	for (uint64_t i = 0; i < pages->count && MASK_BITS_AT + i / 8 < bytes; i++) {
		set_used(pages, i, (mask[MASK_BITS_AT + i / 8] >> i % 8 & 1) != 0);
	}
}

static void
add_extents(struct sum *sum, const uint8_t *at, const uint8_t *end)
{
	for (; at + 8 <= end; at += 8) {
		if (u32(at) == 0) {
			sum->missing += u32(at + 4);
		}
	}
}

static void
add_descriptors(struct sum *sum, const uint8_t *page)
{
	uint32_t at = DESCRIPTORS_AT;

	while (at + HEAD_BYTES <= NEXT_AT) {
		uint8_t type = page[at];
		uint64_t length = u32(page + at + 1);
		const uint8_t *body = page + at + HEAD_BYTES;

		if ((type == 0 && length == 0) || at + HEAD_BYTES + length > NEXT_AT) {
			return;
		}
		sum->bytes += HEAD_BYTES + (uint32_t)length;
		if (type == XATTR) {
			sum->user_bytes += HEAD_BYTES + (uint32_t)length;
		} else if (type == EXTENT_RLE) {
			add_extents(sum, body, body + length);
		} else if (type == EXTENT_TABLE && length >= sizeof(uint64_t)) {
			sum->table = true;
			add_extents(sum, body + sizeof(uint64_t), body + length);
		}
		at += HEAD_BYTES + (uint32_t)length;
	}
}

/* Where in a page's blob it stands, and that blob's first page; NULL when it is not of a chain. */
static struct page *
first_page(struct spdkio_pages *pages, uint64_t page, const uint8_t *content, uint32_t *sequence)
{
	uint64_t first = u64(content) & UINT32_MAX;

	*sequence = u32(content + SEQUENCE_AT);
	return first < pages->count && (*sequence != 0 || first == page) ? &pages->pages[first] : NULL;
}

static void
add(struct sum *sum, const struct sum *more)
{
	sum->bytes += more->bytes;
	sum->user_bytes += more->user_bytes;
	sum->missing += more->missing;
	sum->table |= more->table;
}

static uint32_t
may_add(const struct sum *sum)
{
	return sum->table ? (uint32_t)spdk_min((uint64_t)sum->missing * EXTENT_BYTES, MAX_ADDED_BYTES) : MAX_ADDED_BYTES;
}

/*
 * What I/O may need to write a blob's metadata, and what nobody else gets therefore: the chain anew but for its first
 * page, which stays where it is, with a page more for every half page that is added and one for what I/O adds; and that
 * chain anew once more, as I/O that is under way may write it again before anybody looks at how much is left.
 */
static uint32_t
kept_for(const struct page *page)
{
	uint32_t grows;

	if (!page->open || (page->chain <= 1 && page->sum.bytes + page->added_bytes + may_add(&page->sum) <= DESCRIPTOR_BYTES)) {
		return 0;
	}
	grows = (may_add(&page->sum) > 0) + spdk_divide_round_up(page->added_bytes, DESCRIPTOR_BYTES / 2);
	return spdk_max(page->chain, 1) - 1 + 2 * grows;
}

/* A blob counts, or counts no longer. */
static void
count(struct spdkio_pages *pages, const struct page *first, int sign)
{
	pages->kept += sign * kept_for(first);
	if (first->open && first->sum.table) {
		pages->wanted += sign * (int64_t)first->sum.missing;
	}
}

/* The number of a page, all or what is used of it, or the number of pages when it is none. */
static uint64_t
page_at(const struct spdkio_pages *pages, uint64_t block, uint64_t blocks)
{
	if (block < pages->first_block || (blocks != pages->page_blocks && blocks != pages->used_blocks)
	    || (block - pages->first_block) % pages->page_blocks != 0) {
		return pages->count;
	}
	return (block - pages->first_block) / pages->page_blocks;
}

/*
 * Looks at what is written or was read: takes a mask, and finds the first page of the blob that a page is of, if it is one.
 * NULL when there is no more to it.
 */
static struct page *
look(struct spdkio_pages *pages, uint64_t block, uint64_t blocks, const uint8_t *content, uint64_t bytes, bool written,
     uint32_t *sequence)
{
	uint64_t at;

	if (pages == NULL) {
		return NULL;
	}
	if (block == pages->mask_block) {
		take_mask(pages, content, spdk_min(bytes, pages->mask_bytes));
		return NULL;
	}
	at = page_at(pages, block, blocks);
	if (at >= pages->count) {
		return NULL;
	}
	if (written) {
		set_used(pages, at, true);
	}
	return first_page(pages, at, content, sequence);
}

/* A write begins. */
void
spdkio_pages_write(struct spdkio_pages *pages, uint64_t block, uint64_t blocks, const uint8_t *content, uint64_t bytes)
{
	uint32_t sequence;
	struct page *first = look(pages, block, blocks, content, bytes, true, &sequence);

	if (first == NULL) {
		return;
	}
	if (sequence != 0) {
		first->coming++;
		add_descriptors(&first->coming_sum, content);
		return;
	}
	count(pages, first, -1);
	first->writes++;
	first->chain = first->coming + 1;
	first->sum = first->coming_sum;
	add_descriptors(&first->sum, content);
	first->coming = 0;
	memset(&first->coming_sum, 0, sizeof(first->coming_sum));
	count(pages, first, 1);
}

/* A read has ended. */
void
spdkio_pages_read(struct spdkio_pages *pages, uint64_t block, uint64_t blocks, const uint8_t *content, uint64_t bytes)
{
	struct sum sum = { 0 };
	uint32_t sequence;
	struct page *first = look(pages, block, blocks, content, bytes, false, &sequence);

	if (first == NULL) {
		return;
	}
	add_descriptors(&sum, content);
	count(pages, first, -1);
	if (sequence == 0) {
		first->chain = 1;
		first->sum = sum;
	} else if (sequence == first->chain) {
		first->chain++;
		add(&first->sum, &sum);
	}
	count(pages, first, 1);
}

/* Zeroes have been written. */
void
spdkio_pages_zeroed(struct spdkio_pages *pages, uint64_t block, uint64_t blocks)
{
	uint64_t at;

	if (pages == NULL) {
		return;
	}
	at = page_at(pages, block, blocks);
	if (at < pages->count) {
		set_used(pages, at, false);
		count(pages, &pages->pages[at], -1);
		memset(&pages->pages[at], 0, sizeof(struct page));
	}
}

/* A blob is open, with so many bytes that are not written yet, or is open no longer. */
void
spdkio_pages_keep(struct spdkio_pages *pages, uint64_t first, bool open, uint32_t added_bytes)
{
	struct page *page;

	if (pages != NULL && first < pages->count) {
		page = &pages->pages[first];
		count(pages, page, -1);
		page->open = open;
		page->added_bytes = added_bytes;
		count(pages, page, 1);
	}
}

/* Of blocks that are a metadata page, how many blobstore uses; otherwise all. */
uint64_t
spdkio_pages_used(const struct spdkio_pages *pages, uint64_t block, uint64_t blocks)
{
	return pages != NULL && page_at(pages, block, blocks) < pages->count ? pages->used_blocks : blocks;
}

/*
 * How many are not used, less those that are kept back, and those that I/O may just be taking; a very large number when
 * nothing is known of them.
 */
int32_t
spdkio_pages_spare(const struct spdkio_pages *pages, bool io_takes)
{
	if (pages == NULL) {
		return INT32_MAX;
	}
	return (int32_t)(pages->free - pages->kept) - (io_takes ? (int32_t)spdk_min(pages->wanted, MAX_TAKEN_BY_IO) : 0);
}

/* Of the blob whose first page this is. */
void
spdkio_pages_of(const struct spdkio_pages *pages, uint64_t first, struct spdkio_pages_of *result)
{
	const struct page *page;

	memset(result, 0, sizeof(*result));
	if (pages == NULL || first >= pages->count) {
		return;
	}
	page = &pages->pages[first];
	result->chain = page->chain;
	result->bytes = page->sum.bytes;
	result->user_bytes = page->sum.user_bytes;
	result->missing = page->sum.missing;
	result->table = page->sum.table;
	result->kept = kept_for(page);
	result->writes = page->writes;
}
