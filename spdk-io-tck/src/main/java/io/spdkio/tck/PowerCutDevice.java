package io.spdkio.tck;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.bdev.BdevIo;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A device in memory that keeps apart what was written and not flushed, and whose power can be cut. What it holds
 * afterwards is what was flushed, and any part of the rest: of each write each 4096 bytes by themselves, which is as
 * much as a device writes as a whole.
 */
final class PowerCutDevice extends ImmediateBackend {
    static final int ATOM_BYTES = 4096;

    /** What becomes of what was not flushed. */
    enum Fate {
        LOST,
        KEPT,
        ANY
    }

    /** A write of up to 4096 bytes; without data it zeroes. */
    private record Atom(long offset, long length, MemorySegment data) {}

    private final MemorySegment durable;
    private final MemorySegment current;
    private final List<Atom> pending = new ArrayList<>();
    private int writes;
    private int cutAfter = Integer.MAX_VALUE;

    PowerCutDevice(long sizeBytes, int blockSize) {
        this(MemorySegment.ofArray(new byte[(int) sizeBytes]), blockSize);
    }

    /** A device that holds a copy of an image. */
    PowerCutDevice(MemorySegment image, int blockSize) {
        super("Power cut disk", image.byteSize(), blockSize);
        durable = Arena.ofAuto().allocate(image.byteSize(), ATOM_BYTES).copyFrom(image);
        current = Arena.ofAuto().allocate(image.byteSize(), ATOM_BYTES).copyFrom(image);
    }

    /** How many writes there have been. */
    int writes() {
        return writes;
    }

    /** The power is cut right after so many writes. */
    void cutAfter(int count) {
        cutAfter = count;
    }

    boolean isCut() {
        return writes >= cutAfter;
    }

    /** What the device holds after a power cut now. */
    MemorySegment afterCut(Fate fate, Random random) {
        MemorySegment image = MemorySegment.ofArray(new byte[(int) durable.byteSize()]).copyFrom(durable);
        for (Atom atom : pending) {
            boolean kept =
                    switch (fate) {
                        case LOST -> false;
                        case KEPT -> true;
                        case ANY -> random.nextBoolean();
                    };
            if (kept) {
                apply(atom, image);
            }
        }
        return image;
    }

    private static void apply(Atom atom, MemorySegment to) {
        if (atom.data() == null) {
            to.asSlice(atom.offset(), atom.length()).fill((byte) 0);
        } else {
            MemorySegment.copy(atom.data(), 0, to, atom.offset(), atom.length());
        }
    }

    @Override
    protected synchronized int serve(BdevIo io) {
        if (isCut()) {
            return -Errno.EIO;
        }
        switch (io.type()) {
            case READ -> io.copyFrom(current, io.offsetBytes());
            case WRITE -> {
                MemorySegment data = MemorySegment.ofArray(new byte[(int) io.lengthBytes()]);
                io.copyTo(data, 0);
                change(io.offsetBytes(), io.lengthBytes(), data);
            }
            case UNMAP, WRITE_ZEROES -> change(io.offsetBytes(), io.lengthBytes(), null);
            case FLUSH -> {
                pending.forEach(atom -> apply(atom, durable));
                pending.clear();
            }
            default -> throw new IllegalStateException("not asked for: " + io.type());
        }
        return IoStatus.SUCCESS;
    }

    private void change(long offset, long length, MemorySegment data) {
        for (long at = 0; at < length; ) {
            long size = Math.min(length - at, ATOM_BYTES - (offset + at) % ATOM_BYTES);
            Atom atom = new Atom(offset + at, size, data == null ? null : data.asSlice(at, size));
            pending.add(atom);
            apply(atom, current);
            at += size;
        }
        writes++;
    }
}
