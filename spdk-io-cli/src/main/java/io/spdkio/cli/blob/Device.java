package io.spdkio.cli.blob;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.OpenMode;
import io.spdkio.blob.ExternalSnapshots;
import io.spdkio.cli.CliException;
import io.spdkio.cli.DeviceSpecs;
import io.spdkio.dma.DmaBuf;
import io.spdkio.embedded.blob.format.PageSource;
import io.spdkio.embedded.blob.format.Printable;
import io.spdkio.embedded.blob.format.SuperBlock;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;

/** The device that a store lies on, with the environment and the thread that a command needs for it. */
final class Device implements AutoCloseable {
    private final String spec;
    private final SpdkEnv env;
    private final SpdkThread thread;
    private final List<Bdev> bdevs;

    private Device(String spec, SpdkEnv env, SpdkThread thread, List<Bdev> bdevs) {
        this.spec = spec;
        this.env = env;
        this.thread = thread;
        this.bdevs = bdevs;
    }

    /**
     * Makes the device.
     *
     * @param readOnly whether nothing will be written to it
     */
    static Device open(StoreOptions options, boolean readOnly) {
        DeviceSpecs devices = new DeviceSpecs();
        devices.add(options.bdev(), readOnly);
        options.externals().forEach(external -> devices.add(external, true));
        SpdkEnv env = options.open();
        try {
            SpdkThread thread = env.attachThread("blob");
            return new Device(options.bdev(), env, thread, devices.create(env));
        } catch (RuntimeException | Error e) {
            env.close();
            throw e;
        }
    }

    /** What the user called it. */
    String spec() {
        return spec;
    }

    SpdkEnv env() {
        return env;
    }

    SpdkThread thread() {
        return thread;
    }

    Bdev bdev() {
        return bdevs.getFirst();
    }

    /** Finds the other devices of the command line by name or UUID. */
    ExternalSnapshots externals() {
        return (_, identity) -> {
            Optional<String> wanted = Printable.text(identity);
            return bdevs.stream()
                    .skip(1)
                    .filter(bdev ->
                            wanted.filter(text ->
                                            text.equals(bdev.name()) || text.equalsIgnoreCase(bdev.uuid().toString()))
                                    .isPresent())
                    .map(Bdev::name)
                    .findFirst();
        };
    }

    /** The super block, when there is one that makes sense. */
    Optional<SuperBlock> superBlock() {
        if (bdev().sizeBytes() < SuperBlock.SIZE_BYTES) {
            return Optional.empty();
        }
        MemorySegment page = firstPage();
        try {
            return Optional.of(SuperBlock.decode(page, bdev().sizeBytes()));
        } catch (io.spdkio.embedded.blob.format.CorruptStoreException e) {
            return Optional.empty();
        }
    }

    /** Whether there is a store, damaged or not. */
    boolean holdsStore() {
        return bdev().sizeBytes() >= SuperBlock.SIZE_BYTES && SuperBlock.isMarked(firstPage());
    }

    /** Refuses a device without a store, and says how to make one. */
    void requireStore() {
        if (!holdsStore()) {
            throw CliException.failed(
                    spec + " holds no blobstore; make one with spdk-io blob init, which overwrites what is there");
        }
    }

    private MemorySegment firstPage() {
        MemorySegment page = memory(SuperBlock.SIZE_BYTES);
        readPages((source, _) -> source.read(0, page));
        return page;
    }

    /** Memory for what reads the pages of a store. */
    static MemorySegment memory(long sizeBytes) {
        return MemorySegment.ofArray(new byte[Math.toIntExact(sizeBytes)]);
    }

    /** Reads the device below the store. */
    <T> T readPages(BiFunction<PageSource, Long, CompletionStage<T>> reader) {
        try (BdevDesc desc = bdev().open(OpenMode.READ_ONLY);
                IoChannel channel = thread.ioChannel(desc)) {
            return thread.await(reader.apply(source(desc, channel), bdev().sizeBytes()));
        }
    }

    /** Blocks need not be those that the store was made on, and pages no multiples of them. */
    private PageSource source(BdevDesc desc, IoChannel channel) {
        int blockSize = bdev().blockSize();
        return (offset, into) -> {
            long length = into.byteSize();
            if (offset < 0 || offset > bdev().sizeBytes() - length) {
                return CompletableFuture.failedFuture(
                        CliException.failed("%s: %,d bytes at %,d are beyond its end".formatted(spec, length, offset)));
            }
            long from = offset / blockSize * blockSize;
            long end = Math.ceilDiv(offset + length, blockSize) * blockSize;
            DmaBuf buffer = env.dma().allocate(end - from);
            return desc.read(channel, buffer, from, end - from)
                    .thenRun(() -> MemorySegment.copy(buffer.segment(), offset - from, into, 0, length))
                    .whenComplete((_, _) -> buffer.close());
        };
    }

    @Override
    public void close() {
        try {
            thread.close();
        } finally {
            env.close();
        }
    }
}
