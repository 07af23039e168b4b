/*
 * The device under a blobstore, or behind a clone of another device. It differs from SPDK's own for bdevs (blob_bdev) in
 * four things:
 *
 * - Where the bdev flushes, metadata is on it before an operation goes on: a write of metadata is flushed, and what was
 *   written before it too. Blobstore itself orders its writes but flushes nothing.
 * - I/O can be aborted: what blobstore asks for while a ring's operation is submitted, or when I/O of that operation
 *   completes, belongs to that operation.
 * - When a write of metadata has failed, it and all those after it seem to succeed and are kept in memory, until the
 *   store is loaded again; Java knows of it. Blobstore's ways out of such a failure end in freed memory, and it goes on from a
 *   state that is not on the device.
 * - It can be cut off from the bdev: writes of metadata seem to succeed and do nothing, and the super block reads as it
 *   last was. So the blobs of a store whose device is gone, or which is left behind, can be closed and the store be
 *   unloaded; blobstore refuses both when it can't write.
 *
 * An I/O belongs to the thread that submitted it, and is in that thread's list while it is under way.
 */
#include "spdkio_bridge.h"

#define SUPER_BYTES 4096
#define MAX_PAGE_BYTES 65536
#define MAX_REMEMBERED 1024

/* A write of metadata, for who reads it again. */
struct kept_write {
	uint64_t lba;
	uint64_t bytes;
	TAILQ_ENTRY(kept_write) link;
	uint8_t data[];
};

TAILQ_HEAD(kept_writes, kept_write);

struct spdkio_store {
	struct spdk_bs_dev dev; /* first: what blobstore knows */
	struct spdk_bdev *bdev;
	struct spdk_bdev_desc *desc;
	uint64_t metadata_blocks; /* all but these are data; all are metadata until a super block was seen */
	bool writable;
	bool aborts_reach;
	bool flushes;
	bool cut_off;
	bool closed; /* the descriptor is */
	bool has_super;
	bool unflushed;    /* data was written since a flush began */
	int32_t flushing;  /* flushes under way */
	/* How many writes of metadata did not take place, and next to it whether I/O may find no page; Java reads both at once. */
	_Alignas(8) uint32_t lost;
	uint32_t short_of_pages;
	int32_t references; /* Java's, blobstore's, and of one that is written one each channel */
	/* Only on the metadata thread, the newest first: those that did not take place, and those that are remembered. */
	struct kept_writes lost_writes;
	struct kept_writes remembered;
	uint32_t remembered_count;
	uint32_t remembering; /* how many ask for that */
	struct spdkio_pages *pages; /* NULL until a super block was seen */
	uint8_t super[SUPER_BYTES];
};

enum kind {
	KIND_READ,
	KIND_READV,
	KIND_WRITE,
	KIND_WRITEV,
	KIND_WRITE_ZEROES,
	KIND_UNMAP,
	KIND_COPY,
};

enum stage {
	STAGE_FLUSH_BEFORE,
	STAGE_WORK,
	STAGE_FLUSH_AFTER,
};

struct spdkio_store_io {
	struct spdkio_store *store;
	struct spdkio_thread_context *context; /* of its thread */
	struct spdk_bs_dev_cb_args *args;
	struct spdk_io_channel *channel;
	struct spdk_io_channel *kept; /* NULL, or the same once more */
	struct spdkio_blob_operation *operation; /* NULL when it is nobody's */
	uint64_t generation;
	enum kind kind;
	enum stage stage;
	bool aborting;
	int iov_count;
	void *payload; /* or struct iovec */
	struct iovec *own_iovs; /* NULL, or in the place of payload */
	uint64_t lba;
	uint64_t source;
	uint64_t count;
	struct spdk_bdev_io_wait_entry wait;
	LIST_ENTRY(spdkio_store_io) link;
};

static void submit(struct spdkio_store_io *io);

static inline bool
is_read(const struct spdkio_store_io *io)
{
	return io->kind == KIND_READ || io->kind == KIND_READV;
}

static void
forget_writes(struct kept_writes *writes)
{
	struct kept_write *kept;

	while ((kept = TAILQ_FIRST(writes)) != NULL) {
		TAILQ_REMOVE(writes, kept, link);
		free(kept);
	}
}

/* Ended by the descriptor's end; see close_on_app_thread. */
static void
release(struct spdkio_store *store)
{
	if (__atomic_sub_fetch(&store->references, 1, __ATOMIC_ACQ_REL) == 0) {
		forget_writes(&store->lost_writes);
		forget_writes(&store->remembered);
		free(store->pages);
		free(store);
	}
}

/* ---- an I/O's life */

static struct spdkio_store_io *
take(struct spdkio_thread_context *context)
{
	struct spdkio_store_io *io = LIST_FIRST(&context->spare_ios);

	if (spdk_likely(io != NULL)) {
		LIST_REMOVE(io, link);
		return io;
	}
	return malloc(sizeof(*io));
}

static void
finish(struct spdkio_store_io *io, int status)
{
	struct spdkio_thread_context *context = io->context;
	struct spdk_bs_dev_cb_args *args = io->args;
	struct spdkio_blob_operation *before = context->operation;
	struct spdkio_blob_operation *operation =
		io->operation != NULL && io->operation->generation == io->generation ? io->operation : NULL;

	LIST_REMOVE(io, link);
	if (spdk_unlikely(io->own_iovs != NULL)) {
		free(io->own_iovs);
	}
	if (spdk_unlikely(io->kept != NULL)) {
		spdk_put_io_channel(io->kept);
	}
	LIST_INSERT_HEAD(&context->spare_ios, io, link);
	/* What comes next may go on with the operation. */
	context->operation = operation;
	args->cb_fn(args->channel, args->cb_arg, status);
	context->operation = before;
}

static inline bool
is_metadata(const struct spdkio_store_io *io)
{
	return io->lba < io->store->metadata_blocks;
}

/* Pages; the maps that unloading writes are not read again. */
static bool
keep(struct spdkio_store_io *io, struct kept_writes *writes)
{
	uint64_t bytes = spdkio_pages_used(io->store->pages, io->lba, io->count) * io->store->dev.blocklen;
	struct kept_write *kept;

	if (io->kind != KIND_WRITE || !is_metadata(io) || bytes > MAX_PAGE_BYTES) {
		return false;
	}
	kept = malloc(sizeof(*kept) + bytes);
	if (kept == NULL) {
		return false;
	}
	kept->lba = io->lba;
	kept->bytes = bytes;
	memcpy(kept->data, io->payload, bytes);
	TAILQ_INSERT_HEAD(writes, kept, link);
	return true;
}

/* What is read back is read soon. */
static void
remember(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;
	struct kept_write *oldest;

	if (store->remembering != 0 && keep(io, &store->remembered) && ++store->remembered_count > MAX_REMEMBERED) {
		oldest = TAILQ_LAST(&store->remembered, kept_writes);
		TAILQ_REMOVE(&store->remembered, oldest, link);
		store->remembered_count--;
		free(oldest);
	}
}

/* Whether an I/O reads what was kept, which it then has. */
static bool
read_kept(struct spdkio_store_io *io, struct kept_writes *writes)
{
	uint64_t bytes = io->count * io->store->dev.blocklen;
	struct kept_write *kept;

	if (io->kind != KIND_READ || !is_metadata(io)) {
		return false;
	}
	TAILQ_FOREACH(kept, writes, link) {
		if (kept->lba == io->lba && kept->bytes >= bytes) {
			memcpy(io->payload, kept->data, bytes);
			return true;
		}
	}
	return false;
}

/* A device that is cut off loses writes silently, but not those of a blob's user, who hears of it. */
static void
finish_cut_off(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;

	if (io->operation != NULL) {
		finish(io, -ENODEV);
	} else if ((io->kind == KIND_WRITE || io->kind == KIND_WRITEV) && !is_metadata(io)) {
		/* Also a user's, or what a cluster begins with. */
		finish(io, -EIO);
	} else if (!is_read(io)) {
		keep(io, &store->lost_writes);
		finish(io, 0);
	} else if (read_kept(io, &store->lost_writes) || read_kept(io, &store->remembered)) {
		finish(io, 0);
	} else if (io->kind == KIND_READ && io->lba == 0 && store->has_super
		   && io->count * store->dev.blocklen >= SUPER_BYTES) {
		memcpy(io->payload, store->super, SUPER_BYTES);
		finish(io, 0);
	} else {
		finish(io, -EIO);
	}
}

static bool
is_cut_off(const struct spdkio_store *store)
{
	return __atomic_load_n(&store->cut_off, __ATOMIC_ACQUIRE);
}

static void
keep_super(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;
	uint64_t metadata_blocks;

	if ((io->kind == KIND_READ || io->kind == KIND_WRITE) && io->lba == 0 && store->writable
	    && io->count * store->dev.blocklen >= SUPER_BYTES) {
		memcpy(store->super, io->payload, SUPER_BYTES);
		store->has_super = true;
		metadata_blocks = spdkio_pages_super(&store->pages, store->super, store->dev.blocklen, store->dev.blockcnt);
		if (metadata_blocks != 0 && metadata_blocks != store->metadata_blocks) {
			store->metadata_blocks = metadata_blocks;
		}
	}
}

static void
count_pages(struct spdkio_store *store)
{
	__atomic_store_n(&store->short_of_pages, spdkio_pages_spare(store->pages, false) < 0, __ATOMIC_RELEASE);
}

/* Metadata was read or written. */
static void
see_metadata(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;

	if (io->lba == 0) {
		keep_super(io);
	} else if (io->kind == KIND_READ) {
		spdkio_pages_read(store->pages, io->lba, io->count, io->payload, io->count * store->dev.blocklen);
	} else if (io->kind == KIND_WRITE_ZEROES) {
		spdkio_pages_zeroed(store->pages, io->lba, io->count);
	}
	count_pages(store);
}

/* For blobstore it has been written; see the top. */
static void
lose(struct spdkio_store_io *io)
{
	__atomic_add_fetch(&io->store->lost, 1, __ATOMIC_ACQ_REL);
	keep(io, &io->store->lost_writes);
	finish(io, 0);
}

/* The device does not do it. */
static void
fail(struct spdkio_store_io *io, int status)
{
	if (!is_read(io) && is_metadata(io)) {
		lose(io);
	} else if (read_kept(io, &io->store->remembered)) {
		finish(io, 0);
	} else {
		finish(io, status);
	}
}

static void
on_complete(struct spdk_bdev_io *bdev_io, bool success, void *argument)
{
	struct spdkio_store_io *io = argument;
	struct spdkio_store *store = io->store;

	spdk_bdev_free_io(bdev_io);
	if (io->stage != STAGE_WORK) {
		if (!success) {
			__atomic_store_n(&store->unflushed, true, __ATOMIC_RELEASE);
		}
		__atomic_sub_fetch(&store->flushing, 1, __ATOMIC_ACQ_REL);
	}
	if (spdk_unlikely(!success)) {
		if (is_cut_off(store)) {
			finish_cut_off(io);
		} else if (io->operation != NULL && io->operation->generation == io->generation && io->operation->aborted) {
			finish(io, -ECANCELED);
		} else {
			/* Blobstore knows this error: it unloads nevertheless. */
			fail(io, -EIO);
		}
		return;
	}
	if (spdk_likely(io->stage == STAGE_WORK)) {
		if (is_metadata(io)) {
			see_metadata(io);
		}
		if (is_read(io) || !store->flushes) {
			finish(io, 0);
		} else if (is_metadata(io)) {
			io->stage = STAGE_FLUSH_AFTER;
			submit(io);
		} else {
			if (!__atomic_load_n(&store->unflushed, __ATOMIC_RELAXED)) {
				__atomic_store_n(&store->unflushed, true, __ATOMIC_RELEASE);
			}
			finish(io, 0);
		}
	} else if (io->stage == STAGE_FLUSH_BEFORE) {
		io->stage = STAGE_WORK;
		submit(io);
	} else {
		finish(io, 0);
	}
}

static int
work(struct spdkio_store_io *io)
{
	struct spdk_bdev_desc *desc = io->store->desc;

	switch (io->kind) {
	case KIND_READ:
		return spdk_bdev_read_blocks(desc, io->channel, io->payload, io->lba, io->count, on_complete, io);
	case KIND_READV:
		return spdk_bdev_readv_blocks(desc, io->channel, io->payload, io->iov_count, io->lba, io->count,
					      on_complete, io);
	case KIND_WRITE:
		return spdk_bdev_write_blocks(desc, io->channel, io->payload, io->lba, io->count, on_complete, io);
	case KIND_WRITEV:
		return spdk_bdev_writev_blocks(desc, io->channel, io->payload, io->iov_count, io->lba, io->count,
					       on_complete, io);
	case KIND_WRITE_ZEROES:
		return spdk_bdev_write_zeroes_blocks(desc, io->channel, io->lba, io->count, on_complete, io);
	case KIND_UNMAP:
		return spdk_bdev_unmap_blocks(desc, io->channel, io->lba, io->count, on_complete, io);
	default:
		return spdk_bdev_copy_blocks(desc, io->channel, io->lba, io->source, io->count, on_complete, io);
	}
}

static void
submit_again(void *argument)
{
	submit(argument);
}

static void
submit(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;
	int rc;

	if (spdk_unlikely(is_cut_off(store))) {
		finish_cut_off(io);
		return;
	}
	if (spdk_unlikely(io->operation != NULL && io->operation->generation == io->generation
			  && io->operation->aborted)) {
		finish(io, -ECANCELED);
		return;
	}
	if (spdk_unlikely(__atomic_load_n(&store->lost, __ATOMIC_RELAXED) != 0) && is_metadata(io)) {
		if (!is_read(io)) {
			lose(io);
			return;
		}
		if (read_kept(io, &store->lost_writes)) {
			finish(io, 0);
			return;
		}
	}
	if (spdk_likely(io->stage == STAGE_WORK)) {
		rc = work(io);
	} else {
		__atomic_add_fetch(&store->flushing, 1, __ATOMIC_ACQ_REL);
		rc = spdk_bdev_flush_blocks(store->desc, io->channel, 0, store->dev.blockcnt, on_complete, io);
		if (rc != 0) {
			__atomic_sub_fetch(&store->flushing, 1, __ATOMIC_ACQ_REL);
		}
	}
	if (spdk_unlikely(rc == -ENOMEM)) {
		io->wait.bdev = store->bdev;
		io->wait.cb_fn = submit_again;
		io->wait.cb_arg = io;
		rc = spdk_bdev_queue_io_wait(store->bdev, io->channel, &io->wait);
	}
	if (spdk_unlikely(rc != 0)) {
		fail(io, rc);
	}
}

static struct spdkio_store_io *
start(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, struct spdk_bs_dev_cb_args *args, enum kind kind,
      void *payload, int iov_count, uint64_t lba, uint64_t count)
{
	/* The channel knows the thread without thread-local memory, which is not cheap here: see spdkio_ring_poll. */
	struct spdkio_thread_context *context = spdkio_thread_context(spdk_io_channel_get_thread(channel));
	struct spdkio_store_io *io = take(context);

	if (spdk_unlikely(io == NULL)) {
		args->cb_fn(args->channel, args->cb_arg, -ENOMEM);
		return NULL;
	}
	io->store = (struct spdkio_store *)dev;
	io->context = context;
	io->args = args;
	io->channel = channel;
	/*
	 * When a thread gives up one of its blobstore channels, v26.01 puts the channels to devices that blobs are clones of
	 * for all of that thread's blobs, and what is under way on them would never end.
	 */
	io->kept = spdk_unlikely(!io->store->writable) ? spdk_bdev_get_io_channel(io->store->desc) : NULL;
	io->operation = context->operation;
	io->generation = io->operation == NULL ? 0 : io->operation->generation;
	io->kind = kind;
	io->stage = STAGE_WORK;
	io->aborting = false;
	io->payload = payload;
	io->own_iovs = NULL;
	io->iov_count = iov_count;
	io->lba = lba;
	io->count = count;
	LIST_INSERT_HEAD(&context->store_ios, io, link);
	return io;
}

/* Metadata does not overtake the data that it tells of, nor a flush that others count on. */
static void
start_writing(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;

	if (is_metadata(io)) {
		if (io->kind == KIND_WRITE) {
			spdkio_pages_write(store->pages, io->lba, io->count, io->payload, io->count * store->dev.blocklen);
			count_pages(store);
			remember(io);
		}
	}
	if (store->flushes && is_metadata(io)
	    && (__atomic_exchange_n(&store->unflushed, false, __ATOMIC_ACQ_REL)
		|| __atomic_load_n(&store->flushing, __ATOMIC_ACQUIRE) > 0)) {
		io->stage = STAGE_FLUSH_BEFORE;
	}
	submit(io);
}

/* ---- struct spdk_bs_dev */

static void
zero(struct iovec *iovs, int count, uint64_t from)
{
	for (int i = 0; i < count; i++) {
		if (from < iovs[i].iov_len) {
			memset((uint8_t *)iovs[i].iov_base + from, 0, iovs[i].iov_len - from);
			from = 0;
		} else {
			from -= iovs[i].iov_len;
		}
	}
}

/* Behind the end of a device that a blob is a clone of there are zeroes. True if the I/O has ended. */
static bool
read_past_end(struct spdkio_store_io *io)
{
	struct spdkio_store *store = io->store;
	uint64_t there = io->lba < store->dev.blockcnt ? store->dev.blockcnt - io->lba : 0;
	uint64_t bytes = there * store->dev.blocklen;
	struct iovec single = { .iov_base = io->payload, .iov_len = io->count * store->dev.blocklen };
	int used = 0;

	if (io->kind == KIND_READ) {
		zero(&single, 1, bytes);
	} else {
		zero(io->payload, io->iov_count, bytes);
	}
	if (there == 0) {
		finish(io, 0);
		return true;
	}
	io->count = there;
	if (io->kind == KIND_READV) {
		io->own_iovs = malloc(sizeof(struct iovec) * (size_t)io->iov_count);
		if (io->own_iovs == NULL) {
			finish(io, -ENOMEM);
			return true;
		}
		for (const struct iovec *iov = io->payload; bytes > 0; used++, iov++) {
			io->own_iovs[used] = *iov;
			io->own_iovs[used].iov_len = spdk_min(iov->iov_len, bytes);
			bytes -= io->own_iovs[used].iov_len;
		}
		io->payload = io->own_iovs;
		io->iov_count = used;
	}
	return false;
}

/* When blobstore loads it has not always room for all of a page. */
static void
start_reading(struct spdkio_store_io *io)
{
	if (is_metadata(io) && io->kind == KIND_READ) {
		io->count = spdkio_pages_used(io->store->pages, io->lba, io->count);
	}
	if (spdk_unlikely(io->lba + io->count > io->store->dev.blockcnt) && !io->store->writable && read_past_end(io)) {
		return;
	}
	submit(io);
}

static void
dev_read(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, void *payload, uint64_t lba, uint32_t count,
	 struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io = start(dev, channel, args, KIND_READ, payload, 0, lba, count);

	if (io != NULL) {
		start_reading(io);
	}
}

static void
dev_readv(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, struct iovec *iovs, int iov_count, uint64_t lba,
	  uint32_t count, struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io = start(dev, channel, args, KIND_READV, iovs, iov_count, lba, count);

	if (io != NULL) {
		start_reading(io);
	}
}

static void
dev_write(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, void *payload, uint64_t lba, uint32_t count,
	  struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io = start(dev, channel, args, KIND_WRITE, payload, 0, lba, count);

	if (io != NULL) {
		start_writing(io);
	}
}

static void
dev_writev(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, struct iovec *iovs, int iov_count, uint64_t lba,
	   uint32_t count, struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io = start(dev, channel, args, KIND_WRITEV, iovs, iov_count, lba, count);

	if (io != NULL) {
		start_writing(io);
	}
}

static void
dev_write_zeroes(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, uint64_t lba, uint64_t count,
		 struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io = start(dev, channel, args, KIND_WRITE_ZEROES, NULL, 0, lba, count);

	if (io != NULL) {
		start_writing(io);
	}
}

/* Blobstore does not count on zeroes after it, so a device that cannot need not. */
static void
dev_unmap(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, uint64_t lba, uint64_t count,
	  struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io;

	if (!spdk_bdev_io_type_supported(((struct spdkio_store *)dev)->bdev, SPDK_BDEV_IO_TYPE_UNMAP)) {
		args->cb_fn(args->channel, args->cb_arg, 0);
		return;
	}
	io = start(dev, channel, args, KIND_UNMAP, NULL, 0, lba, count);
	if (io != NULL) {
		start_writing(io);
	}
}

static void
dev_copy(struct spdk_bs_dev *dev, struct spdk_io_channel *channel, uint64_t lba, uint64_t source, uint64_t count,
	 struct spdk_bs_dev_cb_args *args)
{
	struct spdkio_store_io *io = start(dev, channel, args, KIND_COPY, NULL, 0, lba, count);

	if (io != NULL) {
		io->source = source;
		start_writing(io);
	}
}

/*
 * Blobstore gives its own device's channels back with dev_destroy_channel. With those of a device that blobs are clones of
 * it does so only when the blob closes before the thread's channel; otherwise it just puts them, and a reference would
 * stay. All of them are out of use when it destroys that device.
 */
static struct spdk_io_channel *
dev_create_channel(struct spdk_bs_dev *dev)
{
	struct spdkio_store *store = (struct spdkio_store *)dev;
	struct spdk_io_channel *channel = spdk_bdev_get_io_channel(store->desc);

	if (channel != NULL && store->writable) {
		__atomic_add_fetch(&store->references, 1, __ATOMIC_ACQ_REL);
	}
	return channel;
}

static void
dev_destroy_channel(struct spdk_bs_dev *dev, struct spdk_io_channel *channel)
{
	struct spdkio_store *store = (struct spdkio_store *)dev;

	spdk_put_io_channel(channel);
	if (store->writable) {
		release(store);
	}
}

/* A descriptor is closed where it was opened. */
static void
close_on_app_thread(void *argument)
{
	struct spdkio_store *store = argument;

	spdk_bdev_close(store->desc);
	__atomic_store_n(&store->closed, true, __ATOMIC_RELEASE);
	release(store);
}

static void
dev_destroy(struct spdk_bs_dev *dev)
{
	spdk_thread_send_msg(spdk_thread_get_app_thread(), close_on_app_thread, dev);
}

static struct spdk_bdev *
dev_base(struct spdk_bs_dev *dev)
{
	return ((struct spdkio_store *)dev)->bdev;
}

static bool
dev_is_zeroes(struct spdk_bs_dev *dev, uint64_t lba, uint64_t count)
{
	return false;
}

static bool
dev_is_range_valid(struct spdk_bs_dev *dev, uint64_t lba, uint64_t count)
{
	return lba + count <= dev->blockcnt;
}

/*
 * Not for a device that blobs are clones of: blobstore would take its blocks for those of its own device when it lets
 * that copy clusters for a clone of such a blob's snapshot.
 */
static bool
dev_translate_lba(struct spdk_bs_dev *dev, uint64_t lba, uint64_t *base_lba)
{
	*base_lba = lba;
	return ((struct spdkio_store *)dev)->writable;
}

/* ---- Java's */

/*
 * Opens a bdev, for writing with a claim or for reading. Returns NULL and why. On the app thread. Java gives it back with
 * spdkio_store_release; who got the struct spdk_bs_dev destroys that.
 */
SPDKIO_EXPORT struct spdkio_store *
spdkio_store_open(const char *name, bool writable, struct spdk_bdev_module *module, spdk_bdev_event_cb_t on_event,
		  int32_t *result)
{
	struct spdkio_store *store = calloc(1, sizeof(*store));
	struct spdk_bs_dev *dev;
	int rc;

	if (store == NULL) {
		*result = -ENOMEM;
		return NULL;
	}
	rc = spdk_bdev_open_ext(name, writable, on_event, NULL, &store->desc);
	if (rc == 0 && writable) {
		rc = spdk_bdev_module_claim_bdev_desc(store->desc, SPDK_BDEV_CLAIM_READ_MANY_WRITE_ONE, NULL, module);
		if (rc != 0) {
			spdk_bdev_close(store->desc);
		}
	}
	*result = rc;
	if (rc != 0) {
		free(store);
		return NULL;
	}
	store->bdev = spdk_bdev_desc_get_bdev(store->desc);
	store->writable = writable;
	store->aborts_reach = spdkio_bdev_aborts_reach(store->bdev);
	store->flushes = writable && spdk_bdev_io_type_supported(store->bdev, SPDK_BDEV_IO_TYPE_FLUSH);
	store->metadata_blocks = writable ? UINT64_MAX : 0;
	store->references = 2;
	TAILQ_INIT(&store->lost_writes);
	TAILQ_INIT(&store->remembered);
	dev = &store->dev;
	dev->blockcnt = spdk_bdev_get_num_blocks(store->bdev);
	dev->blocklen = spdk_bdev_get_block_size(store->bdev);
	dev->phys_blocklen = spdk_bdev_get_physical_block_size(store->bdev);
	dev->create_channel = dev_create_channel;
	dev->destroy_channel = dev_destroy_channel;
	dev->destroy = dev_destroy;
	dev->read = dev_read;
	dev->readv = dev_readv;
	dev->write = dev_write;
	dev->writev = dev_writev;
	dev->write_zeroes = dev_write_zeroes;
	dev->unmap = dev_unmap;
	if (spdk_bdev_io_type_supported(store->bdev, SPDK_BDEV_IO_TYPE_COPY) && spdkio_bdev_copies(store->bdev)) {
		dev->copy = dev_copy;
	}
	dev->get_base_bdev = dev_base;
	dev->is_zeroes = dev_is_zeroes;
	dev->is_range_valid = dev_is_range_valid;
	dev->translate_lba = dev_translate_lba;
	return store;
}

/* Java needs it no longer. Any thread. */
SPDKIO_EXPORT void
spdkio_store_release(struct spdkio_store *store)
{
	release(store);
}

/* Closes one that was never given to blobstore. */
SPDKIO_EXPORT void
spdkio_store_discard(struct spdkio_store *store)
{
	dev_destroy(&store->dev);
}

SPDKIO_EXPORT bool
spdkio_store_is_closed(struct spdkio_store *store)
{
	return __atomic_load_n(&store->closed, __ATOMIC_ACQUIRE);
}

/* Takes the size of the bdev again. On the store's thread. */
SPDKIO_EXPORT void
spdkio_store_resize(struct spdkio_store *store)
{
	store->dev.blockcnt = spdk_bdev_get_num_blocks(store->bdev);
}

struct flush {
	struct spdkio_store *store;
	struct spdk_io_channel *channel;
	spdk_blob_op_complete done;
	void *argument;
};

static void
end_flush(struct flush *flush, int status)
{
	__atomic_sub_fetch(&flush->store->flushing, 1, __ATOMIC_ACQ_REL);
	spdk_put_io_channel(flush->channel);
	flush->done(flush->argument, status);
	free(flush);
}

static void
on_flushed(struct spdk_bdev_io *bdev_io, bool success, void *argument)
{
	struct flush *flush = argument;

	spdk_bdev_free_io(bdev_io);
	if (!success) {
		__atomic_store_n(&flush->store->unflushed, true, __ATOMIC_RELEASE);
	}
	end_flush(flush, success ? 0 : -EIO);
}

/* Makes durable what was written before, where the bdev flushes. On the store's thread, which calls back. */
SPDKIO_EXPORT void
spdkio_store_flush(struct spdkio_store *store, spdk_blob_op_complete done, void *argument)
{
	struct flush *flush;
	int rc;

	if (is_cut_off(store)) {
		done(argument, -EIO);
		return;
	}
	if (!store->flushes || (!__atomic_exchange_n(&store->unflushed, false, __ATOMIC_ACQ_REL)
				&& __atomic_load_n(&store->flushing, __ATOMIC_ACQUIRE) == 0)) {
		done(argument, 0);
		return;
	}
	flush = calloc(1, sizeof(*flush));
	if (flush == NULL) {
		done(argument, -ENOMEM);
		return;
	}
	flush->store = store;
	flush->done = done;
	flush->argument = argument;
	flush->channel = spdk_bdev_get_io_channel(store->desc);
	if (flush->channel == NULL) {
		free(flush);
		done(argument, -ENOMEM);
		return;
	}
	__atomic_add_fetch(&store->flushing, 1, __ATOMIC_ACQ_REL);
	rc = spdk_bdev_flush_blocks(store->desc, flush->channel, 0, store->dev.blockcnt, on_flushed, flush);
	if (rc != 0) {
		__atomic_store_n(&store->unflushed, true, __ATOMIC_RELEASE);
		end_flush(flush, rc);
	}
}

/* ---- under blobstore */

struct transfer {
	struct spdkio_store *store;
	struct spdk_io_channel *channel;
	void *buffer;
	uint64_t lba;
	uint64_t count;
	bool writing;
	bool flushing;
	spdk_blob_op_complete done;
	void *argument;
	struct spdk_bdev_io_wait_entry wait;
};

static void
end_transfer(struct transfer *transfer, int status)
{
	spdk_put_io_channel(transfer->channel);
	transfer->done(transfer->argument, status);
	free(transfer);
}

static void go_on(void *argument);

static void
on_transferred(struct spdk_bdev_io *bdev_io, bool success, void *argument)
{
	struct transfer *transfer = argument;

	spdk_bdev_free_io(bdev_io);
	if (!success || !transfer->writing || transfer->flushing || !transfer->store->flushes) {
		end_transfer(transfer, success ? 0 : -EIO);
		return;
	}
	transfer->flushing = true;
	go_on(transfer);
}

static void
go_on(void *argument)
{
	struct transfer *transfer = argument;
	struct spdkio_store *store = transfer->store;
	int rc;

	if (transfer->flushing) {
		rc = spdk_bdev_flush_blocks(store->desc, transfer->channel, 0, store->dev.blockcnt, on_transferred, transfer);
	} else if (transfer->writing) {
		rc = spdk_bdev_write_blocks(store->desc, transfer->channel, transfer->buffer, transfer->lba, transfer->count,
					    on_transferred, transfer);
	} else {
		rc = spdk_bdev_read_blocks(store->desc, transfer->channel, transfer->buffer, transfer->lba, transfer->count,
					   on_transferred, transfer);
	}
	if (rc == -ENOMEM) {
		transfer->wait.bdev = store->bdev;
		transfer->wait.cb_fn = go_on;
		transfer->wait.cb_arg = transfer;
		rc = spdk_bdev_queue_io_wait(store->bdev, transfer->channel, &transfer->wait);
	}
	if (rc != 0) {
		end_transfer(transfer, rc);
	}
}

/*
 * Reads blocks, or writes them durably, that blobstore does not use just now or does not know of yet. On the store's thread,
 * which calls back.
 */
SPDKIO_EXPORT void
spdkio_store_transfer(struct spdkio_store *store, bool writing, void *buffer, uint64_t lba, uint64_t count,
		      spdk_blob_op_complete done, void *argument)
{
	struct transfer *transfer;

	if (is_cut_off(store)) {
		done(argument, -ENODEV);
		return;
	}
	transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL) {
		done(argument, -ENOMEM);
		return;
	}
	transfer->store = store;
	transfer->buffer = buffer;
	transfer->lba = lba;
	transfer->count = count;
	transfer->writing = writing;
	transfer->done = done;
	transfer->argument = argument;
	transfer->channel = spdk_bdev_get_io_channel(store->desc);
	if (transfer->channel == NULL) {
		free(transfer);
		done(argument, -ENOMEM);
		return;
	}
	go_on(transfer);
}

/* Where the number of lost writes is, and behind it whether metadata pages are too few. */
SPDKIO_EXPORT const uint32_t *
spdkio_store_lost(struct spdkio_store *store)
{
	return &store->lost;
}

/* How many metadata pages are not used, kept back or just being taken by I/O. On the store's thread, as the next three. */
SPDKIO_EXPORT int32_t
spdkio_store_spare_pages(struct spdkio_store *store, bool io_takes)
{
	return spdkio_pages_spare(store->pages, io_takes);
}

/* Keeps pages back for the metadata of a blob that is open, or no longer. */
SPDKIO_EXPORT void
spdkio_store_keep_pages(struct spdkio_store *store, uint32_t first, bool open, uint32_t added_bytes)
{
	spdkio_pages_keep(store->pages, first, open, added_bytes);
	count_pages(store);
}

/* How often the metadata of the blob whose first page this is were written; cheaper than all that is known. */
SPDKIO_EXPORT uint32_t
spdkio_store_writes_of(struct spdkio_store *store, uint32_t first)
{
	struct spdkio_pages_of result;

	spdkio_pages_of(store->pages, first, &result);
	return result.writes;
}

/* What is known of the metadata pages of the blob whose first one this is. */
SPDKIO_EXPORT void
spdkio_store_pages_of(struct spdkio_store *store, uint32_t first, struct spdkio_pages_of *result)
{
	spdkio_pages_of(store->pages, first, result);
}

/*
 * From now on, or no longer, metadata that was written can be read even when the device fails or is gone.
 * spdk_bs_create_clone opens the blob that it has just created, and uses a null pointer where that fails. On the store's
 * thread.
 */
SPDKIO_EXPORT void
spdkio_store_remember(struct spdkio_store *store, bool on)
{
	store->remembering += on ? 1 : -1;
	if (store->remembering == 0) {
		forget_writes(&store->remembered);
		store->remembered_count = 0;
	}
}

/* Metadata that blobstore takes for written is not: from here on none is. On the store's thread. */
SPDKIO_EXPORT void
spdkio_store_fail(struct spdkio_store *store)
{
	__atomic_add_fetch(&store->lost, 1, __ATOMIC_ACQ_REL);
}

/* For good. Any thread; what is under way goes on. */
SPDKIO_EXPORT void
spdkio_store_cut_off(struct spdkio_store *store)
{
	__atomic_store_n(&store->cut_off, true, __ATOMIC_RELEASE);
}

/* The super block as it was last read or written, or NULL. */
SPDKIO_EXPORT const void *
spdkio_store_super(struct spdkio_store *store)
{
	return store->has_super ? store->super : NULL;
}

/* ---- aborting */

static void
on_abort(struct spdk_bdev_io *bdev_io, bool success, void *argument)
{
	spdk_bdev_free_io(bdev_io);
}

static void
abort_ios(struct spdkio_store *store, struct spdkio_blob_operation *operation)
{
	struct spdkio_thread_context *context = spdkio_thread_context(spdk_get_thread());
	struct spdkio_store_io *io;
	bool reset = false;
	bool found;

	do {
		found = false;
		LIST_FOREACH(io, &context->store_ios, link) {
			if (!io->aborting && (store == NULL || io->store == store)
			    && (operation == NULL
				|| (io->operation == operation && io->generation == operation->generation))) {
				io->aborting = true;
				found = true;
				/* It may end others in here, so the list is begun again. A device that does not abort just goes on. */
				if (io->store->aborts_reach) {
					spdk_bdev_abort(io->store->desc, io->channel, io, on_abort, NULL);
				} else if (operation == NULL && !reset) {
					/* All of it must end. */
					reset = true;
					spdk_bdev_reset(io->store->desc, io->channel, on_abort, NULL);
				}
				break;
			}
		}
	} while (found);
}

/* Aborts this thread's I/O of a store. */
SPDKIO_EXPORT void
spdkio_store_abort(struct spdkio_store *store)
{
	abort_ios(store, NULL);
}

void
spdkio_store_abort_operation(struct spdkio_blob_operation *operation)
{
	operation->aborted = true;
	abort_ios(NULL, operation);
}

/* The thread is about to be destroyed. */
void
spdkio_store_forget(struct spdkio_thread_context *context)
{
	struct spdkio_store_io *io;

	while ((io = LIST_FIRST(&context->spare_ios)) != NULL) {
		LIST_REMOVE(io, link);
		free(io);
	}
}

/* ---- attributes */

/* From Java. */
struct spdkio_xattrs {
	uint64_t count;         /*  0 */
	char **names;           /*  8 */
	const void **values;    /* 16 */
	const uint64_t *lengths; /* 24 */
};

static void
xattr_value(void *argument, const char *name, const void **value, size_t *length)
{
	const struct spdkio_xattrs *xattrs = argument;

	*value = NULL;
	*length = 0;
	for (uint64_t i = 0; i < xattrs->count; i++) {
		if (strcmp(xattrs->names[i], name) == 0) {
			*value = xattrs->values[i];
			*length = xattrs->lengths[i];
		}
	}
}

/* Lets blobstore take attributes from a table. */
SPDKIO_EXPORT void
spdkio_store_xattrs(struct spdk_blob_xattr_opts *options, struct spdkio_xattrs *xattrs)
{
	options->count = xattrs->count;
	options->names = xattrs->names;
	options->ctx = xattrs;
	options->get_value = xattr_value;
}
