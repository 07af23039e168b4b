package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** A fixed number of bits, which are found from the lowest on as SPDK finds them. */
public final class Bits {
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final long capacity;
    private final long[] words;
    private long setCount;

    /** No clear bit lies below this one. */
    private long lowestClear;

    /**
     * Makes them, all clear.
     *
     * @param capacity how many
     */
    public Bits(long capacity) {
        this.capacity = capacity;
        this.words = new long[Math.toIntExact((capacity + 63) >>> 6)];
    }

    /**
     * How many there are.
     *
     * @return the number of bits
     */
    public long capacity() {
        return capacity;
    }

    /**
     * How many are set.
     *
     * @return the number of bits
     */
    public long setCount() {
        return setCount;
    }

    /**
     * How many are clear.
     *
     * @return the number of bits
     */
    public long clearCount() {
        return capacity - setCount;
    }

    /**
     * Looks at one.
     *
     * @param index which
     * @return whether it is set; false for one beyond the last
     */
    public boolean get(long index) {
        return index >= 0 && index < capacity && (words[(int) (index >>> 6)] & (1L << index)) != 0;
    }

    /**
     * Sets one.
     *
     * @param index which
     * @return whether it was clear
     */
    public boolean set(long index) {
        int word = (int) (check(index) >>> 6);
        long bit = 1L << index;
        if ((words[word] & bit) != 0) {
            return false;
        }
        words[word] |= bit;
        setCount++;
        return true;
    }

    /**
     * Clears one.
     *
     * @param index which
     * @return whether it was set
     */
    public boolean clear(long index) {
        int word = (int) (check(index) >>> 6);
        long bit = 1L << index;
        if ((words[word] & bit) == 0) {
            return false;
        }
        words[word] &= ~bit;
        setCount--;
        lowestClear = Math.min(lowestClear, index);
        return true;
    }

    private long check(long index) {
        if (index < 0 || index >= capacity) {
            throw new IndexOutOfBoundsException(index);
        }
        return index;
    }

    /**
     * Finds the first clear one.
     *
     * @param from where to begin
     * @return its index, or -1 when there is none
     */
    public long nextClear(long from) {
        long begin = Math.max(from, lowestClear);
        long found = next(begin, -1L);
        if (from <= lowestClear) {
            lowestClear = found < 0 ? capacity : found;
        }
        return found;
    }

    /**
     * Finds the first set one.
     *
     * @param from where to begin
     * @return its index, or -1 when there is none
     */
    public long nextSet(long from) {
        return next(from, 0);
    }

    /** The first one that is set after all words were flipped with a mask. */
    private long next(long from, long flip) {
        if (from >= capacity) {
            return -1;
        }
        int word = (int) (from >>> 6);
        long left = (words[word] ^ flip) & (-1L << from);
        while (left == 0) {
            if (++word == words.length) {
                return -1;
            }
            left = words[word] ^ flip;
        }
        long found = ((long) word << 6) + Long.numberOfTrailingZeros(left);
        return found < capacity ? found : -1;
    }

    /**
     * Copies them into a larger number.
     *
     * @param newCapacity how many there will be
     * @return the copy
     */
    public Bits grownTo(long newCapacity) {
        Bits grown = new Bits(newCapacity);
        System.arraycopy(words, 0, grown.words, 0, words.length);
        grown.setCount = setCount;
        return grown;
    }

    /** Reads them, the lowest first in each byte. */
    static Bits load(MemorySegment from, long at, long capacity) {
        Bits bits = new Bits(capacity);
        for (int i = 0; i < bits.words.length; i++) {
            long word = 0;
            long offset = at + 8L * i;
            if (offset + 8 <= from.byteSize()) {
                word = from.get(WORD, offset);
            } else {
                for (int b = 0; b < 8 && offset + b < from.byteSize(); b++) {
                    word |= (from.get(ValueLayout.JAVA_BYTE, offset + b) & 0xffL) << (8 * b);
                }
            }
            long valid = capacity - 64L * i;
            if (valid < 64) {
                word &= (1L << valid) - 1;
            }
            bits.words[i] = word;
            bits.setCount += Long.bitCount(word);
        }
        return bits;
    }

    /** Writes them; the memory behind is zero and large enough for whole bytes. */
    void store(MemorySegment to, long at) {
        long bytes = (capacity + 7) >>> 3;
        for (long b = 0; b < bytes; b++) {
            to.set(ValueLayout.JAVA_BYTE, at + b, (byte) (words[(int) (b >>> 3)] >>> (8 * (b & 7))));
        }
    }
}
