package io.spdkio.cli.perf;

import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/**
 * Writes patterns, reads them back and compares. A slot writes a position that no other slot works on, then reads it.
 * Each pattern begins with its offset and generation, and all the rest follows from these and the seed: data from
 * another place or another time shows as such.
 */
final class Verifier implements AutoCloseable {
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG;
    private static final long STEP = 0x9E3779B97F4A7C15L;

    private final DmaBuf memory;
    private final DmaBuf[] readBuffers;
    private final MemorySegment[] expected;
    private final MemorySegment[] found;
    private final long[] positionOf;
    private final boolean[] reading;
    private final BitSet busy = new BitSet();
    private final long regionBegin;
    private final int positions;
    private final int ioSize;
    private final long seed;
    private final String device;
    private int cursor;
    private long generation;

    Verifier(Dma dma, DmaBuf[] writeBuffers, long regionBegin, long positions, int ioSize, long seed, String device) {
        int slots = writeBuffers.length;
        this.memory = dma.allocate((long) slots * ioSize);
        this.readBuffers = new DmaBuf[slots];
        this.expected = new MemorySegment[slots];
        this.found = new MemorySegment[slots];
        this.positionOf = new long[slots];
        this.reading = new boolean[slots];
        for (int i = 0; i < slots; i++) {
            readBuffers[i] = memory.slice((long) i * ioSize, ioSize);
            expected[i] = writeBuffers[i].segment();
            found[i] = readBuffers[i].segment();
            positionOf[i] = -1;
        }
        this.regionBegin = regionBegin;
        this.positions = (int) Math.min(positions, Integer.MAX_VALUE);
        this.ioSize = ioSize;
        this.seed = seed;
        this.device = device;
    }

    /** Goes on with a slot: true when it is to read back what it wrote, false when it is to write. */
    boolean next(int slot) {
        if (reading[slot]) {
            return true;
        }
        if (positionOf[slot] >= 0) {
            busy.clear((int) positionOf[slot]);
        }
        int position = busy.nextClearBit(cursor);
        if (position >= positions) {
            position = busy.nextClearBit(0);
        }
        busy.set(position);
        cursor = position + 1 >= positions ? 0 : position + 1;
        positionOf[slot] = position;
        fill(expected[slot], offset(slot), ++generation);
        return false;
    }

    long offset(int slot) {
        return regionBegin + positionOf[slot] * ioSize;
    }

    DmaBuf readBuffer(int slot) {
        return readBuffers[slot];
    }

    /** The I/O of a slot has succeeded: says what is wrong with the data, or null. */
    String completed(int slot) {
        boolean wasReading = reading[slot];
        reading[slot] = !wasReading;
        if (!wasReading) {
            // What was there before must not pass for what is read.
            found[slot].set(WORD, 0, -1);
            return null;
        }
        long at = expected[slot].mismatch(found[slot]);
        return at < 0 ? null : describe(slot, at);
    }

    /** The I/O of a slot has failed: the next one writes. */
    void failed(int slot) {
        reading[slot] = false;
    }

    private void fill(MemorySegment target, long offset, long stamp) {
        target.set(WORD, 0, offset);
        target.set(WORD, 8, stamp);
        long value = Worker.mix64(seed ^ offset * STEP ^ stamp);
        for (long at = 16; at < ioSize; at += 8) {
            value += STEP;
            target.set(WORD, at, value ^ value >>> 29);
        }
    }

    private String describe(int slot, long at) {
        return ("'%s' at offset %d holds other data than was written: byte %d is 0x%02x, not 0x%02x; wrote offset %d"
                        + " generation %d, read offset %d generation %d")
                .formatted(
                        device,
                        offset(slot),
                        at,
                        found[slot].get(ValueLayout.JAVA_BYTE, at),
                        expected[slot].get(ValueLayout.JAVA_BYTE, at),
                        expected[slot].get(WORD, 0),
                        expected[slot].get(WORD, 8),
                        found[slot].get(WORD, 0),
                        found[slot].get(WORD, 8));
    }

    @Override
    public void close() {
        memory.close();
    }
}
