package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.MetadataPage;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An operation that begins with reading what the device says of a blob.
 *
 * @param <T> its result
 */
abstract class BlobReading<T> extends Steps<T> {
    private static final int EXTENT_PAGES_AT_ONCE = 64;

    /** The first step after those that read. */
    static final int READ = 4;

    private final EmbeddedBlobstore store;
    private final MetadataIo io;
    private final BlobMetadata.Decoder decoder;
    private final List<MemorySegment> pages = new ArrayList<>(1);
    private int[] chain = {};
    private int next;

    /** The extent page from which on they are read, and the one behind the last that is being read. */
    private int piece;

    private int pieceEnd;

    BlobReading(EmbeddedBlobstore store, MetadataIo io, BlobMetadata.Decoder decoder) {
        this.store = store;
        this.io = io;
        this.decoder = decoder;
        this.next = (int) MetadataPage.firstPage(decoder.blob().id);
    }

    /** What was read. */
    final BlobMetadata meta() {
        return decoder.blob();
    }

    /** What else is known of what was read. */
    final BlobMetadata.Decoder decoded() {
        return decoder;
    }

    /** The pages of the chain on the device. */
    final int[] chain() {
        return chain;
    }

    @Override
    void step(int number) {
        switch (number) {
            case 0 -> read(next);
            case 1 -> {
                chain = Arrays.copyOf(chain, chain.length + 1);
                chain[chain.length - 1] = next;
                next = decoder.page(io.bytesOf(pages.getFirst()), next);
                free();
                if (next != MetadataPage.NO_NEXT) {
                    goTo(0);
                } else {
                    decoder.endChain();
                }
            }
            case 2 -> readExtentPages();
            case 3 -> decodeExtentPages();
            default -> throw new IllegalStateException("step " + number);
        }
    }

    private void read(int number) {
        MemorySegment page = io.takePage();
        pages.add(page);
        io.read(store.pageOffset(number), page, more());
    }

    private void free() {
        pages.forEach(io::giveBack);
        pages.clear();
    }

    private void readExtentPages() {
        int[] table = meta().extentPages;
        if (table == null) {
            return;
        }
        for (pieceEnd = piece; pieceEnd < table.length && pages.size() < EXTENT_PAGES_AT_ONCE; pieceEnd++) {
            if (table[pieceEnd] != 0) {
                read(table[pieceEnd]);
            }
        }
    }

    /** In order, as a piece that is shorter than it should be ends the blob. */
    private void decodeExtentPages() {
        int[] table = meta().extentPages;
        int page = 0;
        for (; piece < pieceEnd; piece++) {
            if (table[piece] != 0) {
                decoder.extentPage(io.bytesOf(pages.get(page++)), piece);
            }
        }
        free();
        if (table != null && piece < table.length) {
            goTo(2);
        }
    }

    @Override
    void failed(Throwable cause) {
        free();
        fail(cause);
    }
}
