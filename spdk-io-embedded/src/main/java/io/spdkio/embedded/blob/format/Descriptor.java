package io.spdkio.embedded.blob.format;

/** The types of what a metadata page holds. Each begins with its type, a byte, and its length, four. */
final class Descriptor {
    static final int PADDING = 0;
    static final int EXTENT_RLE = 1;
    static final int XATTR = 2;
    static final int FLAGS = 3;
    static final int XATTR_INTERNAL = 4;
    static final int EXTENT_TABLE = 5;
    static final int EXTENT_PAGE = 6;

    private Descriptor() {}
}
