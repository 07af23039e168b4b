/*
 * Block devices whose I/O Java does. SPDK's requests go into the request queue of the ring that the SPDK thread has; Java
 * takes them from there after a poll, and its answers are handed over with the next one.
 */
#include "spdkio_bridge.h"

/* What Java asks for; it knows these offsets. */
struct spdkio_device_options {
	const char *name;             /*  0 */
	const char *product;          /*  8 */
	uint64_t block_count;         /* 16 */
	uint64_t operations;          /* 24: a bit for each spdkio_op */
	uint32_t id;                  /* 32 */
	uint32_t block_bytes;         /* 36 */
	uint32_t physical_bytes;      /* 40 */
	uint32_t alignment_shift;     /* 44 */
	uint32_t boundary_blocks;     /* 48 */
	uint32_t split_on_boundary;   /* 52 */
	uint32_t max_rw_blocks;       /* 56 */
	uint32_t max_segments;        /* 60 */
	uint32_t max_segment_bytes;   /* 64 */
	uint32_t write_unit_blocks;   /* 68 */
	uint32_t atomic_unit_blocks;  /* 72 */
	uint32_t write_cache;         /* 76 */
	struct spdk_uuid uuid;        /* 80 */
};

_Static_assert(sizeof(struct spdkio_device_options) == 96, "Java writes 96 bytes");

struct spdkio_device {
	struct spdk_bdev bdev;
	uint32_t id;
	uint64_t operations;
	bool registered; /* Java knows of it */
	struct spdk_thread *destructing; /* where SPDKIO_DESTRUCT was told */
};

struct device_channel {
	uint32_t id;
};

static uint32_t g_last_channel;

static int
module_init(void)
{
	return 0;
}

static struct spdk_bdev_module g_module = {
	.name = "spdkio",
	.module_init = module_init,
};

SPDK_BDEV_MODULE_REGISTER(spdkio, &g_module)

static struct spdkio_ring *
current_ring(void)
{
	struct spdkio_thread_context *context = spdkio_thread_context(spdk_get_thread());

	return context == NULL ? NULL : context->ring;
}

static const char *
current_name(void)
{
	struct spdk_thread *thread = spdk_get_thread();

	return thread == NULL ? "none" : spdk_thread_get_name(thread);
}

/* Tells Java something about a device. */
static int
tell(struct spdkio_device *device, enum spdkio_op op, uint32_t channel)
{
	struct spdkio_ring *ring = current_ring();
	struct spdkio_request *request;

	if (ring == NULL) {
		return -ENODEV;
	}
	request = spdkio_ring_request(ring, false);
	if (request == NULL) {
		return -ENOMEM;
	}
	*request = (struct spdkio_request) { .op = op, .device = device->id, .channel = channel };
	return 0;
}

/* ---- channels */

static int
create_channel(void *device, void *memory)
{
	struct device_channel *channel = memory;
	int rc;

	channel->id = __atomic_add_fetch(&g_last_channel, 1, __ATOMIC_RELAXED);
	rc = tell(device, SPDKIO_CHANNEL_CREATED, channel->id);
	if (rc == -ENODEV) {
		SPDK_ERRLOG("%s is served by Java, and nothing of Java's polls the SPDK thread %s\n",
			    ((struct spdkio_device *)device)->bdev.name, current_name());
	}
	return rc;
}

static void
destroy_channel(void *device, void *memory)
{
	struct device_channel *channel = memory;

	if (tell(device, SPDKIO_CHANNEL_DESTROYED, channel->id) != 0) {
		SPDK_ERRLOG("%s: Java does not learn of the end of channel %" PRIu32 "\n",
			    ((struct spdkio_device *)device)->bdev.name, channel->id);
	}
}

static struct spdk_io_channel *
get_io_channel(void *device)
{
	return spdk_get_io_channel(device);
}

/* ---- requests */

/* NOP for what has no such operation. */
enum spdkio_op
spdkio_operation_of(enum spdk_bdev_io_type type)
{
	switch (type) {
	case SPDK_BDEV_IO_TYPE_READ:
		return SPDKIO_READ;
	case SPDK_BDEV_IO_TYPE_WRITE:
		return SPDKIO_WRITE;
	case SPDK_BDEV_IO_TYPE_UNMAP:
		return SPDKIO_UNMAP;
	case SPDK_BDEV_IO_TYPE_FLUSH:
		return SPDKIO_FLUSH;
	case SPDK_BDEV_IO_TYPE_RESET:
		return SPDKIO_RESET;
	case SPDK_BDEV_IO_TYPE_WRITE_ZEROES:
		return SPDKIO_WRITE_ZEROES;
	case SPDK_BDEV_IO_TYPE_COMPARE:
		return SPDKIO_COMPARE;
	case SPDK_BDEV_IO_TYPE_COMPARE_AND_WRITE:
		return SPDKIO_COMPARE_AND_WRITE;
	case SPDK_BDEV_IO_TYPE_ABORT:
		return SPDKIO_ABORT;
	case SPDK_BDEV_IO_TYPE_COPY:
		return SPDKIO_COPY;
	default:
		return SPDKIO_NOP;
	}
}

static bool
io_type_supported(void *context, enum spdk_bdev_io_type type)
{
	struct spdkio_device *device = context;
	enum spdkio_op op = spdkio_operation_of(type);

	return op != SPDKIO_NOP && (device->operations >> op & 1) != 0;
}

static void
queue(struct spdk_io_channel *io_channel, struct spdk_bdev_io *io, bool success)
{
	struct spdkio_device *device = io->bdev->ctxt;
	struct device_channel *channel = spdk_io_channel_get_ctx(io_channel);
	struct spdkio_ring *ring = current_ring();
	struct spdkio_request *request;
	enum spdkio_op op = spdkio_operation_of(io->type);

	if (spdk_unlikely(!success)) {
		SPDK_ERRLOG("%s: no buffer for %" PRIu64 " blocks\n", io->bdev->name, io->u.bdev.num_blocks);
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_FAILED);
		return;
	}
	if (spdk_unlikely(ring == NULL || op == SPDKIO_NOP)) {
		SPDK_ERRLOG("%s: Java cannot do I/O of type %d on the SPDK thread %s\n", io->bdev->name, io->type,
			    current_name());
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_FAILED);
		return;
	}
	request = spdkio_ring_request(ring, true);
	if (spdk_unlikely(request == NULL)) {
		/* A reset has to succeed or fail. */
		spdk_bdev_io_complete(io, op == SPDKIO_RESET ? SPDK_BDEV_IO_STATUS_FAILED : SPDK_BDEV_IO_STATUS_NOMEM);
		return;
	}
	request->op = op;
	request->device = device->id;
	request->io = (uintptr_t)io;
	request->channel = channel->id;
	request->extra_count = 0;
	request->extra = 0;
	switch (op) {
	case SPDKIO_RESET:
	case SPDKIO_ABORT:
		request->iov_count = 0;
		request->offset_blocks = 0;
		request->num_blocks = 0;
		request->iovs = 0;
		request->extra = op == SPDKIO_ABORT ? (uintptr_t)io->u.abort.bio_to_abort : 0;
		return;
	case SPDKIO_COMPARE_AND_WRITE:
		request->extra = (uintptr_t)io->u.bdev.fused_iovs;
		request->extra_count = (uint32_t)io->u.bdev.fused_iovcnt;
		break;
	case SPDKIO_COPY:
		request->extra = io->u.bdev.copy.src_offset_blocks;
		break;
	default:
		break;
	}
	request->offset_blocks = io->u.bdev.offset_blocks;
	request->num_blocks = io->u.bdev.num_blocks;
	if (op == SPDKIO_READ || op == SPDKIO_WRITE || op == SPDKIO_COMPARE || op == SPDKIO_COMPARE_AND_WRITE) {
		request->iovs = (uintptr_t)io->u.bdev.iovs;
		request->iov_count = (uint32_t)io->u.bdev.iovcnt;
	} else {
		request->iovs = 0;
		request->iov_count = 0;
	}
}

static void
submit_request(struct spdk_io_channel *channel, struct spdk_bdev_io *io)
{
	if (io->type == SPDK_BDEV_IO_TYPE_READ || io->type == SPDK_BDEV_IO_TYPE_WRITE) {
		/* At once, unless a read came without a buffer, or one that is not aligned. */
		spdk_bdev_io_get_buf(io, queue, io->u.bdev.num_blocks * io->bdev->blocklen);
	} else {
		queue(channel, io, true);
	}
}

/* Java's answer, on the thread of the I/O: 0, -errno, or NVMe status code type << 8 | status code. */
void
spdkio_device_answer(struct spdk_bdev_io *io, int32_t status)
{
	if (spdk_likely(status == 0)) {
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_SUCCESS);
	} else if (status > 0) {
		spdk_bdev_io_complete_nvme_status(io, 0, status >> 8 & 7, status & 255);
	} else if (status == -ENOMEM && io->type != SPDK_BDEV_IO_TYPE_RESET) {
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_NOMEM);
	} else if (status == -ECANCELED) {
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_ABORTED);
	} else if (status == -EIO || io->type == SPDK_BDEV_IO_TYPE_RESET || io->type == SPDK_BDEV_IO_TYPE_ABORT) {
		spdk_bdev_io_complete(io, SPDK_BDEV_IO_STATUS_FAILED);
	} else {
		spdk_bdev_io_complete_aio_status(io, status);
	}
}

/* ---- coming and going */

static void
free_device(struct spdkio_device *device)
{
	free(device->bdev.name);
	free(device->bdev.product_name);
	free(device);
}

static void
on_io_device_unregistered(void *argument)
{
	struct spdkio_device *device = argument;

	if (device->registered && tell(device, SPDKIO_GONE, 0) != 0) {
		SPDK_ERRLOG("%s: Java does not learn that it is gone\n", device->bdev.name);
	}
	spdk_bdev_destruct_done(&device->bdev, 0);
	free_device(device);
}

/* After SPDKIO_DESTRUCT, on the OS thread where Java was told: it is done with the device. SPDKIO_GONE follows. */
SPDKIO_EXPORT void
spdkio_device_destructed(struct spdkio_device *device)
{
	struct spdk_thread *before = spdk_get_thread();

	spdk_set_thread(device->destructing);
	spdk_io_device_unregister(device, on_io_device_unregistered);
	spdk_set_thread(before);
}

static int
destruct(void *context)
{
	struct spdkio_device *device = context;

	device->destructing = spdk_get_thread();
	if (!device->registered || tell(device, SPDKIO_DESTRUCT, 0) != 0) {
		SPDK_NOTICELOG("%s ends without Java\n", device->bdev.name);
		spdkio_device_destructed(device);
	}
	return 1;
}

static const struct spdk_bdev_fn_table g_functions = {
	.destruct = destruct,
	.submit_request = submit_request,
	.io_type_supported = io_type_supported,
	.get_io_channel = get_io_channel,
};

static int
fill(struct spdkio_device *device, const struct spdkio_device_options *options)
{
	struct spdk_bdev *bdev = &device->bdev;

	device->id = options->id;
	device->operations = options->operations;
	bdev->ctxt = device;
	bdev->module = &g_module;
	bdev->fn_table = &g_functions;
	bdev->name = strdup(options->name);
	bdev->product_name = strdup(options->product);
	bdev->blocklen = options->block_bytes;
	bdev->phys_blocklen = options->physical_bytes;
	bdev->blockcnt = options->block_count;
	bdev->required_alignment = (uint8_t)options->alignment_shift;
	bdev->optimal_io_boundary = options->boundary_blocks;
	bdev->split_on_optimal_io_boundary = options->split_on_boundary != 0;
	bdev->max_rw_size = options->max_rw_blocks;
	bdev->max_num_segments = options->max_segments;
	bdev->max_segment_size = options->max_segment_bytes;
	if (bdev->max_num_segments != 0 && bdev->max_segment_size == 0) {
		/* SPDK wants both limits or none. */
		bdev->max_segment_size = UINT32_MAX;
	}
	bdev->write_unit_size = options->write_unit_blocks;
	bdev->acwu = (uint16_t)options->atomic_unit_blocks;
	bdev->write_cache = options->write_cache != 0;
	spdk_uuid_copy(&bdev->uuid, &options->uuid);
	return bdev->name == NULL || bdev->product_name == NULL ? -ENOMEM : 0;
}

static int
register_device(const struct spdkio_device_options *options, struct spdkio_device **registered)
{
	struct spdkio_device *device;
	int rc;

	if (current_ring() == NULL) {
		return -ENODEV;
	}
	device = calloc(1, sizeof(*device));
	if (device == NULL) {
		return -ENOMEM;
	}
	rc = fill(device, options);
	if (rc != 0) {
		free_device(device);
		return rc;
	}
	spdk_io_device_register(device, create_channel, destroy_channel, sizeof(struct device_channel),
				device->bdev.name);
	device->registered = true;
	rc = spdk_bdev_register(&device->bdev);
	if (rc == 0) {
		*registered = device;
		return 0;
	}
	device->registered = false;
	/* When it failed late, SPDK has begun to unregister it, and that ends with destruct. */
	if (spdk_bdev_get_by_name(options->name) != &device->bdev) {
		spdk_io_device_unregister(device, NULL);
		free_device(device);
	}
	return rc;
}

/*
 * Registers a device, on the OS thread that carries the app thread. Returns 0, what spdk_bdev_register says, or -ENODEV
 * when the app thread has no ring. Requests may come before it returns: modules look for their metadata on every new
 * device.
 */
SPDKIO_EXPORT int
spdkio_device_register(const struct spdkio_device_options *options, struct spdkio_device **registered)
{
	struct spdk_thread *before = spdk_get_thread();
	int rc;

	spdk_set_thread(spdk_thread_get_app_thread());
	rc = register_device(options, registered);
	spdk_set_thread(before);
	return rc;
}

/*
 * On the OS thread that carries the app thread. SPDKIO_DESTRUCT follows when the last descriptor has been closed; the
 * device must not be gone.
 */
SPDKIO_EXPORT void
spdkio_device_unregister(struct spdkio_device *device)
{
	struct spdk_thread *before = spdk_get_thread();

	spdk_set_thread(spdk_thread_get_app_thread());
	spdk_bdev_unregister(&device->bdev, NULL, NULL);
	spdk_set_thread(before);
}

/* Returns 0, or -EBUSY when the device would be smaller and is open. As spdkio_device_unregister. */
SPDKIO_EXPORT int
spdkio_device_resize(struct spdkio_device *device, uint64_t block_count)
{
	struct spdk_thread *before = spdk_get_thread();
	int rc;

	spdk_set_thread(spdk_thread_get_app_thread());
	rc = spdk_bdev_notify_blockcnt_change(&device->bdev, block_count);
	spdk_set_thread(before);
	return rc;
}

/* The struct spdk_bdev, which spdk_bdev_... functions take. */
SPDKIO_EXPORT struct spdk_bdev *
spdkio_device_bdev(struct spdkio_device *device)
{
	return &device->bdev;
}

static bool
is_of(struct spdk_bdev *bdev, const char *module)
{
	return strcmp(spdk_bdev_get_module_name(bdev), module) == 0;
}

/* Whether a bdev neither is of a module nor may stand on one that is. */
static bool
is_clear_of(struct spdk_bdev *bdev, const char *module)
{
	static const char *const stand_alone[] = { "malloc", "null", "aio", "uring", "nvme", "spdkio" };
	struct spdk_bdev *other;
	size_t i;

	for (i = 0; i < SPDK_COUNTOF(stand_alone); i++) {
		if (is_of(bdev, stand_alone[i])) {
			return true;
		}
	}
	for (other = spdk_bdev_first(); other != NULL; other = spdk_bdev_next(other)) {
		if (is_of(other, module)) {
			return false;
		}
	}
	return true;
}

/*
 * Whether SPDK may be asked to abort I/O of a bdev. An error device marks what it hands down as split I/O; an abort then
 * looks for parts that there are not, and never ends or frees memory twice. What stands on one hands aborts down to it.
 */
bool
spdkio_bdev_aborts_reach(struct spdk_bdev *bdev)
{
	return is_clear_of(bdev, "error");
}

/* Whether SPDK may be asked to copy. A delay device says that it does when its base does, and fails to. */
bool
spdkio_bdev_copies(struct spdk_bdev *bdev)
{
	return spdk_bdev_io_type_supported(bdev, SPDK_BDEV_IO_TYPE_WRITE) && is_clear_of(bdev, "delay");
}

/* What SPDK has no functions for, and where struct spdk_bdev differs from version to version. On the app thread. */
SPDKIO_EXPORT void
spdkio_bdev_limits(struct spdk_bdev *bdev, uint32_t *limits)
{
	limits[0] = bdev->max_rw_size;
	limits[1] = bdev->max_num_segments;
	limits[2] = bdev->split_on_optimal_io_boundary;
	limits[3] = spdkio_bdev_aborts_reach(bdev);
	limits[4] = spdkio_bdev_copies(bdev);
}
