package io.spdkio.examples;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A device of one's own: keeps its contents in memory, scrambled with a key. Everything that is not here (splitting,
 * compare, copy, reset, statistics, removal) the layer above adds.
 */
public final class XorDevice implements BdevBackend {
    private static final int BLOCK_SIZE = 512;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment scrambled;
    private final byte key;

    /**
     * Makes the device.
     *
     * @param blocks how many blocks of 512 bytes
     * @param key what every byte is scrambled with
     */
    public XorDevice(long blocks, byte key) {
        this.key = key;
        this.scrambled = arena.allocate(blocks * BLOCK_SIZE).fill(key);
    }

    @Override
    public String productName() {
        return "Xor disk";
    }

    @Override
    public BdevGeometry geometry() {
        return BdevGeometry.of(BLOCK_SIZE, scrambled.byteSize() / BLOCK_SIZE);
    }

    @Override
    public boolean supports(IoType type) {
        return type == IoType.READ || type == IoType.WRITE || type == IoType.FLUSH;
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        return this::submit;
    }

    private void submit(BdevIo io) {
        long at = io.offsetBytes();
        for (int i = 0; i < io.segmentCount(); i++) {
            MemorySegment memory = io.segment(i);
            boolean read = io.type() == IoType.READ;
            MemorySegment from = read ? scrambled.asSlice(at, memory.byteSize()) : memory;
            MemorySegment to = read ? memory : scrambled.asSlice(at, memory.byteSize());
            for (long b = 0; b < memory.byteSize(); b++) {
                to.set(ValueLayout.JAVA_BYTE, b, (byte) (from.get(ValueLayout.JAVA_BYTE, b) ^ key));
            }
            at += memory.byteSize();
        }
        io.complete();
    }

    @Override
    public void close() {
        arena.close();
    }

    /**
     * Shows the device at work.
     *
     * @param args not used
     */
    public static void main(String[] args) {
        try (SpdkEnv env = SpdkEnv.open();
                SpdkThread thread = env.attachThread("main")) {
            Bdev bdev = env.bdevs().create(CustomBdev.of("xor0", new XorDevice(2048, (byte) 0x5a))).join();
            try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                    IoChannel channel = thread.ioChannel(desc);
                    DmaBuf buffer = env.dma().allocate(BLOCK_SIZE)) {
                buffer.put(0, new byte[] {1, 2, 3});
                desc.write(channel, buffer, 0, BLOCK_SIZE).join();
                desc.copy(channel, 0, 64 * BLOCK_SIZE, BLOCK_SIZE).join();
                buffer.fill((byte) 0);
                desc.read(channel, buffer, 64 * BLOCK_SIZE, BLOCK_SIZE).join();
                System.out.println(
                        "read back "
                                + buffer.get(0, 1)[0]
                                + ", "
                                + buffer.get(1, 1)[0]
                                + ", "
                                + buffer.get(2, 1)[0]
                                + " from a copy on "
                                + bdev.productName());
            }
        }
    }
}
