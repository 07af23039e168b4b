package io.spdkio.cli.dd;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The CRC-32C of data whose pieces come in any order: each piece has a sum of its own, and neighbours are combined as
 * zlib's {@code crc32_combine} does, by multiplying with a power of x modulo the polynomial.
 */
public final class Crc32cSum {
    /** Castagnoli's polynomial, reflected. */
    private static final int POLYNOMIAL = 0x82F63B78;

    private record Piece(int crc, long length) {}

    private final Map<Long, Piece> waiting = new HashMap<>();
    private final CRC32C crc32c = new CRC32C();
    private long nextPiece;
    private int sum;
    private long length;

    /** Adds a piece by its number, from 0. */
    public void add(long piece, ByteBuffer bytes) {
        int size = bytes.remaining();
        crc32c.reset();
        crc32c.update(bytes);
        waiting.put(piece, new Piece((int) crc32c.getValue(), size));
        for (Piece next = waiting.remove(nextPiece); next != null; next = waiting.remove(nextPiece)) {
            sum = combine(sum, next.crc(), next.length());
            length += next.length();
            nextPiece++;
        }
    }

    /** The sum of all the pieces. */
    public int value() {
        return sum;
    }

    /** How many bytes they have. */
    public long length() {
        return length;
    }

    static int combine(int first, int second, long lengthOfSecond) {
        return multiply(powerOfX(lengthOfSecond), first) ^ second;
    }

    /** x to the power of 8 * n. */
    private static int powerOfX(long n) {
        int result = 1 << 31;
        int square = 1 << 23;
        for (long rest = n; rest != 0; rest >>>= 1) {
            if ((rest & 1) != 0) {
                result = multiply(square, result);
            }
            square = multiply(square, square);
        }
        return result;
    }

    /** The product of two polynomials, the highest bit being the coefficient of 1. */
    private static int multiply(int a, int b) {
        int product = 0;
        int shifted = b;
        for (int bit = 31; bit >= 0; bit--) {
            if ((a >>> bit & 1) != 0) {
                product ^= shifted;
            }
            shifted = (shifted & 1) != 0 ? shifted >>> 1 ^ POLYNOMIAL : shifted >>> 1;
        }
        return product;
    }
}
